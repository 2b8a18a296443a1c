"""Which rows of a corpus that is too large to be searched whole tell most: those that look like poison.

Three passes over the tokens, each of which fills tables of a fixed size: how often each string stands
anywhere, which rows lead the strings of few rows, and how many rows hold a string of a prompt and one of a
response that have a leader in common. Nothing is decided here, nor counted for a finding.

The more strings there are the more of them share a cell of a table, so a very large corpus is looked at block
by block: time stays linear, and poison has to show in one of the blocks.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.index.tokens import Bools, Ints
from gradsentry.evidence.large.pairs import Floats, Paired, paired, strengths
from gradsentry.evidence.large.spool import Spool, Window
from gradsentry.evidence.large.strings import all_strings, telling_strings
from gradsentry.evidence.large.tables import Counts, Leaders
from gradsentry.evidence.limits import BLOCK_TOKENS, COUNT_BITS, LEADER_BITS, PAIR_BITS


def telling_rows(spool: Spool, kept: Bools, most: int) -> Ints:
    """Returns the rows that may be poison, those that look most like it first.

    Args:
        spool: The tokens of all rows.
        kept: Which rows count: copies say one thing many times.  # [rows]
        most: How many rows with a string are few: what more hold is found in a draw.
    """
    strong = np.zeros(spool.rows, dtype=np.float32)
    blocks = spool.blocks(BLOCK_TOKENS)
    for block in blocks:
        _look_at(block, spool, kept, round(most / len(blocks)), strong)
    return _strongest_first(strong)


def _look_at(block: range, spool: Spool, kept: Bools, most: int, strong: Floats) -> None:
    """Sets how much each row of some windows looks like poison by tables of these windows alone.

    Args:
        block: The windows.
        spool: The tokens of all rows.
        kept: Which rows count.  # [rows]
        most: How many of the block's rows with a string are few.
        strong: Of all rows; those of the block are set.  # [rows]
    """
    counts, leaders, pairs = Counts(COUNT_BITS), Leaders(LEADER_BITS), Counts(PAIR_BITS)

    def pairs_of(window: Window) -> Paired:
        asked, said = telling_strings(window, kept[window.rows], counts, most)
        return paired(asked, said, leaders)

    for window in spool.windows(block):
        counts.add(all_strings(window, kept[window.rows]))
    for window in spool.windows(block):
        for strings in telling_strings(window, kept[window.rows], counts, most):
            leaders.add(strings.hashes, strings.rows + window.first)
    for window in spool.windows(block):
        pairs.add(pairs_of(window).hashes)
    for window in spool.windows(block):
        strong[window.rows] = strengths(pairs_of(window), pairs, window)


def _strongest_first(strong: Floats) -> Ints:
    rows = np.flatnonzero(strong)
    return rows[np.argsort(-strong[rows], kind="stable")]
