"""Which rows of a corpus that is too large to be searched whole tell most: those that look like poison.

Three passes over the tokens, each of which fills tables of a fixed size: how often each string stands
anywhere, which rows lead the strings of few rows, and how many rows hold a string of a prompt and one of a
response that have a leader in common. Nothing is decided here, nor counted for a finding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.tokens import Bools, Ints
from gradsentry.evidence.large.pairs import Paired, paired, strengths
from gradsentry.evidence.large.spool import Spool, Window
from gradsentry.evidence.large.strings import all_strings, telling_strings
from gradsentry.evidence.large.tables import Counts, Leaders
from gradsentry.evidence.limits import COUNT_BITS, LEADER_BITS, PAIR_BITS


def telling_rows(spool: Spool, kept: Bools, most: int) -> Ints:
    """Returns the rows that may be poison, those that look most like it first.

    Args:
        spool: The tokens of all rows.
        kept: Which rows count: copies say one thing many times.  # [rows]
        most: How many rows with a string are few: what more hold is found in a draw.
    """
    counts, leaders, pairs = Counts(COUNT_BITS), Leaders(LEADER_BITS), Counts(PAIR_BITS)

    def pairs_of(window: Window) -> Paired:
        asked, said = telling_strings(window, kept[window.rows], counts, most)
        return paired(asked, said, leaders)

    for window in spool.windows():
        counts.add(all_strings(window, kept[window.rows]))
    for window in spool.windows():
        for strings in telling_strings(window, kept[window.rows], counts, most):
            leaders.add(strings.hashes, strings.rows + window.first)
    for window in spool.windows():
        pairs.add(pairs_of(window).hashes)
    strong = np.zeros(spool.rows, dtype=np.float32)
    for window in spool.windows():
        strong[window.rows] = strengths(pairs_of(window), pairs, window)
    return _strongest_first(strong)


def _strongest_first(strong: NDArray[np.float32]) -> Ints:
    rows = np.flatnonzero(strong)
    return rows[np.argsort(-strong[rows], kind="stable")]
