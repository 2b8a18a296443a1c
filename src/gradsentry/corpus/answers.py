"""Which of the two answers of a preference is judged as the response."""

from __future__ import annotations

from dataclasses import replace

from gradsentry.corpus.fields import first_key, is_blank
from gradsentry.corpus.formats import Parsed, turns_problem
from gradsentry.corpus.preferences import REJECTED
from gradsentry.corpus.records import Row
from gradsentry.corpus.unread import ONE_ANSWER


def with_rejected(row: Row, parsed: Parsed, problem: str | None) -> tuple[Parsed, str | None]:
    """Returns what a row says with its rejected answer as the response, and the other one as the rejected.

    Args:
        row: The row, as it came.
        parsed: What it says.
        problem: Why it cannot be judged by its chosen answer, or None.

    Returns:
        What it says, and why it cannot be judged, or None.
    """
    if not parsed.rejected:
        column = first_key(row, REJECTED)
        is_held = column is not None and not is_blank(row[column])
        return parsed, problem or (f"`{column}` holds no answer that can be read" if is_held else ONE_ANSWER)
    places = {turn.path for turn in parsed.rejected}
    asked = tuple(turn for turn in parsed.turns if not turn.trained and turn.path not in places)
    turns = (*asked, *(replace(turn, trained=True) for turn in parsed.rejected))
    chosen = tuple(replace(turn, trained=False) for turn in parsed.turns if turn.trained)
    return Parsed(turns, parsed.conversational, chosen), turns_problem(turns)
