"""Numbers of rows in words."""

from __future__ import annotations


def rows(count: int) -> str:
    """Returns a number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"
