"""The real command, in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradsentry.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    error: str


Call = Callable[..., Ended]


def caller(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Returns a function that runs `gradsentry ARGUMENTS` and returns how it ended."""

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["gradsentry", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        return Ended(stopped.value.code, *capfd.readouterr())

    return call


def refused(ended: Ended) -> str:
    """Returns the one line that is all a refused command says."""
    assert ended.code == 2, ended
    assert ended.out == ""
    (line,) = ended.error.splitlines()
    assert line.startswith("gradsentry: ")
    return line.removeprefix("gradsentry: ")


def write(name, rows):
    """Writes rows as JSON Lines, and returns their file."""
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def last(ended):
    """Returns the last line that a command printed."""
    return ended.out.splitlines()[-1]
