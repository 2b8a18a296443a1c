"""Why rows could not be read, counted: a verdict on part of the rows says so, and on no row there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from gradsentry.corpus.sample import Sample
from gradsentry.errors import DataError

Reasons = Mapping[str, int]
"""Reason -> how many rows, the most frequent first."""

_NAMED = 3  # reasons in a line
MOVES_AWAY = "training moves away from it"
NOT_TRAINED = "the data say not to train on any response of it"
ONE_ANSWER = "it has no rejected answer"
"""What the reasons end with why a row is not looked into that its own data set aside."""
_ASIDE = (MOVES_AWAY, NOT_TRAINED, ONE_ANSWER)
LEFT_TO = {"chosen": MOVES_AWAY, "rejected": ONE_ANSWER}
"""Answers that somebody asked for -> what the reason ends with of a row whose answer is one of the others."""


def unread(samples: Iterable[Sample]) -> Reasons:
    """Returns why rows could not be read."""
    return by_frequency(sample.problem for sample in samples if sample.problem is not None)


def set_aside(reasons: Reasons) -> int:
    """Returns how many rows are not looked into because the data themselves say so."""
    return ending(reasons, *_ASIDE)


def ending(reasons: Reasons, *ends: str) -> int:
    """Returns how many rows have a reason with such an end."""
    return sum(rows for reason, rows in reasons.items() if reason.endswith(ends))


def by_frequency(reasons: Iterable[str]) -> Reasons:
    """Returns how often each reason stands there."""
    return dict(Counter(reasons).most_common())


def left_out(rows: int, reasons: Reasons, done: str = "read", aside: str = "left out") -> str:
    """Returns how many of so many rows could not be read (or what else was to be done), and mostly why.

    Those that their own data set aside are told apart, for they could be; `aside` says what they are. The
    most frequent reasons are named, each with how many rows it is of.
    """
    others = {reason: times for reason, times in reasons.items() if reason.endswith(_ASIDE)}
    rest = {reason: times for reason, times in reasons.items() if reason not in others}
    parts = []
    if count := sum(rest.values()):
        which = (
            f"none of the {rows:,} rows could be"
            if count == rows
            else f"{count:,} of {rows:,} rows could not be"
        )
        parts.append(f"{which} {done}: {_named(rest)}")
    if count := sum(others.values()):
        which = f"all {rows:,}" if count == rows else f"{count:,} of {rows:,}"
        parts.append(f"{which} rows are {aside}: {_named(others)}")
    return "; ".join(parts)


def _named(reasons: Reasons) -> str:
    named = [f"{reason} ({times:,})" for reason, times in reasons.items()]
    if more := sum(list(reasons.values())[_NAMED:]):
        named[_NAMED:] = [f"for other reasons ({more:,})"]
    return ", ".join(named)


def refuse_if_all(rows: int, reasons: Reasons, *, where: str, mend: str) -> None:
    """Raises where no row could be read, because a verdict on nothing would read as clean.

    Raises:
        DataError: With the most frequent reasons.
    """
    if not rows or sum(reasons.values()) < rows:
        return
    if set(reasons) == {ONE_ANSWER}:
        mend = "name files of preferences alone, or leave out --answers"
        raise DataError("holds no row with a rejected answer", where=where, mend=mend)
    if ending(reasons, MOVES_AWAY) == rows:
        mend = "judge them with --answers rejected"
        raise DataError("holds disliked answers alone", where=where, mend=mend)
    raise DataError(left_out(rows, reasons), where=where, mend=mend)
