"""Directions in which few rows stand far out, and the rows in their tails. Pure functions.

What makes few rows alike is a heavy tail in some direction, and independent components are the directions
with the heaviest ones (Hyvärinen and Oja, 2000). A tail is the m rows that stand farthest out on one side.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from gradsentry.groups.limits import FEWEST, MOST, ROWS_A_DIRECTION, SIZES, SMALLEST

Floats = NDArray[np.float64]
_RANK = 1e-3  # of the largest singular value: below it a direction is rounding
_ROUNDS, _STILL = 200, 1e-4  # of the fixed-point search: the usual ones


def sides(view: Floats, starts: int) -> Floats:
    """Returns how far rows stand out along directions, either side of each by itself.  # [rows, sides]

    Args:
        view: What is known of the rows.  # [rows, features]
        starts: How often the search for directions begins anew, each time elsewhere.
    """
    whitened = _whitened(view, int(np.clip(len(view) // ROWS_A_DIRECTION, FEWEST, MOST)))
    if not whitened.shape[1]:
        return np.zeros((len(view), 0))
    found = [_independent(whitened, start) for start in range(starts)]
    return np.concatenate([side for one in found for side in (one, -one)], axis=1)


def tail_sizes(rows: int, largest: float) -> list[int]:
    """Returns the sizes of tails that are tried, ascending."""
    most = max(SMALLEST, largest * rows)
    return sorted({round(size) for size in np.geomspace(SMALLEST, most, SIZES).tolist()})


def least_of_tails(values: Floats, size: int) -> Floats:
    """Returns how far out the last row of each tail stands, [sides]: those that stand as far belong to it."""
    place = len(values) - size
    least: Floats = np.partition(values, place, axis=0)[place]
    return least


def _whitened(view: Floats, most: int) -> Floats:
    """Returns the view's main directions, uncorrelated, each of variance 1.  # [rows, at most `most`]"""
    centred = view - view.mean(axis=0)
    U, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(most, int((values > max(_RANK * values[0], 1e-9)).sum())) if len(values) else 0
    whitened: Floats = U[:, :kept] * np.sqrt(len(view))
    return whitened


def _independent(whitened: Floats, start: int) -> Floats:
    from sklearn.decomposition import fastica
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A direction that still turns a little is a direction all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, _, sources = fastica(
            whitened, whiten=False, fun="logcosh", max_iter=_ROUNDS, tol=_STILL, random_state=start
        )
    found: Floats = sources / sources.std(axis=0)
    return found
