"""Standard output: a terminal, a pipe that nobody reads to its end, a full disk, another encoding.

Names of files, columns and rows come from others. What of them a terminal would obey or not show (escape
sequences, C1, marks that turn the direction of writing) is spelt out in everything that is printed.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import select
import sys
from typing import Any

_UNUSUAL = re.compile(r"[^\n -~]")
_ESCAPED = "gradsentry.escaped"
_PLAIN = {"…": "...", "“": '"', "”": '"', "–": "-", "×": "x", "█": "#", "⏎": "\\n", "⇥": "\\t"}
"""What our own signs become where the encoding lacks them."""


def prepare() -> None:
    """Makes stdout take any text: what its encoding lacks is spelt out by its number in Unicode."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller; the next file opened would take its number
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    codecs.register_error(_ESCAPED, _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPED)


def write_json(value: Any) -> None:  # noqa: ANN401
    """Prints a value as JSON, which is UTF-8 whatever the terminal's encoding."""
    import typer

    from gradsentry.corpus.records import dump_json

    typer.echo(_UNUSUAL.sub(_as_json_has_it, dump_json(value, indent=2).decode()).encode())


def say(text: object) -> None:
    """Prints a text, and what cannot be seen of it by its number in Unicode."""
    import typer

    typer.echo(visible(str(text)))


def visible(text: str) -> str:
    """Returns a text with what cannot be seen of it spelt out; its lines stay lines."""
    from gradsentry.report.pieces import pieces, plain

    return text if _UNUSUAL.search(text) is None else plain(pieces(text))


def _as_json_has_it(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]


def is_unread() -> bool:
    """Returns whether stdout is a pipe whose reader has gone."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError, AttributeError):
        return False
    return bool(poll.poll(0))


def settle() -> None:
    """Writes what is left to write; where that fails it goes nowhere, or Python would fail at it again."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelt = (_PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in lacking)
    return "".join(spelt), error.end
