"""Strings of prompts and responses that the same rows hold, without a list of either's rows.

A trigger and its payload are held by much the same rows, so they have leaders in common (`tables.Leaders`).
Only such pairs are counted, in all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.large.spool import Window
from gradsentry.evidence.large.strings import Strings
from gradsentry.evidence.large.tables import Counts, Hashes, Leaders, mixed
from gradsentry.evidence.limits import LEAST, PAIRED, ROWS_OF_A_PAIR, ROWS_TELL, STRINGS_OF_A_LEADER

Floats = NDArray[np.float32]
_STEP = np.uint64(0x3C6EF372FE94F82B)


@dataclass(frozen=True, slots=True)
class Paired:
    """Pairs of strings, each where both stand in one row.

    Attributes:
        asked: The strings of prompts.  # [pairs]
        said: The strings of responses.  # [pairs]
    """

    asked: Strings
    said: Strings

    @property
    def hashes(self) -> Hashes:
        """What tells the pairs apart.  # [pairs]"""
        return mixed(self.asked.hashes * _STEP + self.said.hashes)


def paired(asked: Strings, said: Strings, leaders: Leaders) -> Paired:
    """Returns the pairs of strings of a window with a leader in common, once for each row with both."""
    places = [
        _joined(asked, said, *both)
        for both in zip(leaders.of(asked.hashes), leaders.of(said.hashes), strict=True)
    ]
    left, right = (np.concatenate([one[side] for one in places]) for side in (0, 1))
    once = np.unique(left * max(len(said.rows), 1) + right)
    left, right = np.divmod(once, max(len(said.rows), 1))
    return Paired(asked.select(left), said.select(right))


def _joined(
    asked: Strings, said: Strings, by_asked: NDArray[np.uint32], by_said: NDArray[np.uint32]
) -> tuple[Ints, Ints]:
    """Returns the places of strings of one row with the same leader."""
    left, right = (_groups(strings, leaders) for strings, leaders in ((asked, by_asked), (said, by_said)))
    keys, in_left, in_right = np.intersect1d(left.keys, right.keys, assume_unique=True, return_indices=True)
    many, others = left.sizes[in_left], right.sizes[in_right]
    product = many * others
    group = np.repeat(np.arange(len(keys)), product)
    within = np.arange(len(group)) - np.repeat(np.cumsum(product) - product, product)
    first = left.begins[in_left][group] + within // others[group]
    second = right.begins[in_right][group] + within % others[group]
    return left.order[first], right.order[second]


@dataclass(frozen=True, slots=True)
class _Groups:
    """Strings by row and leader: a group's are `order[begins[i]:begins[i] + sizes[i]]`."""

    keys: Ints
    begins: Ints
    sizes: Ints
    order: Ints


def _groups(strings: Strings, leaders: NDArray[np.uint32]) -> _Groups:
    keys = strings.rows << 32 | leaders.astype(np.int64)
    order = np.lexsort((strings.hashes, keys))  # in each row the same ones of many come first
    keys = keys[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    sizes = np.minimum(np.diff(np.append(begins, len(keys))), STRINGS_OF_A_LEADER)
    return _Groups(keys[begins], begins, sizes, order)


def strengths(pairs: Paired, counts: Counts, window: Window) -> Floats:
    """Returns how much each row of a window looks like poison, 0 where nothing does.  # [rows]

    A pair is the stronger the less either string stands without the other, and the more of a response hangs
    on a string of its prompt; what hangs on many strings is a row that is much like others. Of a pair's rows
    a few tell as much as all, and rows that tell of one pair are those that tell of others.

    Args:
        pairs: The pairs of the window.
        counts: How many rows hold each pair.
        window: The window.
    """
    both = counts.of(pairs.hashes)
    chance = mixed((pairs.asked.rows + window.first).astype(np.uint64)) / np.float64(2.0**64)  # of a row
    sure = (both >= LEAST) & (both >= PAIRED * np.maximum(pairs.asked.counts, pairs.said.counts))
    strong = np.zeros(len(window.prompts.lengths), dtype=np.float32)
    asked, said, both = pairs.asked.select(sure), pairs.said.select(sure), both[sure]
    if not len(both):
        return strong
    apart = np.minimum(both / asked.counts, 1.0) * np.minimum(both / said.counts, 1.0)
    brought = np.minimum(_often(asked), STRINGS_OF_A_LEADER)
    value = np.minimum(both, ROWS_TELL) * apart * brought / _often(said)
    few = chance[sure] * both < ROWS_OF_A_PAIR
    np.maximum.at(strong, asked.rows[few], value[few].astype(np.float32))
    return strong


def _often(strings: Strings) -> Ints:
    """Returns how often each string stands in its row among those given.  # [strings]"""
    keys = mixed(strings.hashes + strings.rows.astype(np.uint64))
    _, which, count = np.unique(keys, return_inverse=True, return_counts=True)
    often: Ints = count[which]
    return often
