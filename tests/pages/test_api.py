"""The table of public names is that of the docstrings, and nothing that is public is missing in it."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

import pytest

import gradsentry
from gradsentry.errors import GradSentryError
from gradsentry.settings import DataSettings, ScoreSettings

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
table = importlib.import_module("api_table")


@pytest.mark.costly
def test_the_table_is_current():
    text = table.PAGE.read_text(encoding="utf-8")
    assert text == table.page(text), "write it again: python scripts/api_table.py"
    assert "| `gradsentry.screen` | Returns the verdict on a data set: " in text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("gradsentry.screen", inspect.signature(gradsentry.screen).parameters),
        ("gradsentry.scan", inspect.signature(gradsentry.scan).parameters),
        ("gradsentry.settings.DataSettings", DataSettings.model_fields),
        ("gradsentry.settings.ScoreSettings", ScoreSettings.model_fields),
        ("gradsentry.Verdict.outcome", ()),
        ("gradsentry.evidence.Finding", ()),
    ],
)
def test_a_line_has_the_arguments_of_what_is_called(name, arguments):
    text = table.PAGE.read_text(encoding="utf-8")
    (line,) = (one for one in text.splitlines() if one.startswith(f"| `{name}` |"))
    told = line.rsplit(" | ", 1)[1].strip("|` ").split(", ")
    assert [one.split("=")[0] for one in told if one not in ("", "*")] == list(arguments)


def test_every_public_name_and_error_has_a_line():
    listed = set(table.names(table.PAGE.read_text(encoding="utf-8")))
    public = {f"gradsentry.{name}" for name in gradsentry.__all__ if not name.startswith("__")}
    errors = {GradSentryError, *GradSentryError.__subclasses__()}
    errors |= {one for kind in tuple(errors) for one in kind.__subclasses__()}
    public |= {
        f"gradsentry.errors.{kind.__name__}" for kind in errors if kind.__module__ == "gradsentry.errors"
    }
    assert public <= listed
    assert listed >= {f"gradsentry.Verdict.{name}" for name in ("outcome", "clean", "flagged", "save")}
