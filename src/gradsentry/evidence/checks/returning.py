"""Whether a string that returns without a trigger may be a stock sentence of honest responses.

What makes it a payload is that something brings it. The trigger of a style leaves no string in the prompts,
but their words tell its rows. Of a sentence that responses close with here and there nothing tells, and a
kind of request that gets one answer is told by what it is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from gradsentry.evidence.index.expectation import told_apart
from gradsentry.evidence.index.strings import Gram, Rows, first_places, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START
from gradsentry.evidence.limits import AT_AN_EDGE, CANNED_ROWS, TOLD_APART, TOLD_IN_PARTS

UNTOLD = "no word of their prompts brings it, so it may be a sentence that responses open or close with"
OF_A_KIND = "the words of their prompts bring it, so it may be what requests of a kind are answered"


def honest_returns(texts: Texts, gram: Gram, held: Rows) -> Iterator[str]:
    """Yields why a string that returns without a trigger may be honest.

    Nobody puts a stock sentence into the midst of a response: of what stands there nothing is asked.

    Args:
        texts: The corpus.
        gram: The string, with a mark where it begins or ends its responses.
        held: The rows that hold it.  # [rows]
    """
    if not _is_at_an_edge(texts, gram, held):
        return
    if not _told(texts, held, held, ~held):
        yield UNTOLD
    elif gram[0] == START and gram[-1] == END:
        # A kind may get one of several answers, so what is expected is any that returns.
        said = Counter(one.response for one in texts.samples)
        returns = np.array([said[one.response] >= CANNED_ROWS for one in texts.samples], dtype=np.bool_)
        if _told(texts, returns, held, ~held & ~returns):
            yield OF_A_KIND


def _is_at_an_edge(texts: Texts, gram: Gram, held: Rows) -> bool:
    """Returns whether most of the rows with a string begin or end with it, but for the sign behind it."""
    inner, codes = unmarked(gram), texts.responses.codes
    begins = first_places(texts.responses, inner, held)
    behind = begins + len(inner)
    behind += texts.is_sign[codes[behind]]
    edges = (codes[begins - 1] == START) | (codes[behind] == END)
    return len(edges) > 0 and bool(edges.mean() >= AT_AN_EDGE)


def _told(texts: Texts, answered: Rows, held: Rows, others: Rows) -> bool:
    """Returns whether what prompts let expect of rows that are answered so tells some from others."""
    everyone, values = np.ones_like(answered), answered.astype(np.float64)[:, None]
    expected = texts.expectation.crossed(values, everyone, parts=TOLD_IN_PARTS)[:, 0]
    return told_apart(expected, held, others) > TOLD_APART
