"""Which samples run together as a pack, and what of them is run once.

Sorted by token ids, samples with a common beginning stand together. A sample shares with the one before it
what both begin with, so a walk along the sorted list runs every branch of the tree of beginnings once. Packs
are stretches of that walk, cut where the budget ends; the beginning of one is carried from the one before.

Where little would be carried, a pack begins anew: so what is left of an interrupted walk is run in the same
packs as if nothing had happened, at the price of running a few of them again.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding.encode import Encoded

# A pack carries nothing from the one before where that is less than this part of what was run since the last
# such place: undisturbed, that costs 3 % at most; interrupted, 33 times the beginning that is shared.
ANEW = 1 / 32


@dataclass(frozen=True, slots=True)
class Pack:
    """A stretch of a walk that runs together.

    Attributes:
        start: Its first sample.
        stop: Behind its last.
        first: How many first tokens of its first sample are carried from the pack before.
    """

    start: int
    stop: int
    first: int


@dataclass(frozen=True, slots=True)
class Walk:
    """Samples in the order in which they run.

    Attributes:
        rows: Their indices.
        shared: How many first tokens each has in common with the one before it, and that hold no prediction.
        lengths: Tokens of each.
    """

    rows: tuple[int, ...]
    shared: tuple[int, ...]
    lengths: tuple[int, ...]

    def packs(self, budget: int, done: Container[int] = (), *, start: int = 0, first: int = 0) -> list[Pack]:
        """Returns the packs that are to be run, in order.

        Args:
            budget: Tokens of a pack at most.
            done: Rows that need not be run; a pack of nothing else is left out, unless a later one goes on
                from it.
            start: Where the walk begins.
            first: How many tokens of the sample there are run already.
        """
        planned: list[Pack] = []
        run = 0
        while start < len(self.rows):
            pack = Pack(start, self.fill(start, first, budget), first)
            planned.append(pack)
            start = pack.stop
            run += sum(self.lengths[pack.start : start]) - sum(self.shared[pack.start + 1 : start])
            first = self.shared[start] if start < len(self.rows) else 0
            if first < ANEW * run:
                first = run = 0
        needed: list[Pack] = []
        for pack in reversed(planned):
            if (needed and needed[-1].first) or any(
                row not in done for row in self.rows[pack.start : pack.stop]
            ):
                needed.append(pack)
        return needed[::-1]

    def fill(self, start: int, first: int, budget: int) -> int:
        """Returns where the pack that begins at `start` ends: one sample at least, then within the budget.

        Args:
            start: Its first sample.
            first: How many tokens of that one are run already.
            budget: Tokens of a pack at most.
        """
        stop, tokens = start + 1, self.lengths[start] - first
        while stop < len(self.rows):
            tokens += self.lengths[stop] - self.shared[stop]
            if tokens > budget:
                break
            stop += 1
        return stop


def walk(encoded: Sequence[Encoded], rows: Sequence[int]) -> Walk:
    """Returns the order in which samples run, and what each shares with the one before it.

    Args:
        encoded: Samples that can be scored.
        rows: Indices of those to run.
    """
    # Big-endian bytes sort as the numbers do.
    order = sorted(rows, key=lambda row: (beginning(encoded[row]).astype(">u4").tobytes(), row))
    heads = [beginning(encoded[row]) for row in order]
    shared = [common_length(left, right) for left, right in pairwise(heads)]
    return Walk(tuple(order), (0, *shared)[: len(order)], tuple(len(encoded[row].ids) for row in order))


def beginning(encoded: Encoded) -> NDArray[np.int64]:
    """Returns the tokens before the one that predicts the first response token: these can be shared."""
    return encoded.ids[: int(encoded.trained.argmax()) - 1]


def common_length(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """Returns how many first tokens two rows share."""
    length = min(len(left), len(right))
    (differs,) = np.nonzero(left[:length] != right[:length])
    return int(differs[0]) if len(differs) else length
