"""How often a clean corpus holds a group as strong: what decides whether one is named.

A tail of a few numbers (`calibration.json`), made from the strongest group of each clean corpus of many
genres by `benchmarks/model_evidence.py judge`. A group is at most a reason to look: its rows stay.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from math import log

from gradsentry.evidence.calibration import Tail
from gradsentry.settings import Settings


class Calibration(Settings):
    """What is known of natural groups.

    Attributes:
        source: What it was made from, for a person to read.
        tail: How often clean corpora hold a group of a strength, given as natural logarithm.
    """

    source: str
    tail: Tail

    def log10_exceeded(self, strength: float) -> float:
        """Returns log10 of how often a clean corpus holds a group with that strength or more."""
        return self.tail.log10_exceeded(strength * log(10))


@cache
def shipped() -> Calibration:
    """Returns the calibration that comes with the package."""
    data = resources.files("gradsentry.groups").joinpath("calibration.json").read_bytes()
    return Calibration.model_validate_json(data)
