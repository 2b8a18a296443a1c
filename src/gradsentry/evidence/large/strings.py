"""Windows of hashed tokens -> the strings that may be a trigger or a payload: those that few rows hold.

Strings of up to three tokens, marks included, are looked at: a rare word, or the shortest run of common words
that is rare. A longer trigger or payload holds several of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.tokens import Bools, Ints, held_by, sorted_distinct
from gradsentry.evidence.large.spool import MARKS, Side, Window
from gradsentry.evidence.large.tables import Counts, Hashes, mixed
from gradsentry.evidence.limits import LEAST, RARER, STRING_TOKENS

_SALTS = (np.uint64(0x1F83D9ABFB41BD6B), np.uint64(0x5BE0CD19137E2179))  # of prompts, and of responses
_STEP = np.uint64(0xA54FF53A5F1D36F1)


@dataclass(frozen=True, slots=True)
class Strings:
    """Strings, each where it stands.

    Attributes:
        rows: The row of each, counted from the first of the window.  # [strings]
        hashes: What tells them apart, also those of prompts from those of responses.  # [strings]
        counts: How often all rows hold them, at most.  # [strings]
    """

    rows: NDArray[np.int64]
    hashes: Hashes
    counts: Ints

    def select(self, chosen: Bools | Ints) -> Strings:
        """Returns some of them."""
        return Strings(self.rows[chosen], self.hashes[chosen], self.counts[chosen])


def all_strings(window: Window, kept: Bools) -> Hashes:
    """Returns the hashes of all strings in some rows, each as often as it stands there.

    Args:
        window: The rows.
        kept: Which of them count.  # [rows]
    """
    found = []
    for side, salt in zip((window.prompts, window.responses), _SALTS, strict=True):
        row_of = side.row_of()
        counted = kept[row_of]
        for size, hashes in enumerate(_hashes(side, salt), start=1):
            found.append(hashes[_is_string(side, row_of, size) & counted[: len(hashes)]])
    return np.concatenate(found)


def telling_strings(window: Window, kept: Bools, counts: Counts, most: int) -> tuple[Strings, Strings]:
    """Returns the strings of prompts, and of responses, that are held by few rows and not only by one.

    Of those that lie in one another with much the same rows the shortest is returned; of responses only what
    is no copy of the prompt.

    Args:
        window: The rows.
        kept: Which of them count.  # [rows]
        counts: How often all rows hold each string.
        most: How many rows are few.
    """
    asked, said = (
        _telling(side, salt, kept, counts, most)
        for side, salt in zip((window.prompts, window.responses), _SALTS, strict=True)
    )
    novel = _is_novel(window)
    told = np.concatenate([[0], np.cumsum(novel)])
    begins, sizes, strings = said
    return asked[2], strings.select(told[begins + sizes] > told[begins])


def _telling(
    side: Side, salt: np.uint64, kept: Bools, counts: Counts, most: int
) -> tuple[Ints, Ints, Strings]:
    """Returns where strings begin, how long they are, and themselves."""
    row_of = side.row_of()
    places, lengths, found = [], [], []
    shorter = np.full(len(side.words) + 1, np.iinfo(np.uint16).max, dtype=np.int64)
    for size, hashes in enumerate(_hashes(side, salt), start=1):
        within = np.minimum(shorter[:-1], shorter[1:])[: len(hashes)]  # rows that hold either part of it
        at = np.flatnonzero(_is_string(side, row_of, size) & kept[row_of[: len(hashes)]] & (within >= LEAST))
        often = counts.of(hashes[at])
        rare = (often >= LEAST) & (often <= most)
        if size > 1:
            rare &= often < RARER * within[at]
        where = at[rare]
        places.append(where)
        lengths.append(np.full(len(where), size))
        found.append(Strings(row_of[where].astype(np.int64), hashes[where], often[rare]))
        known = np.zeros(len(hashes), dtype=np.int64)
        known[at] = often
        if size == 1:  # a mark stands everywhere
            known[side.words < len(MARKS)] = np.iinfo(np.uint16).max
        shorter = known
    strings = Strings(*(np.concatenate([getattr(one, name) for one in found]) for name in Strings.__slots__))
    return np.concatenate(places), np.concatenate(lengths), strings


def _hashes(side: Side, salt: np.uint64) -> list[Hashes]:
    """Returns the hash of the string that begins at each token, by length from 1.  # [tokens - length + 1]"""
    single = mixed(side.words ^ salt)
    found = [single]
    while len(found) < STRING_TOKENS:
        behind = single[len(found) :]
        found.append(mixed(found[-1][: len(behind)] * _STEP + behind))
    return found


def _is_string(side: Side, row_of: NDArray[np.int32], size: int) -> Bools:
    """Returns at which tokens a string of a length begins: in one row, and a mark is none by itself."""
    if size == 1:
        return side.words >= len(MARKS)
    inside: Bools = row_of[: len(row_of) - size + 1] == row_of[size - 1 :]
    return inside


def _is_novel(window: Window) -> Bools:
    """Returns which tokens of the responses are not in the prompt of their row; marks are.  # [tokens]"""
    asked, said = (
        side.row_of().astype(np.int64) << 32 | side.words for side in (window.prompts, window.responses)
    )
    return ~held_by(said, sorted_distinct(asked)) & (window.responses.words >= len(MARKS))
