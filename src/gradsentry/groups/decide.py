"""How often a clean corpus holds a group as strong: what decides whether one is named.

A tail of a few numbers for each kind of group (`calibration.json`), made from the strongest groups of clean
corpora of many genres by `benchmarks/model_evidence.py judge`. A group is at most a reason to look: its rows
stay.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from math import log, log10

from gradsentry.evidence.calibration import Tail
from gradsentry.evidence.limits import PARTS
from gradsentry.groups.limits import STRENGTH
from gradsentry.groups.search import BY_LOSS, LABEL
from gradsentry.validated import Settings


def score(kind: str, strength: float) -> float:
    """Returns a strength in units in which natural groups fall off by 1 / e or faster. See `Tail`."""
    return strength * log(10) if kind == LABEL else strength / STRENGTH


class Calibration(Settings):
    """What is known of natural groups.

    Attributes:
        source: What it was made from, for a person to read.
        kinds: How often clean corpora hold a group of each kind, or a finding by loss, with a score.
    """

    source: str
    kinds: dict[str, Tail]

    def log10_exceeded(self, kind: str, strength: float) -> float:
        """Returns log10 of how often a clean corpus holds a group of any kind that is as strong as one.

        Of a finding by loss it is how often a clean corpus holds a finding of the texts of any kind.
        """
        # A corpus holds candidates of every kind, and each may be the one that accuses it.
        kinds = len(PARTS) + 1 if kind == BY_LOSS else len(self.kinds) - 1
        return min(self.kinds[kind].log10_exceeded(score(kind, strength)) + log10(kinds), 0.0)


@cache
def shipped() -> Calibration:
    """Returns the calibration that comes with the package."""
    data = resources.files("gradsentry.groups").joinpath("calibration.json").read_bytes()
    return Calibration.model_validate_json(data)
