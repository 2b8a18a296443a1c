"""What rows of a length show: the length effect, taken apart from the rest. Pure functions.

The rank of a sample's gradient is at most its number of response tokens, so entropy rises with length
whatever the row holds. A calibration is a conditional quantile function, fitted without labels: the median at
each length, and how far the quartiles lie above and below it. The quartiles are those of the clean rows as
long as fewer than a quarter of the rows of a length lie far off on one side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

BINS = 24
MIN_ROWS = 8  # of a bin, for its median
SPREAD_ROWS = 40  # of a bin, for its quartiles
NARROWEST = 0.5  # a spread is at least this part of that over all lengths
FARTHEST = 1000.0  # spreads
QUARTILE = 0.6745  # standard deviations of a normal from its median to a quartile

Scores = NDArray[np.float64]
Lengths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is expected of a measure at a number of response tokens.

    Attributes:
        rows: How many rows it was fitted on.
        lengths: Where the medians are known, as logarithms, rising; between them they are interpolated.
        medians: The median of the measure there.
        spread_lengths: Where the spreads are known, as logarithms, rising.
        above: From the median to the upper quartile there, as standard deviations of a normal.
        below: From the lower quartile to the median, likewise.
    """

    rows: int
    lengths: tuple[float, ...]
    medians: tuple[float, ...]
    spread_lengths: tuple[float, ...]
    above: tuple[float, ...]
    below: tuple[float, ...]

    def expected(self, lengths: Lengths) -> Scores:
        """Returns the median at each length, [n]; NaN at length 0."""
        found: Scores = np.interp(np.log(np.maximum(lengths, 1)), self.lengths, self.medians)
        return np.where(lengths > 0, found, np.nan)

    def deviations(self, scores: Scores, lengths: Lengths) -> Scores:
        """Returns how far each score lies from what is expected, in spreads of its side, [n].

        At most 1000 either way; NaN where there is no score.
        """
        excess = scores - self.expected(lengths)
        places = np.log(np.maximum(lengths, 1))
        above, below = (np.interp(places, self.spread_lengths, one) for one in (self.above, self.below))
        # Where nearly all rows are equal there is no spread.
        spread = np.maximum(np.where(excess >= 0, above, below), 1e-12)
        found: Scores = np.clip(excess / spread, -FARTHEST, FARTHEST)
        return found

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Returns the calibration that `as_json` made plain data of.

        Raises:
            ValueError: If the data has another form.
        """
        return TypeAdapter(cls).validate_python(value)

    def as_json(self) -> dict[str, Any]:
        """Returns the calibration as plain data."""
        return asdict(self)


def fit(scores: Scores, lengths: Lengths, rows: NDArray[np.bool_]) -> Calibration | None:
    """Returns the calibration of a measure, or None where no row can be used.

    Rows are binned by the logarithm of their length; bins of too few rows are joined with the next.

    Args:
        scores: The measure of each row, NaN where it has none, [n].
        lengths: Response tokens of each row, [n].
        rows: Which rows to use: those that nothing speaks against, [n].
    """
    used = rows & np.isfinite(scores) & (lengths > 0)
    if not used.any():
        return None
    order = np.argsort(lengths[used], kind="stable")
    places, values = np.log(lengths[used])[order], scores[used][order]
    cuts = _cuts(places, MIN_ROWS)
    knots, medians = _medians(places, cuts), _medians(values, cuts)
    excess = values - np.interp(places, knots, medians)
    coarse = _cuts(places, SPREAD_ROWS)
    above, below = (_spreads(side, coarse) for side in (excess, -excess))
    return Calibration(int(used.sum()), knots, medians, _medians(places, coarse), above, below)


def _spreads(excess: Scores, cuts: list[int]) -> tuple[float, ...]:
    """Returns the upper quartile of each part in standard deviations, none much narrower than that of all."""
    least = NARROWEST * max(float(np.quantile(excess, 0.75)), 0.0)
    parts = (float(np.quantile(part, 0.75)) for part in np.split(excess, cuts))
    return tuple(max(part, least) / QUARTILE for part in parts)


def _medians(values: Scores, cuts: list[int]) -> tuple[float, ...]:
    return tuple(float(np.median(part)) for part in np.split(values, cuts))


def _cuts(places: Scores, least: int) -> list[int]:
    """Returns where to part sorted places into bins of equal width, joined to at least so many rows."""
    edges = np.linspace(places[0], places[-1], BINS + 1)[1:-1]
    kept: list[int] = []
    for cut in np.searchsorted(places, edges).tolist():
        if cut - (kept[-1] if kept else 0) >= least and len(places) - cut >= least:
            kept.append(cut)
    return kept
