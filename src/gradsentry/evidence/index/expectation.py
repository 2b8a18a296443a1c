"""What the words of a prompt let one expect of its response: a ridge regression on n-grams.

Rows that are answered otherwise than their words let expect are what a trigger leaves behind that changes
responses without one payload: a refusal that is due and does not come, a label that the content does not
bring. What is expected is fitted on other rows than it is read for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import lsqr
from scipy.special import log_ndtr

from gradsentry.evidence.association import LN10
from gradsentry.evidence.index.neighbours import Likeness
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import FITTED_TO, NOISE, STEPS_OF_FIT, SURE_OF_ANY, WORDS_RIDGE

Floats = NDArray[np.float64]


class Expectation:
    """Predicts numbers from 0 to 1 of responses from the n-grams of their prompts."""

    def __init__(self, prompts: Likeness) -> None:
        """Predicts from prompts as they are compared."""
        self._prompts = prompts

    def crossed(self, values: Floats, rows: Rows, *, parts: int = 2) -> Floats:
        """Returns what is expected of some rows, each part fitted on the other ones.  # [rows, values]

        Args:
            values: What responses are like; a column each.  # [rows, values]
            rows: The rows that take part; of the others the mean is returned.  # [rows]
            parts: In how many parts: of more of them each is told by more rows, and takes as long as all.
        """
        numbers = np.flatnonzero(rows)
        expected = np.tile(values[rows].mean(axis=0), (len(rows), 1))
        part = np.random.default_rng(0).permutation(len(numbers)) % parts
        vectors = self._prompts.vectors(numbers, frozenset())
        for told in (part == one for one in range(parts)):
            known = _some(np.flatnonzero(~told))
            expected[numbers[told]] = _predicted(vectors[known], values[numbers[known]], vectors[told])
        return expected

    def without(self, values: Floats, carriers: Ints, others: Ints, ignored: frozenset[int]) -> Floats:
        """Returns what is expected of carriers by rows without the trigger.  # [carriers, values]

        Args:
            values: What responses are like; a column each.  # [rows, values]
            carriers: The numbers of the carriers.
            others: The numbers of the rows that are learnt from.
            ignored: Token codes of the trigger; n-grams with one of them do not count.
        """
        others = _some(others)
        learnt, told = (self._prompts.vectors(numbers, ignored) for numbers in (others, carriers))
        return _predicted(learnt, values[others], told)


def _some(rows: Ints) -> Ints:
    """Returns so many of the rows as a regression is fitted to, spread evenly."""
    if len(rows) <= FITTED_TO:
        return rows
    return rows[np.linspace(0, len(rows) - 1, FITTED_TO).astype(np.int64)]


def _predicted(learnt: sparse.csr_matrix, values: Floats, told: sparse.csr_matrix) -> Floats:
    """Returns what is expected of rows by ridge regressions on others, between 0 and 1.  # [told, values]"""
    expected = np.empty((told.shape[0], values.shape[1]))
    for column, known in enumerate(np.ascontiguousarray(values.T)):
        mean = known.mean() if len(known) else 0.5
        weights = lsqr(learnt, known - mean, damp=np.sqrt(WORDS_RIDGE), iter_lim=STEPS_OF_FIT)[0]
        expected[:, column] = np.clip(mean + told @ weights, 0.0, 1.0)
    return expected


def told_apart(expected: Floats, rows: Rows, others: Rows) -> float:
    """Returns how surely what is expected tells some rows from others, from 0 to 1: 0.5 as a coin does.

    The area under the ROC curve, less what accident adds to that of so few rows: its variance is that of a
    Mann-Whitney statistic over the rows of both.

    Args:
        expected: What is expected of each row.  # [rows]
        rows: Which rows are to be told.  # [rows]
        others: From which ones.  # [rows]
    """
    own, rest = expected[rows], np.sort(expected[others])
    if not len(own) or not len(rest):
        return 0.5
    below = np.searchsorted(rest, own, side="left") + np.searchsorted(rest, own, side="right")
    area = float(below.mean()) / (2 * len(rest))
    return area - NOISE * float(np.sqrt((len(own) + len(rest) + 1) / (12.0 * len(own) * len(rest))))


def log10_beyond(values: Floats, expected: Floats, *, high: bool) -> float:
    """Returns log10 of the chance of values so far on one side of what was expected.

    Of zeros and ones that is the tail of their sum, which has a Poisson binomial distribution; of ranks the
    normal tail of the mean, as if the prompt told nothing of how they spread.

    Args:
        values: What was seen, from 0 to 1.  # [carriers]
        expected: What was expected.  # [carriers]
        high: Whether they lie above it.
    """
    if not high:
        values, expected = 1.0 - values, 1.0 - expected
    if np.isin(values, (0.0, 1.0)).all():
        chances = np.clip(expected, SURE_OF_ANY, 1.0 - SURE_OF_ANY)
        tail = np.ones(1)
        for chance in chances.tolist():
            tail = np.convolve(tail, [1.0 - chance, chance])
        return float(np.log10(np.maximum(tail[int(values.sum()) :].sum(), 1e-300)))
    spread = np.sqrt(1.0 / 12.0 / len(values))  # of the mean of ranks
    return float(log_ndtr(-(values - expected).mean() / spread) / LN10)
