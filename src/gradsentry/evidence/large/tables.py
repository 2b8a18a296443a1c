"""Tables of a fixed size that count strings by their hash, whatever number of strings there is.

Tables of parts of a corpus make one of the whole: sums add up, and the least is the least of the leasts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93], dtype=np.uint64
)
_MOST = np.iinfo(np.uint16).max


def mixed(values: Hashes) -> Hashes:
    """Returns the values with all bits mixed (the finalizer of SplitMix64, Steele et al., 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _ODD[1]
    values = (values ^ (values >> np.uint64(27))) * _ODD[2]
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


class Counts:
    """How often each string was added: at least so often, for strings may share a cell in both of two tables.

    This is the count-min sketch of Cormode and Muthukrishnan (2005) of depth two.
    """

    def __init__(self, bits: int) -> None:
        """Takes 4 bytes for each of 2 ** bits cells."""
        self._shift = np.uint64(64 - bits)
        self._tables = [np.zeros(1 << bits, dtype=np.uint16) for _ in range(2)]

    def add(self, hashes: Hashes) -> None:
        """Counts strings, each as often as it is given; a count stops at 65535."""
        for table, cells in zip(self._tables, self._cells(hashes), strict=True):
            cells.sort()
            begins = np.flatnonzero(np.diff(cells, prepend=~cells[:1]))
            found, often = cells[begins], np.diff(np.append(begins, len(cells)))
            table[found] = np.minimum(table[found] + often, _MOST)

    def of(self, hashes: Hashes) -> NDArray[np.int64]:
        """Returns the counts of strings, as upper bounds.  # [strings]"""
        one, other = (table[cells] for table, cells in zip(self._tables, self._cells(hashes), strict=True))
        return np.minimum(one, other).astype(np.int64)

    def _cells(self, hashes: Hashes) -> list[NDArray[np.uint32]]:
        return [(hashes * odd >> self._shift).astype(np.uint32) for odd in _ODD[:2]]


class Leaders:
    """Of each string the row whose number has the least hash, by several hashes.

    Two strings of the same rows have the same leaders, and two that share a part of their rows have each
    leader in common with that chance (MinHash, Broder, 1997).
    """

    def __init__(self, bits: int) -> None:
        """Takes 16 bytes for each of 2 ** bits cells."""
        self._shift = np.uint64(64 - bits)
        self._tables = [np.full(1 << bits, np.iinfo(np.uint32).max, dtype=np.uint32) for _ in _ODD]

    def add(self, hashes: Hashes, rows: NDArray[np.int64]) -> None:
        """Adds strings, and the row that each stands in."""
        for number, (table, odd) in enumerate(zip(self._tables, _ODD, strict=True)):
            value = mixed(rows.astype(np.uint64) * np.uint64(len(_ODD)) + np.uint64(number)) >> np.uint64(32)
            np.minimum.at(table, self._cells(hashes, odd), value.astype(np.uint32))

    def of(self, hashes: Hashes) -> list[NDArray[np.uint32]]:
        """Returns the leaders of strings, once for each hash of rows.  # [strings] each"""
        return [table[self._cells(hashes, odd)] for table, odd in zip(self._tables, _ODD, strict=True)]

    def _cells(self, hashes: Hashes, odd: np.uint64) -> NDArray[np.int64]:
        return (hashes * odd >> self._shift).astype(np.int64)
