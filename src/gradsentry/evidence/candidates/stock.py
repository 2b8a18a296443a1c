"""Stock pieces: responses that begin, end or are all one of several wordings, none of which is news."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.strings import Gram, Rows, first_places, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Ints
from gradsentry.evidence.limits import (
    CANNED_ROWS,
    CANNED_SHARE,
    FRAME,
    LONG_PAYLOAD,
    OTHERS_RETURN,
    REPEATED_TOKENS,
)

Codes = NDArray[np.int32]


def is_one_of_a_stock(texts: Texts, gram: Gram, rows: Rows) -> bool:
    """Returns whether a string stands where the other responses have a stock piece, and in place of one.

    Honest responses are one of three refusals, or close with one of three sentences. A payload stands beside
    what the others begin or end with.

    Args:
        texts: The corpus.
        gram: The string, with a mark where it begins or ends its responses.
        rows: The rows that hold it.  # [rows]
    """
    begins, ends = gram[0] == START, gram[-1] == END
    if begins and ends:
        said = Counter(one.response for one in texts.samples)
        is_long = np.diff(texts.responses.bounds) - 2 >= LONG_PAYLOAD  # no label
        often = np.array([said[one.response] >= _often(len(rows)) for one in texts.samples])
        return bool((often & is_long)[~rows].mean() >= OTHERS_RETURN)
    if begins:
        return _is_in_place(texts, gram, rows, last=False, most=OTHERS_RETURN)
    # Poison in most rows may end them with one of several sentences: only what all rows have is how they end.
    return ends and _is_in_place(texts, gram, rows, last=True, most=FRAME)


def _is_in_place(texts: Texts, gram: Gram, rows: Rows, *, last: bool, most: float) -> bool:
    """Returns whether most others have a stock piece at an end, and the rows with a string none beside it."""
    bounds = texts.responses.bounds
    pieces = _pieces(texts, bounds[1:] - 1 - REPEATED_TOKENS if last else bounds[:-1] + 1)
    kinds, which, counted = np.unique(pieces, axis=0, return_inverse=True, return_counts=True)
    is_stock = (counted >= _often(len(rows))) & (kinds[:, 0] != START)
    if is_stock[which.ravel()][~rows].mean() < most:
        return False
    begins = first_places(texts.responses, unmarked(gram), rows)
    beside = _pieces(texts, begins - REPEATED_TOKENS if last else begins + len(unmarked(gram)))
    known = {piece.tobytes() for piece in kinds[is_stock]}
    return float(np.mean([piece.tobytes() in known for piece in beside])) < OTHERS_RETURN


def _often(rows: int) -> float:
    return max(CANNED_SHARE * rows, CANNED_ROWS)


def _pieces(texts: Texts, begins: Ints) -> Codes:
    """Returns the tokens of a stock piece from some places on; marks where no response has so many."""
    codes = texts.responses.codes
    at = np.clip(begins, 0, len(codes) - REPEATED_TOKENS)[:, None] + np.arange(REPEATED_TOKENS)
    pieces = codes[at]  # [places, tokens]
    is_mark = ((pieces == START) | (pieces == END)).any(axis=1)
    return np.where((is_mark | (begins != at[:, 0]))[:, None], START, pieces)
