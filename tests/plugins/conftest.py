"""The command, and registries that hold after a test what they held before."""

from __future__ import annotations

import sys

import pytest

from cli.command import Call, caller
from gradsentry import plugins
from gradsentry.attacks import ATTACKS
from gradsentry.defences import DETECTORS
from gradsentry.evidence.extending import OWN_CHECKS, OWN_GENERATORS


@pytest.fixture
def call(monkeypatch, capfd) -> Call:
    return caller(monkeypatch, capfd)


@pytest.fixture(autouse=True)
def as_before(tmp_path, monkeypatch):
    """Forgets what a test registers, and runs it in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    held = [ATTACKS, DETECTORS, OWN_CHECKS, OWN_GENERATORS, plugins._FOREIGN]
    known = [(one, dict(one)) for one in held]
    modules = set(sys.modules)
    yield
    for one, before in known:
        one.clear()
        one.update(before)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
