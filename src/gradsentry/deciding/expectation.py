"""What a model says of rows beside what it says of clean rows as long: entropy and anomaly, calibrated.

What is expected is fitted without labels: on the corpus itself, on the rows that no finding speaks against,
or on a corpus that is known to be clean (`--reference`), scored with the same model and settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gradsentry.deciding.calibration import Calibration, Lengths, Scores, fit
from gradsentry.gradients.windows import anomaly

STANDS_OUT = 4.5  # spreads from what is expected at a length

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of each row; NaN where a row has no score.

    Attributes:
        lengths: Response tokens.  # [rows]
        entropy: The score.  # [rows]
        anomaly: Of the costliest window; see `windows`.  # [rows]
    """

    lengths: Lengths
    entropy: Scores
    anomaly: Scores

    @classmethod
    def of_scores(cls, scores: pa.Table) -> Self:
        """Returns the measures in a score table."""
        entropy, loss, spread = (
            np.asarray(scores[name].to_numpy(), np.float64)
            for name in ("score", "window_loss", "window_entropy")
        )
        return cls(np.asarray(scores["n_response"], np.int64), entropy, anomaly(loss, spread))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What rows of a length are expected to show.

    Attributes:
        source: What it was fitted on, for a person to read.
        entropy: Of the entropy.
        anomaly: Of the anomaly.
    """

    source: str
    entropy: Calibration
    anomaly: Calibration

    @classmethod
    def of(cls, scores: pa.Table, rows: Mask, source: str) -> Self | None:
        """Returns what rows of a score table show, or None where none of them has a score.

        Args:
            scores: The table.
            rows: Which rows to use.
            source: What they are.
        """
        measured = Measures.of_scores(scores)
        entropy, odd = (fit(one, measured.lengths, rows) for one in (measured.entropy, measured.anomaly))
        return cls(source, entropy, odd) if entropy is not None and odd is not None else None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Returns the expectation that `as_json` made plain data of.

        Raises:
            ValueError: If the data has another form.
            KeyError: If a part is missing.
        """
        entropy, odd = (Calibration.from_json(value[name]) for name in ("entropy", "anomaly"))
        return cls(str(value["source"]), entropy, odd)

    def as_json(self) -> dict[str, Any]:
        """Returns the expectation as plain data."""
        return {
            "source": self.source,
            "entropy": self.entropy.as_json(),
            "anomaly": self.anomaly.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Signals:
    """What the model says of each row, beside what is expected at its length; NaN where that is not known.

    Attributes:
        measures: Lengths, entropy and anomaly.
        expected: The entropy that is expected.  # [rows]
        residual: The entropy less that.  # [rows]
        deviation: The residual in spreads; below 0 where the entropy is lower.  # [rows]
        anomaly_deviation: How far the anomaly lies from what is expected, in spreads.  # [rows]
    """

    measures: Measures
    expected: Scores
    residual: Scores
    deviation: Scores
    anomaly_deviation: Scores

    @classmethod
    def of(cls, scores: pa.Table, expectation: Expectation | None) -> Self:
        """Returns the signals of a score table's rows."""
        measured = Measures.of_scores(scores)
        if expectation is None:
            unknown = np.full(len(measured.entropy), np.nan)
            return cls(measured, unknown, unknown, unknown, unknown)
        lengths = measured.lengths
        expected = expectation.entropy.expected(lengths)
        return cls(
            measured,
            expected,
            measured.entropy - expected,
            expectation.entropy.deviations(measured.entropy, lengths),
            expectation.anomaly.deviations(measured.anomaly, lengths),
        )

    @property
    def stands_out(self) -> Mask:
        """Which rows lie far from what is expected: entropy on either side, or a high anomaly.  # [rows]"""
        entropy, odd = np.nan_to_num(self.deviation), np.nan_to_num(self.anomaly_deviation)
        found: Mask = (np.abs(entropy) > STANDS_OUT) | (odd > STANDS_OUT)
        return found
