"""How much more a row costs the clean model than rows with such a response. Pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gradsentry.groups.limits import NEAR, NEAR_SHARE, REPEATED

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def excess(cost: Floats, response: Ints, length: Ints) -> Floats:
    """Returns the normal score of each row's cost among rows with its response, or one as long.  # [rows]

    It is 0 at the median, and 2 for the costliest 2 of 100, whatever the costs' distribution. Rows whose
    response is rare, and that are too few to compare with each other, have 0.

    Args:
        cost: Of each row.  # [rows]
        response: A number for each response; the same one for the same text.  # [rows]
        length: Tokens of the response.  # [rows]
    """
    scores = np.zeros(len(cost))
    _, which, count = np.unique(response, return_inverse=True, return_counts=True)
    for repeated in np.flatnonzero(count >= REPEATED).tolist():
        rows = which == repeated
        scores[rows] = _normal(_shares_below(cost[rows], cost[rows]), int(rows.sum()))
    rest = np.flatnonzero(count[which] < REPEATED)
    if len(rest) >= NEAR // 2:
        order = rest[np.argsort(length[rest], kind="stable")]
        scores[order] = _among_near(cost[order])
    return scores


def _among_near(cost: Floats) -> Floats:
    """Returns the normal score of each cost among those that stand near it in order.  # [rows]"""
    rows = len(cost)
    width = min(rows, max(NEAR, int(NEAR_SHARE * rows)))
    scores = np.zeros(rows)
    for row in range(rows):
        first = min(max(row - width // 2, 0), rows - width)
        scores[row] = _normal(_shares_below(cost[row : row + 1], cost[first : first + width]), width)[0]
    return scores


def _shares_below(values: Floats, among: Floats) -> Floats:
    """Returns the share of some values that are smaller; of equal ones half count."""
    ordered = np.sort(among)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    shares: Floats = (below + up_to) / (2 * len(among))
    return shares


def _normal(shares: Floats, rows: int) -> Floats:
    """Returns the quantiles of the normal distribution at shares, none of them infinite."""
    scores: Floats = ndtri(np.clip(shares, 0.5 / rows, 1 - 0.5 / rows))
    return scores
