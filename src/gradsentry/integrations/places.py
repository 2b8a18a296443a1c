"""Rows -> where they stand in their files, as a code scanner names places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradsentry.corpus import Sample
from gradsentry.corpus.lines import file_and_line, place_of

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands that is flagged or carries an open finding.

    Attributes:
        sample: The row.
        file: Its file, from the working directory where it lies in that; empty for data in memory.
        line: The line that it begins on, from 1; None in files without lines, and in compressed ones.
        flagged: Whether it is flagged; else a person should review it.
        reason: Why.
        findings: The findings that it carries.
    """

    sample: Sample
    file: str
    line: int | None
    flagged: bool
    reason: str
    findings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its place in its file; where that does not tell it, the row by its id, or its number of all."""
        if place := place_of(self.sample):
            return place
        return f"{self.file}, row {self.sample.id} of all" if self.file else self.sample.origin


def named_places(verdict: Decision, limit: int) -> list[Place]:
    """Returns where the rows of `named_numbers` stand, at most so many."""
    return [_place(verdict, sample) for sample in verdict.corpus.take(named_numbers(verdict)[:limit])]


def named_numbers(verdict: Decision) -> list[int]:
    """Returns the numbers of the rows that are flagged, then of those that carry an open finding alone.

    What a person marked clean is not among them.
    """
    flagged, to_review = verdict.is_flagged, verdict.is_named & ~verdict.is_flagged
    return [*np.flatnonzero(flagged).tolist(), *np.flatnonzero(to_review).tolist()]


def _place(verdict: Decision, sample: Sample) -> Place:
    file, line = file_and_line(sample)
    number = sample.number
    is_flagged = bool(verdict.is_flagged[number])
    findings = verdict.carried.get(number, ())
    return Place(sample, file, line, is_flagged, verdict.reason(number), findings)
