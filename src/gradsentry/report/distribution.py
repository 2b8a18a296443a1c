"""Scores -> what the page draws and counts with, kilobytes whatever the number of rows. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.deciding.thresholds import kernel_density

STEPS = 1000
"""The slider's positions but one; at each the counts are exact."""
POINTS = 5000
"""Rows up to which each is a point beside its length; more are counted in cells."""
_CURVE, _ACROSS, _UP = 256, 60, 100

Scores = NDArray[np.float64]


def counts_above(scores: Scores) -> list[int]:
    """Returns how many scores are above `i / STEPS`, exactly, for i from 0 to STEPS.

    Args:
        scores: Finite scores, in any order.
    """
    steps = np.arange(STEPS + 1) / STEPS
    above: list[int] = (len(scores) - np.searchsorted(np.sort(scores), steps, side="right")).tolist()
    return above


def curve(scores: Scores) -> list[list[float]]:
    """Returns points (score, density) of the kernel density that tau is found on; none without one."""
    density = kernel_density(scores) if len(scores) else None
    if density is None:
        return []
    wide = len(density.grid) // _CURVE
    grid, values = (each.reshape(_CURVE, wide).mean(axis=1) for each in (density.grid, density.values))
    return [[round(float(x), 4), float(f"{y:.4g}")] for x, y in zip(grid, values, strict=True)]


def beside_length(scores: Scores, lengths: NDArray[np.int64], flagged: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns score against response length: points (length, score, flagged) of few rows, of many cells
    (across, up, rows, flagged of them) with the cells' edges.

    Args:
        scores: Finite scores, [n].
        lengths: Response tokens, at least 1, [n].
        flagged: Which rows are flagged, [n].
    """
    if len(scores) <= POINTS:
        columns = (lengths.tolist(), np.round(scores, 4).tolist(), flagged.astype(int).tolist())
        return {"points": [list(point) for point in zip(*columns, strict=True)]}
    # Edges are whole lengths, wider where lengths are greater.
    edges = np.unique(np.geomspace(1, lengths.max() + 1, _ACROSS + 1).round().astype(np.int64))
    across = np.searchsorted(edges, lengths, side="right") - 1
    up = np.minimum((scores * _UP).astype(np.int64), _UP - 1)
    place = across * _UP + up
    size = len(edges) * _UP
    count = np.bincount(place, minlength=size)
    marked = np.bincount(place[flagged], minlength=size)
    cells = [
        [int(one // _UP), int(one % _UP), int(count[one]), int(marked[one])] for one in np.flatnonzero(count)
    ]
    return {"cells": cells, "across": edges.tolist(), "up": _UP}


def expected_at(lengths: NDArray[np.int64], expected: Scores) -> list[list[float]]:
    """Returns points (length, the score that is expected there), at most 200 of them, in rising order."""
    known = np.isfinite(expected)
    distinct, first = np.unique(lengths[known], return_index=True)
    values = expected[known][first]
    kept = np.unique(np.linspace(0, len(distinct) - 1, min(len(distinct), 200)).astype(np.int64))
    return [[int(distinct[one]), round(float(values[one]), 4)] for one in kept]
