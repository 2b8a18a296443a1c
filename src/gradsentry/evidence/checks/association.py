"""How surely trigger and payload go together."""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import ROWS_ENOUGH, TAIL_ENOUGH


def association(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns the carriers, and of an association its tail, its precision and its coverage."""
    rows = int(candidate.carriers.sum())
    found = [Statistic("rows", rows, float(min(np.log2(max(rows, 1)) / np.log2(ROWS_ENOUGH), 1.0)))]
    if candidate.triggers:
        # Between 10^-5 and 10^-10 lies more than between 10^-50 and 10^-55.
        sure = np.log2(1.0 - candidate.log10_p) / np.log2(1.0 - TAIL_ENOUGH)
        found += [
            Statistic("log10 of the chance", candidate.log10_p, float(min(sure, 1.0))),
            Statistic("payload given trigger", candidate.precision, candidate.precision),
        ]
        if candidate.payloads:
            found.append(Statistic("trigger given payload", candidate.coverage, candidate.coverage))
    return found
