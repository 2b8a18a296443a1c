"""Scores and flags against the truth. Pure functions; what is not defined is NaN, never 0 or 1.

==================  =====================================================  =======================
metric              meaning                                                not defined without
==================  =====================================================  =======================
recall              flagged of the poisoned                                poisoned rows
fpr                 flagged of the clean                                   clean rows
precision           poisoned of the flagged                                flagged rows
f1                  2 TP / (2 TP + FP + FN)                                poisoned or flagged rows
auroc               chance that a poisoned row ranks above a clean one     rows of both kinds
average_precision   precision, mean over the poisoned rows                 rows of both kinds
recall_at_1_fpr     recall where at most 1 % of the clean are above        rows of both kinds
matched_auroc       AUROC within rows of equal response length, weighted   a length with both kinds
                    by the pairs of poisoned and clean that it has
==================  =====================================================  =======================
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

METRICS = (
    "recall",
    "fpr",
    "precision",
    "f1",
    "auroc",
    "average_precision",
    "recall_at_1_fpr",
    "matched_auroc",
)
LOWER_IS_BETTER = ("fpr",)
MAX_FPR = 0.01
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Outcome:
    """What a detector said of some rows, and what is true.

    Attributes:
        scores: Higher is more suspicious; NaN where there is none.
        flags: Which rows it calls poisoned.
        is_poisoned: Which are.
        lengths: Response tokens.
    """

    scores: NDArray[np.float64]
    flags: NDArray[np.bool_]
    is_poisoned: NDArray[np.bool_]
    lengths: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Outcome:
        """Returns the outcome of some rows, which may repeat."""
        return Outcome(self.scores[rows], self.flags[rows], self.is_poisoned[rows], self.lengths[rows])


def measure(outcome: Outcome) -> dict[str, float]:
    """Returns every metric."""
    flags, poisoned = outcome.flags, outcome.is_poisoned
    hit, missed = int((flags & poisoned).sum()), int((~flags & poisoned).sum())
    false, clean = int((flags & ~poisoned).sum()), int((~poisoned).sum())
    known = np.isfinite(outcome.scores)
    scores, truth, lengths = outcome.scores[known], poisoned[known], outcome.lengths[known]
    return {
        "recall": _ratio(hit, hit + missed),
        "fpr": _ratio(false, clean),
        "precision": _ratio(hit, hit + false),
        "f1": _ratio(2 * hit, 2 * hit + false + missed),
        "auroc": matched_auroc(scores, truth, np.zeros_like(lengths)),
        "average_precision": average_precision(scores, truth),
        "recall_at_1_fpr": recall_at_fpr(scores, truth),
        "matched_auroc": matched_auroc(scores, truth, lengths),
    }


def intervals(outcome: Outcome, draws: int) -> dict[str, tuple[float, float]]:
    """Returns the 95 % percentile bootstrap interval of every metric.

    Poisoned and clean rows are drawn apart, so the rate stays. A metric that is undefined has no interval,
    and draws in which it is undefined do not count.
    """
    if not (draws and len(outcome.scores)):
        return dict.fromkeys(METRICS, (math.nan, math.nan))
    drawn = np.random.default_rng(0)
    kinds = [np.flatnonzero(outcome.is_poisoned), np.flatnonzero(~outcome.is_poisoned)]
    values = [
        list(
            measure(outcome.take(np.concatenate([drawn.choice(k, len(k)) for k in kinds if len(k)]))).values()
        )
        for _ in range(draws)
    ]
    tail = (1.0 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns that are NaN throughout
        ends = np.nanquantile(np.array(values), [tail, 1.0 - tail], axis=0)
    return {name: (float(low), float(high)) for name, low, high in zip(METRICS, *ends, strict=True)}


def matched_auroc(scores: NDArray[np.float64], truth: NDArray[np.bool_], strata: NDArray[np.int64]) -> float:
    """Returns the AUROC over pairs of a poisoned and a clean row of one stratum; ties count half.

    The ranks of all rows are taken at once, stratum by stratum, so it costs one sort.
    """
    if not len(scores):
        return math.nan
    _, stratum = np.unique(strata, return_inverse=True)
    order = rankdata(stratum * (len(scores) + 1.0) + rankdata(scores))
    rows = np.bincount(stratum)
    rank = order - (np.cumsum(rows) - rows)[stratum]
    poisoned = np.bincount(stratum, truth)
    wins = np.bincount(stratum, rank * truth) - poisoned * (poisoned + 1) / 2
    pairs = poisoned * (rows - poisoned)
    return _ratio(float(wins[pairs > 0].sum()), float(pairs.sum()))


def matched_share(outcome: Outcome) -> float:
    """Returns the share of poisoned rows for which there is a clean row of equal response length.

    Rows without a score do not count, as in the AUROC that is so matched.
    """
    known = np.isfinite(outcome.scores)
    poisoned, clean = (outcome.lengths[known & side] for side in (outcome.is_poisoned, ~outcome.is_poisoned))
    return _ratio(int(np.isin(poisoned, clean).sum()), len(poisoned))


def average_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Returns the mean over poisoned rows of the precision among all rows that score as high."""
    if not truth.any() or truth.all():  # among poisoned rows alone any score has a precision of 1
        return math.nan
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision = found[last] / (last + 1)
    return float((np.diff(found[last], prepend=0) * precision).sum() / truth.sum())


def recall_at_fpr(scores: NDArray[np.float64], truth: NDArray[np.bool_], max_fpr: float = MAX_FPR) -> float:
    """Returns the greatest recall of a bar that no more than so many of the clean rows lie above."""
    clean = np.sort(scores[~truth])[::-1]
    if not truth.any() or not len(clean):
        return math.nan
    bar = clean[min(int(max_fpr * len(clean) + 1e-9), len(clean) - 1)]
    return float((scores[truth] > bar).mean())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
