"""Which rows a page holds: flagged ones, the next ones, and of the others those that a moved tau meets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

SHOWN = 2000
FLAGGED = 1500
"""Flagged rows among the shown ones, where there are others."""
MARGIN = 0.05
"""A row whose score is at most so far below the tau that decides is near it."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """The rows of a page.

    Attributes:
        numbers: Which, by row number: the flagged first, then the next, then others.
        by_findings: Which rows of the corpus the findings flag, whatever decides, [rows].
        needs_review: Which rows are to be reviewed where the findings decide, whatever does, [rows].
        is_next: Which rows come next after the flagged: where the findings decide, those to review; where the
            score decides, those near tau, [rows].
    """

    numbers: NDArray[np.int64]
    by_findings: Mask
    needs_review: Mask
    is_next: Mask


def select(verdict: Decision, first: tuple[int, ...] = ()) -> Selection:
    """Returns which rows a page holds.

    Args:
        verdict: The verdict.
        first: Rows that are held in any case: the examples of findings.
    """
    score = verdict.scores["score"].to_numpy()
    flagged, judged = verdict.is_flagged, verdict.is_judged
    tau = verdict.threshold.tau if verdict.threshold else 1.0  # nothing has a score where there is none
    as_evidence = replace(verdict, policy="evidence")
    by_findings, needs_review = as_evidence.is_flagged, as_evidence.needs_review
    near = np.nan_to_num(score, nan=-1.0) > tau - MARGIN
    following = (needs_review if verdict.policy == "evidence" else near) & judged & ~flagged
    closeness = -np.abs(np.nan_to_num(score) - tau)
    tiers = [
        np.array(sorted(set(first)), np.int64),
        _best(np.nan_to_num(score), flagged),
        _best(closeness, following),
        _best(closeness, judged & ~flagged & ~following),
    ]
    others = sum(map(len, tiers[2:]))
    tiers[1] = tiers[1][: max(FLAGGED, SHOWN - others)]
    _, place = np.unique(np.concatenate(tiers), return_index=True)
    numbers = np.concatenate(tiers)[np.sort(place)][:SHOWN]
    kind = np.where(flagged, 0, np.where(following, 1, 2))[numbers]
    order = np.lexsort((numbers, -np.nan_to_num(score[numbers]), kind))
    return Selection(numbers[order], by_findings, needs_review, following)


def _best(key: NDArray[np.float64], mask: Mask) -> NDArray[np.int64]:
    """Returns the rows of a mask, those with the greatest key first; at most as many as are shown."""
    rows = np.flatnonzero(mask)
    if len(rows) > SHOWN:
        rows = np.sort(rows[np.argpartition(-key[rows], SHOWN)[:SHOWN]])
    return rows[np.argsort(-key[rows], kind="stable")]
