"""What a row of a test is read as."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """A row, and what it is read as.

    Attributes:
        row: The row.
        format: The name of its format.
        conversational: Whether it is a conversation.
        turns: The role of each turn, with `+` where it continues the last one and `*` where it is trained on.
        texts: The text of each turn.
    """

    row: dict[str, Any]
    format: str
    conversational: bool
    turns: list[str]
    texts: list[str]


class Refused(NamedTuple):
    """A row whose answer training moves away from.

    Attributes:
        row: The row.
        format: The name of its format.
        column: The column that says so.
    """

    row: dict[str, Any]
    format: str
    column: str
