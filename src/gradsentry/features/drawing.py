"""Which rows of a large corpus are read a second time, and which of these are looked at together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows of which all are read alone. Of N more it is so many times 1 + ln(N / READ_ALONE): 4800 of a million.
READ_ALONE = 600

_MASK = (1 << 64) - 1


def lot(number: int) -> float:
    """Returns the number in [0, 1) that a row draws: the same always, and unlike its neighbours'."""
    # The mixing function of SplitMix64 (Steele, Lea and Flood, 2014).
    z = (number + 1) * 0x9E3779B97F4A7C15 & _MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return (z ^ (z >> 31)) / 2.0**64


def is_drawn(number: int) -> bool:
    """Returns whether a row is read alone.

    That must be known before it is known how many rows there are: row n is drawn where its lot is less than
    READ_ALONE / (n + 1). So of N rows all those are drawn whose lot is less than READ_ALONE / N.
    """
    return lot(number) * (number + 1) < READ_ALONE


def drawn(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Returns those of some rows that have the least lots, at most so many, in their order."""
    if len(numbers) <= most:
        return numbers
    lots = np.array([lot(number) for number in numbers.tolist()])
    return np.sort(numbers[np.argsort(lots, kind="stable")[:most]])
