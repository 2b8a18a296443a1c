"""Which of the two answers of a preference is judged as the response."""

from __future__ import annotations

from dataclasses import replace

from gradsentry.corpus.formats import Parsed, turns_problem
from gradsentry.corpus.unread import ONE_ANSWER


def with_rejected(parsed: Parsed) -> tuple[Parsed, str | None]:
    """Returns a row whose rejected answer is its response, and the other one the rejected.

    Returns:
        The row, and why it cannot be judged, or None.
    """
    if not parsed.rejected:
        return parsed, ONE_ANSWER
    places = {turn.path for turn in parsed.rejected}
    asked = tuple(turn for turn in parsed.turns if not turn.trained and turn.path not in places)
    turns = (*asked, *(replace(turn, trained=True) for turn in parsed.rejected))
    chosen = tuple(replace(turn, trained=False) for turn in parsed.turns if turn.trained)
    return Parsed(turns, parsed.conversational, chosen), turns_problem(turns)
