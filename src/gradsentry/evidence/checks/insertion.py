"""Whether trigger and payload were put into finished text; see `index/contexts.py`."""

from __future__ import annotations

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Gram, Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START


def insertion(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns the share of the places of the triggers, and of the payload, that are ordinary text without
    them.

    A payload that is the whole response was put in the place of another one. Of another the response may
    also be whole without all that stands behind it, or before: a payload can hold what differs from row to
    row.
    """
    found = []
    if candidate.triggers:
        share = texts.context.foreignness(candidate.triggers, candidate.both)
        found.append(Statistic("prompts whole without the trigger", share, share))
    if candidate.payload is not None:
        whole = candidate.payload[0] == START and candidate.payload[-1] == END
        share = 1.0 if whole else _removed(texts, candidate.payload, candidate.paid)
        found.append(Statistic("responses whole without the payload", share, share))
    return found


def _removed(texts: Texts, payload: Gram, paid: Rows) -> float:
    """Returns the share of responses that are ordinary text without a string, or without it and one side of
    it.
    """
    context = texts.answer_context
    cuts = (context.cut(payload, paid, behind=behind) for behind in (True, False))
    return max(context.foreignness([payload], paid), *cuts)
