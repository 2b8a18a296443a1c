"""Numbers of rows, and lists of which the first few are named, in words."""

from __future__ import annotations

from collections.abc import Sequence


def rows(count: int) -> str:
    """Returns a number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def first_few(names: Sequence[str], most: int) -> str:
    """Returns at most so many of some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
