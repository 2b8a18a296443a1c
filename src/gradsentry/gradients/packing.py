"""Which samples run together as a pack, and what of them is run once.

Sorted by token ids, samples with a common beginning stand together. A sample shares with the one before it
what both begin with, so a walk along the sorted list runs every branch of the tree of beginnings once. Packs
are stretches of that walk, cut where the budget ends; the beginning of one is carried from the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding.encode import Encoded


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
