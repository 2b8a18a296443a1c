"""Directions in which few rows stand far out. Pure functions.

What makes few rows alike is a heavy tail in some direction, and independent components are the directions
with the heaviest ones (Hyvärinen and Oja, 2000). A tail is the rows that stand farthest out on one side.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gradsentry.groups.limits import FEWEST, MOST, ROWS_A_DIRECTION, SIZES, SMALLEST, STARTS

Floats = NDArray[np.float64]
_RANK = 1e-3  # of the largest singular value: below it a direction is rounding
_ROUNDS, _STILL = 200, 1e-4  # of the fixed-point search: the usual ones


@dataclass(frozen=True)
class Directions:
    """Directions of a view, either side of each by itself.

    Attributes:
        mean: Of the rows that they were found in.  # [features]
        matrix: A row of it for each feature.  # [features, sides]
    """

    mean: Floats
    matrix: Floats

    @classmethod
    def of(cls, view: Floats, weights: Floats | float = 1.0) -> Self:
        """Returns the directions with the heaviest tails.

        Args:
            view: What is known of the rows.  # [rows, features]
            weights: What each feature counts; 0 leaves it out.  # [features]
        """
        mean, each = view.mean(axis=0), np.broadcast_to(weights, view.shape[1])
        most = int(np.clip(len(view) // ROWS_A_DIRECTION, FEWEST, MOST))
        whitening = each[:, None] * _whitening((view - mean) * each, most)
        if not whitening.shape[1]:
            return cls(mean, np.zeros((view.shape[1], 0)))
        whitened = (view - mean) @ whitening
        found = [whitening @ _independent(whitened, start) for start in range(STARTS)]
        return cls(mean, np.concatenate([side for one in found for side in (one, -one)], axis=1))

    def outwards(self, view: Floats) -> Floats:
        """Returns how far rows stand out, in standard deviations.  # [rows, sides]"""
        far: Floats = (view - self.mean) @ self.matrix
        return far

    def side(self, number: int) -> Self:
        """Returns one of the directions alone."""
        return type(self)(self.mean, self.matrix[:, number : number + 1])


def tail_sizes(rows: int, largest: float) -> list[int]:
    """Returns the sizes of tails that are tried, ascending."""
    most = max(SMALLEST, largest * rows)
    return sorted({round(size) for size in np.geomspace(SMALLEST, most, SIZES).tolist()})


def _whitening(centred: Floats, most: int) -> Floats:
    """Returns what makes the main directions uncorrelated, each of variance 1.  # [features, n]"""
    _, values, V = np.linalg.svd(centred, full_matrices=False)
    kept = min(most, int((values > max(_RANK * values[0], 1e-9)).sum())) if len(values) else 0
    matrix: Floats = V[:kept].T / values[:kept] * np.sqrt(len(centred))
    return matrix


def _independent(whitened: Floats, start: int) -> Floats:
    """Returns the independent components of whitened rows, each of deviation 1.  # [n, components]"""
    from sklearn.decomposition import fastica
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A direction that still turns a little is a direction all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, unmixing, _ = fastica(
            whitened, whiten=False, fun="logcosh", max_iter=_ROUNDS, tol=_STILL, random_state=start
        )
    deviation = (whitened @ unmixing.T).std(axis=0)
    matrix: Floats = unmixing.T[:, deviation > 0] / deviation[deviation > 0]
    return matrix
