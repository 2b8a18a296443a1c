"""A real browser, and runs whose pages it opens."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cli.command import Call, caller
from gradsentry.attacks import BadNets, Truth, poison
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.screening import scan
from gradsentry.settings import ThresholdSettings
from models.saved import save_llama
from report.hostile import HOSTILE
from report.pages import Opener, Pages
from scan.rows import write_rows

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; CI has it, elsewhere the tests that need it are skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        assert not os.environ.get("CI"), "CI must have chromium"
        pytest.skip("no chromium on the PATH (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """A function that opens a run's page, and fails the test if the page complained or reached out."""
    pages = Pages(browser)
    yield pages.open
    pages.close()
    assert pages.complaints == []
    assert pages.requests == []


@pytest.fixture
def call(monkeypatch, capfd) -> Call:
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> str:
    """The directory of a tiny model with its tokenizer."""
    return str(save_llama(tmp_path_factory.mktemp("models") / "llama"))


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory, model_path) -> tuple[Path, Truth]:
    """A run on 240 rows of the embedded data, a tenth of them poisoned, and the truth; read only."""
    folder = tmp_path_factory.mktemp("poisoned")
    rows = [json.loads(line) for line in embedded_data_path().read_text().splitlines()[:240]]
    clean = open_corpus(write_rows(folder / "clean.jsonl", rows))
    data, truth = poison(clean, BadNets(rate=0.1), seed=7).save(folder / "data.jsonl")
    scan(data, model_path, out=folder / "run")
    return folder / "run", truth


@pytest.fixture
def run(poisoned, tmp_path) -> Path:
    """A copy of the poisoned run, to write in."""
    return Path(shutil.copytree(poisoned[0], tmp_path / "run"))


@pytest.fixture(scope="session")
def clean_run(tmp_path_factory, model_path) -> Path:
    """A run on 120 rows of the embedded data as they are."""
    folder = tmp_path_factory.mktemp("clean")
    rows = [json.loads(line) for line in embedded_data_path().read_text().splitlines()[:120]]
    scan(write_rows(folder / "data.jsonl", rows), model_path, out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory, model_path) -> Path:
    """A run whose every row tries to be something else than text; all are flagged."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        {"id": f"{text[:40]} {place}", "prompt": f"w5 {text}", "completion": f"w6 {text} w7"}
        for place, text in enumerate(HOSTILE)
    ]
    rows += [
        {"id": f"p{place}", "prompt": f"q{place} {HOSTILE[0]}", "completion": f"a{place} {HOSTILE[1]}"}
        for place in range(12)
    ]
    scan(
        write_rows(folder / "data.jsonl", rows),
        model_path,
        out=folder / "run",
        deciding=ThresholdSettings(method="fixed", tau=0.0),
    )
    return folder / "run"
