"""A first glance at which strings of prompts may change responses: it ranks and prunes, no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidates.measures import Floats, Measures
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import CHANGED_ROWS, CHANGED_TRIED, GLANCE, GLANCE_PART, MEASURES_TRIED

Moved = tuple[int, bool]
"""A measure, and whether it is high."""


@dataclass(frozen=True, slots=True)
class Glance:
    """How far the rows of prompt strings lie from the others, measure by measure.

    Attributes:
        numbers: The prompt strings.
        count: How many rows hold each.
        apart: The difference from the other rows, as it is or of what was not expected: the larger one.
            # [strings, measures]
        surely: log10 of the chance of that.  # [strings, measures]
        far: How much it has to be, before words of the trigger count as such.  # [measures]
        tail: log10 of the chance of the difference of what was not expected.  # [strings, measures]
    """

    numbers: Ints
    count: Ints
    apart: Floats
    surely: Floats
    far: Floats
    tail: Floats

    @classmethod
    def of(cls, texts: Texts, measures: Measures, beyond: Floats, left: Rows) -> Glance:
        """Returns the glance at all strings of enough rows.

        The chance is the normal tail of the difference of means; it only ranks and prunes.
        """
        rows, holds = int(left.sum()), texts.asked.holds[left]
        support = np.asarray(holds.sum(axis=0), dtype=np.float64).ravel()
        likely = np.flatnonzero((support >= CHANGED_ROWS) & (support <= rows - CHANGED_ROWS))
        count, held = support[likely, None], holds[:, likely].T

        def difference(values: Floats) -> Floats:
            sums = np.asarray(held @ values)  # [strings, measures]
            apart: Floats = sums / count - (values.sum(axis=0) - sums) / (rows - count)
            return apart

        raw, new = difference(measures.values[left]), difference(beyond[left])
        spread = np.sqrt(np.maximum(beyond[left].var(axis=0), 1e-12) * (1 / count + 1 / (rows - count)))
        # Words of the trigger are among those that were learnt from, so a part of what it does is expected.
        apart = np.where(np.abs(raw) > np.abs(new), raw, new)
        surely, tail = (log_ndtr(-np.abs(one) / spread) / LN10 for one in (apart, new))
        tail[np.abs(new) < GLANCE_PART * measures.apart()] = 0.0
        return cls(
            likely.astype(np.int64), support[likely].astype(np.int64), apart, surely, measures.apart(), tail
        )

    def features(self) -> list[int]:
        """Returns the places of the strings that are worth a closer look, the surest first."""
        surest = self.tail.min(axis=1, initial=0.0)
        order = np.argsort(surest, kind="stable")[:CHANGED_TRIED]
        return [int(at) for at in order if surest[at] <= GLANCE]

    def fellows(self, measure: int, *, high: bool) -> list[int]:
        """Returns the places of the strings that move a measure the same way, those of most rows first.

        A string that a trigger is a part of has fewer rows than the trigger, and moves them no less.
        """
        order = np.argsort(self.surely[:, measure], kind="stable")[:CHANGED_TRIED]
        moved = [int(at) for at in order if self.is_moved(int(at), measure, high=high)]
        return sorted(
            (at for at in moved if self.surely[at, measure] <= GLANCE), key=lambda at: -self.count[at]
        )

    def moved_by(self, at: int) -> list[Moved]:
        """Returns what a string moves, the farthest first."""
        order = np.argsort(-np.abs(self.apart[at]) / self.far, kind="stable")[:MEASURES_TRIED]
        return [
            (int(one), bool(self.apart[at, one] > 0.0))
            for one in order
            if self.is_moved(at, int(one), high=bool(self.apart[at, one] > 0.0))
        ]

    def is_moved(self, at: int, measure: int, *, high: bool) -> bool:
        """Returns whether a string may move a measure that way."""
        apart = self.apart[at, measure]
        return bool((apart > 0.0) == high and abs(apart) >= GLANCE_PART * self.far[measure])
