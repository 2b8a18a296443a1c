"""Whether the rest of a trigger's prompts lets one expect what they are answered.

A word that is a cue for a label stands among other words that are cues for it too; a trigger that an attacker
put there turns rows whose other words say otherwise.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.expectation import log10_beyond
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import BEYOND_ENOUGH, LIKELY_OWN, NEIGHBOURS_OF


def expected(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns how much more often the payload follows than is expected, and log10 of the chance of that.

    A payload that hardly stands anywhere else is never expected: of that nothing is told.
    """
    own = bool(candidate.payloads) and candidate.coverage >= LIKELY_OWN
    if own or not candidate.triggers or candidate.triggered.all():
        return []
    paid = candidate.paid.astype(np.float64)
    carriers = np.flatnonzero(candidate.triggered)
    carriers = carriers[np.linspace(0, len(carriers) - 1, min(NEIGHBOURS_OF, len(carriers))).astype(np.int64)]
    others = np.flatnonzero(~candidate.triggered)
    usual = texts.expectation.without(paid[:, None], carriers, others, codes_of(candidate.triggers))[:, 0]
    more = float((paid[carriers] - usual).mean())
    tail = log10_beyond(paid[carriers], usual, high=True)
    return [
        Statistic("more often than expected", more, min(max(more, 0.0), 1.0)),
        Statistic("log10 of the chance of what was not expected", tail, min(tail / BEYOND_ENOUGH, 1.0)),
    ]
