"""A payload that returns, where its carriers' prompts share a string: the two are one association.

What returns without a trigger counts for itself, because its rows are otherwise unlike each other. Rows of
one persona, or of one option of a command, are not: a string of the prompt says what they have in common, and
it brings the payload. So they are judged as every other string that brings one.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.association import log10_tail
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import rows_with
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import BY_ACCIDENT, RARE_OUTSIDE, SHARED_BY_ALL
from gradsentry.evidence.naming import whole_trigger


def by_shared_string(texts: Texts, repetition: Candidate) -> Candidate | None:
    """Returns a repetition as what a string brings that its carriers' prompts share, or None without one.

    Of several such strings it is the one that the fewest other rows hold. One that accident may have put
    there brings nothing.
    """
    asked, rows = texts.asked, repetition.paid
    inside = asked.holders(rows)
    outside = asked.support - inside
    shared = np.flatnonzero(
        (inside >= SHARED_BY_ALL * rows.sum()) & (outside <= RARE_OUTSIDE * (~rows).sum())
    )
    if not len(shared):
        return None
    rarest = shared[np.lexsort((shared, -inside[shared], outside[shared]))[0]]
    trigger = whole_trigger(texts, asked.gram(int(rarest)), rows, ~rows)
    triggered = rows_with(texts.prompts, trigger)
    both, triggers, payloads = (np.array([one.sum()]) for one in (triggered & rows, triggered, rows))
    log10_p = float(log10_tail(both, triggers, payloads, len(rows))[0] + np.log10(len(asked.first)))
    if log10_p > BY_ACCIDENT:
        return None
    return Candidate.of(
        "association", [trigger], repetition.payloads, triggered=triggered, paid=rows, log10_p=log10_p
    )
