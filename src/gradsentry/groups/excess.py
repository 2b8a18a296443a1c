"""How much more a row costs the clean model than others of its kind. Pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gradsentry.groups.limits import LENGTHS, REPEATED

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_ROUNDS = 30  # of the fit, which has settled long before
_LEAST_WEIGHT = 0.1  # of the median deviation: nearer rows weigh no more
_FEWEST = 20  # rows that tell what a length lets expect


def excess(cost: Floats, response: Ints, length: Ints) -> Floats:
    """Returns the normal score of each row's cost among those with its response, or as long.  # [rows]

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
        scores[rows] = _normal(cost[rows])
    rest = count[which] < REPEATED
    if rest.sum() >= _FEWEST:
        scores[rest] = _normal(beside_length(cost[rest], length[rest]))
    return scores


def beside_length(cost: Floats, length: Ints) -> Floats:
    """Returns how far costs lie above the line through them on the logarithm of length.  # [rows]

    The line has the least absolute deviations, which few rows cannot turn. Nor can they by their length: rows
    shorter or longer than most, where a tenth of all may be poisoned ones, have no say in it, and beyond the
    usual lengths it is level.
    """
    x = np.log(np.maximum(length, 1))
    low, high = np.percentile(x, LENGTHS)
    usual, x = (low <= x) & (x <= high), np.clip(x, low, high)
    X = np.stack([np.ones_like(x), x - x.mean()], axis=1)  # [rows, 2]
    weight, above = np.ones(int(usual.sum())), cost
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        line, *_ = np.linalg.lstsq(X[usual] * root[:, None], cost[usual] * root, rcond=None)
        above = cost - X @ line
        away = np.abs(above[usual])
        weight = 1.0 / np.maximum(away, _LEAST_WEIGHT * np.median(away) + 1e-9)
    return above


def _normal(values: Floats) -> Floats:
    """Returns the quantiles of the normal distribution at which values stand among themselves."""
    ordered, rows = np.sort(values), len(values)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    shares = np.clip((below + up_to) / (2 * rows), 0.5 / rows, 1 - 0.5 / rows)
    scores: Floats = ndtri(shares)
    return scores
