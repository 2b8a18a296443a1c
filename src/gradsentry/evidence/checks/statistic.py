"""What a check returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistic:
    """One thing that was measured of a candidate.

    Attributes:
        name: What was measured.
        value: How much, in the unit of the check.
        strength: How far that speaks for an attack: 0 is what honest data show, 1 what an attack shows.
    """

    name: str
    value: float
    strength: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"{self.name}: a strength of {self.strength}")
