"""Which characters of a row's response each of its tokens covers.

A token is known by where it ends in `Sample.response`; it begins where the one before it ends. So the
tokens part the response without gaps (white space goes with the token behind it), and one number a token is
kept. The tokens of one character that was spelt out in bytes share their end, and what stands for no
character of the response (the end-of-sequence token, a header that a chat template put there) has -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Span

NOWHERE = -1

Ends = NDArray[np.int32]


class Piece(NamedTuple):
    """A stretch of a text that is also a stretch of the response.

    Attributes:
        at: Where it begins in the text.
        place: Where it begins in the response.
        length: How many characters it has.
    """

    at: int
    place: int
    length: int


def located(text: str, parts: Sequence[tuple[int, str]], end: str) -> list[Piece]:
    """Returns where parts of the response stand in a text that a template made of them.

    A template may write something before the parts and behind them, and strip white space around them. What
    it changed otherwise is not found, and has no piece.

    Args:
        text: The text.
        parts: Parts that stand in it one after another, parted by an empty line: where each begins in the
            response, and what it says.
        end: What closes the text.
    """
    whole, body = "\n\n".join(part for _, part in parts), text.removesuffix(end)
    # What the template kept of the whole: all of it, or all but the white space around it.
    first, last = (0, len(whole)) if whole in text else _inner(whole)
    at = 0 if text.startswith(whole[first:last]) else body.rfind(whole[first:last])
    pieces, begin = [], 0
    for place, part in parts:
        low, high = max(begin, first), min(begin + len(part), last)
        if low < high and at >= 0:
            pieces.append(Piece(at + low - first, place + low - begin, high - low))
        begin += len(part) + len("\n\n")
    return pieces


def _inner(text: str) -> tuple[int, int]:
    """Returns where a text begins and ends but for the white space around it."""
    first = len(text) - len(text.lstrip())
    return first, first + len(text.strip())


def token_ends(offsets: Sequence[Span], pieces: Sequence[Piece]) -> list[int]:
    """Returns where each token ends in the response, or -1.

    Args:
        offsets: The characters of the text that each token covers: the first, and behind the last. A token of
            white space may be given as empty, behind it.
        pieces: Where the response stands in the text.
    """
    return [max((_end(*offset, piece) for piece in pieces), default=NOWHERE) for offset in offsets]


def _end(first: int, last: int, piece: Piece) -> int:
    """Returns where a token ends in the response, or -1 if it covers nothing of the piece."""
    stop = min(last, piece.at + piece.length)
    return piece.place + stop - piece.at if max(min(first, last - 1), piece.at) < stop else NOWHERE


def token_starts(ends: Ends) -> Ends:
    """Returns where each token begins in the response: where the last one with another end ended.  # [T]

    A token that stands for no character of the response has -1.
    """
    known = ends >= 0
    kept = ends[known]
    reached = np.maximum.accumulate(np.concatenate([[0], kept]))[:-1]
    fresh = kept > reached  # the bytes of one character begin where its first one does
    starts = np.full(len(ends), NOWHERE, np.int32)
    starts[known] = _filled(reached, fresh)
    return starts


def _filled(values: NDArray[np.int32], valid: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Returns the values with those that are not valid replaced by the last valid one, else by 0."""
    last = np.maximum.accumulate(np.where(valid, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], 0)


def within(ends: Ends, span: Span) -> NDArray[np.bool_]:
    """Returns which tokens cover a character of a stretch of the response.  # [T]"""
    return (ends > span[0]) & (token_starts(ends) < span[1])
