"""The exceptions that a caller can meet, and what the command line ends with.

GradSentryError          exit code 3: it could not be done, though nothing that was given is wrong
├── UsageError           exit code 2: something that the user gave is wrong
│   ├── SettingsError    an option or a settings file
│   ├── DataError        a data file, or a row of it, or a place to write that cannot be
│   ├── ModelError       a model that is missing, broken or cannot be scored
│   └── RunError         a run directory that is missing, broken or belongs to other settings
├── FindingsError        exit code 1: something was found, and that was to be refused
└── ScoringError         the machine failed: out of memory at the smallest batch, no room on the disk

Each carries one line that says what is wrong, where, and the mend. Anything else that is raised is a fault of
ours: `meant` makes a line of it too, which says how to report it.
"""

from __future__ import annotations

import difflib
import errno
import re
import traceback
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

DONE, FOUND, MISUSED, FAILED, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141
"""Exit codes. FOUND is that of `--fail-on` and its like; UNREAD is that of a pipe whose reader has gone."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_PACKAGE = Path(__file__).parent
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")
_COLUMNS = re.compile(r"(?<![\w-])--columns (\w+=\w+(?:,\w+=\w+)*)")


class GradSentryError(Exception):
    """The base of all errors raised on purpose.

    Args:
        what: What is wrong, in a clause without a full stop.
        where: The file, line, field or option it was found in; empty where there is none.
        mend: What the user can do about it.
    """

    exit_code: ClassVar[int] = FAILED

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(_in_python(self.line()))

    def line(self) -> str:
        """Returns the one line that the command line shows: `where: what; mend`.

        As a text the error says the same of the parameters of Python: `max_length`, not --max-length.
        """
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.mend:
            text = f"{text}; {self.mend}"
        # Column names and ids come from the data: no escape sequence of theirs reaches the terminal.
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class UsageError(GradSentryError):
    """What the user gave is wrong."""

    exit_code = MISUSED


class SettingsError(UsageError):
    """An option or a settings file is wrong."""


class DataError(UsageError):
    """A data file, or a row of it, is wrong, or what was given as a place to write."""


class ModelError(UsageError):
    """A model is missing, broken, or of a kind that cannot be scored exactly."""


class RunError(UsageError):
    """A run directory is missing, broken, or was made with other settings."""


class FindingsError(GradSentryError):
    """Something was found in data that was to be refused then; its `sides` hold the verdicts.

    Attributes:
        sides: A `gradsentry.integrations.sides.Sides`, which errors know nothing of: the verdict on the
            answers that are trained on, `sides.chosen`, and of preferences the one on the others,
            `sides.rejected`, else None.
    """

    exit_code = FOUND

    sides: Any

    def __init__(self, what: str, *, sides: object, where: str = "", mend: str = "") -> None:
        self.sides = sides
        super().__init__(what, where=where, mend=mend)

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        # To another process an error goes by its arguments, of which the first alone would be known.
        return partial(type(self), self.what, sides=self.sides, where=self.where, mend=self.mend), ()


class ScoringError(GradSentryError):
    """The machine failed: no memory for one sample, or no room on the disk."""


def _in_python(line: str) -> str:
    """Returns a line with options called as parameters are; what is in backticks is typed, and stays."""
    parts = line.split("`")
    parts[::2] = [_COLUMNS.sub(_reading, part) for part in parts[::2]]
    parts[::2] = [_OPTION.sub(lambda found: f"`{found[1].replace('-', '_')}`", part) for part in parts[::2]]
    return "`".join(parts)


def _reading(option: re.Match[str]) -> str:
    """Returns columns as an argument of Python: role -> column."""
    named = dict(pair.split("=") for pair in option[1].split(","))
    return f"reading=DataSettings(columns={named})"


def meaning_to_say(given: str, known: Iterable[str]) -> str:
    """Returns a question that names the known words like a given one; nothing where there are none."""
    like = difflib.get_close_matches(given, list(known), n=3)
    return f"did you mean {' or '.join(f'`{one}`' for one in like)}? " if like else ""


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message, or its type where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def said(error: BaseException) -> str:
    """Returns the type of an error and the first line of its message, where it has one."""
    kind, line = type(error).__name__, next(iter(str(error).strip().splitlines()), "")
    return f"{kind}: {line}" if line else kind


def meant(error: Exception) -> GradSentryError:
    """Returns what an exception means to a user: itself, what the machine lacks, or a fault of ours."""
    if isinstance(error, GradSentryError):
        return error
    if isinstance(error, OSError):
        where = str(error.filename or "")
        if error.errno in _NO_ROOM:
            return ScoringError("no room is left to write to", where=where, mend="free some and run it again")
        if error.errno in _NO_RIGHT and where:
            return UsageError(f"{error.strerror}", where=where, mend="check the path and its rights")
    # PyTorch's has the name alone in common with Python's, and is not imported for that.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return ScoringError("the memory is full", mend="use a smaller model or a larger machine")
    return GradSentryError(
        f"{said(error)}{_raised_in(error)}: this is a fault of ours",
        mend="run it again with --debug and report what that prints",
    )


def _raised_in(error: Exception) -> str:
    """Returns the last line of our own that an exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if Path(one.filename).is_relative_to(_PACKAGE)]
    return f" ({Path(ours[-1].filename).relative_to(_PACKAGE)}:{ours[-1].lineno})" if ours else ""
