"""What is said of a verdict where the truth is known: plain data; `bench/` computes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Comparison:
    """A verdict beside the truth.

    Attributes:
        source: The file the truth came from.
        is_poisoned: Which rows are poisoned, by row number.
        metrics: The metrics of `bench.metrics`, by name; NaN where one is not defined.
        missed: The poisoned rows that are not flagged, ascending.
        wrong: The clean rows that are flagged, ascending.
    """

    source: str
    is_poisoned: NDArray[np.bool_]
    metrics: dict[str, float]
    missed: tuple[int, ...]
    wrong: tuple[int, ...]

    def line(self) -> str:
        """Returns the rates and the counts in words."""
        poisoned, clean = int(self.is_poisoned.sum()), int((~self.is_poisoned).sum())
        return (
            f"{poisoned - len(self.missed)} of {poisoned} poisoned rows are flagged "
            f"(recall {self.metrics['recall']:.4f}), and {len(self.wrong)} of {clean} clean ones "
            f"(false-positive rate {self.metrics['fpr']:.4f})"
        )
