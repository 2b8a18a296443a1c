"""Which rows a page holds: flagged ones, borderline ones, and of the others those that a moved tau meets."""

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
"""A row whose score is at most so far below the tau that decides is borderline."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """The rows of a page.

    Attributes:
        numbers: Which, by row number: the flagged first, then the borderline, then others.
        by_findings: Which rows of the corpus the findings flag, whatever decides, [rows].
        stands_out: Which other rows carry an unsure finding, or are unlike rows as long to the model, [rows].
        is_borderline: Which rows are not flagged and deserve a look: where findings decide, those that stand
            out; where the score decides, those just below tau, [rows].
    """

    numbers: NDArray[np.int64]
    by_findings: Mask
    stands_out: Mask
    is_borderline: Mask


def select(verdict: Decision, first: tuple[int, ...] = ()) -> Selection:
    """Returns which rows a page holds.

    Args:
        verdict: The verdict.
        first: Rows that are held in any case: the examples of findings.
    """
    score = verdict.scores["score"].to_numpy()
    flagged, scored = verdict.is_flagged, verdict.is_scored
    as_evidence = replace(verdict, policy="evidence")
    by_findings, stands_out = as_evidence.is_flagged, as_evidence.needs_review
    near = np.nan_to_num(score, nan=-1.0) > verdict.threshold.tau - MARGIN
    borderline = (stands_out if verdict.policy == "evidence" else near) & scored & ~flagged
    closeness = -np.abs(np.nan_to_num(score) - verdict.threshold.tau)
    tiers = [
        np.array(sorted(set(first)), np.int64),
        _best(np.nan_to_num(score), flagged),
        _best(closeness, borderline),
        _best(closeness, scored & ~flagged & ~borderline),
    ]
    others = sum(map(len, tiers[2:]))
    tiers[1] = tiers[1][: max(FLAGGED, SHOWN - others)]
    _, place = np.unique(np.concatenate(tiers), return_index=True)
    numbers = np.concatenate(tiers)[np.sort(place)][:SHOWN]
    kind = np.where(flagged, 0, np.where(borderline, 1, 2))[numbers]
    order = np.lexsort((numbers, -np.nan_to_num(score[numbers]), kind))
    return Selection(numbers[order], by_findings, stands_out, borderline)


def _best(key: NDArray[np.float64], mask: Mask) -> NDArray[np.int64]:
    """Returns the rows of a mask, those with the greatest key first; at most as many as are shown."""
    rows = np.flatnonzero(mask)
    if len(rows) > SHOWN:
        rows = np.sort(rows[np.argpartition(-key[rows], SHOWN)[:SHOWN]])
    return rows[np.argsort(-key[rows], kind="stable")]
