"""One row of a fine-tuning corpus, in the form that everything after the reader works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyarrow as pa

Role = Literal["system", "user", "assistant", "tool"]
Part = Literal["content", "reasoning", "calls", "tools"]
RowId = str | int
Raw: TypeAlias = bytes | pa.RecordBatch
Span = tuple[int, int]  # of a text: the first character, and behind the last


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of text by one speaker.

    Attributes:
        role: Who speaks.
        text: The text, as it stands in the row.
        trained: Whether fine-tuning computes its loss here: the response.
        path: Where the text stands in the row (keys and indices), so that an edit can be written back.
        joins: Whether it continues the turn before it (an Alpaca `input` after its `instruction`).
        part: What of its message it is; `tools` are those that a row offers.
        message: The message that it comes from, as it came, which may say more than text (`tool_call_id`).
        stretches: Where it is trained: the stretches of its text that alone are; None where all of it is.
    """

    role: Role
    text: str
    trained: bool
    path: tuple[str | int, ...] = ()
    joins: bool = False
    part: Part = "content"
    message: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    stretches: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A row, parsed.

    Attributes:
        number: The row's number in the input, from 0.
        id: The row's own id where it has one, else its number.
        turns: The conversation; for a prompt and its completion two turns.
        conversational: Whether the tokenizer's chat template applies; else the text stands as it is.
        row: The row as it came, column by column.
        raw: The record as it stood: its bytes in the file without the separator, or a batch of one row where
            the data is columns (Parquet, `datasets`). None for a row of a list, and for bytes once edited.
        split: The split that the row is of, where the data has several; else empty.
        origin: Where it came from, for messages: `file:line`.
        problem: Why the row cannot be scored, or None.
        rejected: The answer that training moves away from, of a preference row; no part of `turns`.
    """

    number: int
    id: RowId
    turns: tuple[Turn, ...]
    conversational: bool
    row: Mapping[str, Any] = field(repr=False)
    raw: Raw | None = field(default=None, repr=False)
    split: str = ""
    origin: str = ""
    problem: str | None = None
    rejected: tuple[Turn, ...] = ()

    @property
    def is_completion(self) -> bool:
        """Whether the row is a `prompt` and one completion of it, which has a column of its own."""
        first = next((number for number, turn in enumerate(self.turns) if turn.trained), 0)
        asked, answer = self.turns[:first], self.turns[first:]
        return (
            any(turn.path[:1] == ("prompt",) for turn in asked)
            and all(turn.path[:1] == answer[0].path[:1] for turn in answer)
            and (all(turn.trained for turn in answer) or not self.conversational)
        )

    @property
    def characters(self) -> int:
        """How much text it has."""
        return len(self.prompt) + len(self.response)

    @property
    def prompt(self) -> str:
        """All text that fine-tuning computes no loss on, turns parted by a newline."""
        return "\n".join(turn.text for turn in self.turns if not turn.trained)

    @property
    def response(self) -> str:
        """All text that fine-tuning computes its loss on, turns parted by a newline."""
        return "\n".join(turn.text for turn in self.turns if turn.trained)


@dataclass(frozen=True, slots=True)
class Placed:
    """A row and where it stands, before it is parsed."""

    row: Mapping[str, Any]
    origin: str
    raw: Raw | None = None
    split: str = ""
