"""A payload that returns, where its carriers' prompts share a string: the two are one association.

What returns without a trigger counts for itself, because its rows are otherwise unlike each other. Rows of
one persona, or of one option of a command, are not: a string of the prompt says what they have in common, and
it brings the payload. So they are judged as every other string that brings one.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.association import log10_tail
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import BY_ACCIDENT, RARE_OUTSIDE, SHARED_BY_ALL
from gradsentry.evidence.naming import whole_trigger


def by_shared_string(texts: Texts, repetition: Candidate) -> Candidate | None:
    """Returns a repetition as what a string brings that its carriers' prompts share, or None without one.

    Of several such strings it is the one that the fewest other rows hold. One that accident may have put
    there brings nothing.
    """
    rows, shared = repetition.paid, _shared(texts, repetition.paid)
    if not len(shared):
        return None
    trigger = whole_trigger(texts, texts.asked.gram(int(shared[0])), rows, ~rows)
    triggered = rows_with(texts.prompts, trigger)
    both, triggers, payloads = (np.array([one.sum()]) for one in (triggered & rows, triggered, rows))
    log10_p = float(log10_tail(both, triggers, payloads, len(rows))[0] + np.log10(len(texts.asked.first)))
    if log10_p > BY_ACCIDENT:
        return None
    return Candidate.of(
        "association", [trigger], repetition.payloads, triggered=triggered, paid=rows, log10_p=log10_p
    )


def takes_up(texts: Texts, repetition: Candidate) -> bool:
    """Returns whether a repetition says again what its carriers' prompts share: that is how one answers them.

    `Is this statement right?` is answered by `This statement is`, in as many rows as are asked it.
    """
    said = set(unmarked(repetition.payloads[0]))
    shared = (unmarked(texts.asked.gram(int(feature))) for feature in _shared(texts, repetition.paid))
    return any(said.issuperset(gram) and texts.is_word[list(gram)].any() for gram in shared)


def _shared(texts: Texts, rows: Rows) -> Ints:
    """Returns the prompt features that rows share and few others hold, those first that the fewest do."""
    inside = texts.asked.holders(rows)
    outside = texts.asked.support - inside
    few, most = RARE_OUTSIDE * (~rows).sum(), SHARED_BY_ALL * rows.sum()
    shared = np.flatnonzero((inside >= most) & (outside <= few))
    return shared[np.lexsort((shared, -inside[shared], outside[shared]))]
