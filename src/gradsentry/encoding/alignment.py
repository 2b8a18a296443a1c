"""Which characters of a row's response each of its tokens covers.

A token is known by where it ends in `Sample.response`; it begins where the one before it ends. So the
tokens part the response without gaps (white space goes with the token behind it), and one number a token is
kept. The tokens of one character that was spelt out in bytes share their end, and what stands for no
character of the response (the end-of-sequence token, a header that a chat template put there) has -1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Span

NOWHERE = -1

Ends = NDArray[np.int32]
Offsets = NDArray[np.int64]

_WORD = re.compile(r"\w+")
_WORDS = 5000  # of a part that are looked for one by one, as the cost may grow with their square


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


def located(text: str, span: Span, parts: Sequence[tuple[int, str]]) -> list[Piece]:
    """Returns where parts of the response stand in a stretch of a text that a template made of them.

    A template may write something before the parts and behind them, strip white space around them, and leave
    some out. What it writes in its own form (the JSON of a tool call) is found word by word.

    Args:
        text: The text.
        span: The stretch.
        parts: Where each part begins in the response, and what it says.
    """
    pieces: list[Piece] = []
    free = [span]
    changed: list[tuple[int, str]] = []
    # The longest first: a part that was left out may be a word of another one.
    for place, part in sorted(parts, key=lambda one: -len(one[1])):
        shift = len(part) - len(part.lstrip())
        for shape, moved in ((part, 0), (part.strip(), shift)):
            at = _place(text, shape, free)
            if at is not None:
                pieces.append(Piece(at, place + moved, len(shape)))
                free = _without(free, (at, at + len(shape)))
                break
        else:
            changed.append((place, part))
    for place, part in sorted(changed):
        found = _word_by_word(text, place, part, free)
        if found:
            pieces += found
            free = _without(free, (found[0].at, found[-1].at + found[-1].length))
    return sorted(piece for piece in pieces if piece.length)


def _place(text: str, part: str, free: Sequence[Span]) -> int | None:
    """Returns where a part stands in stretches of a text: at their beginning, else as late as it can."""
    for start, stop in free:
        if text.startswith(part, start, stop):
            return start
    for start, stop in reversed(free):
        end = start + len(_without_marks(text[start:stop]))
        at = text.rfind(part, start, end)
        if at >= 0 or (at := text.rfind(part, start, stop)) >= 0:
            return at
    return None


def _without_marks(text: str) -> str:
    """Returns a text without the marks in angle brackets that close it."""
    text = text.rstrip()
    while text.endswith(">") and (at := text.rfind("<")) >= 0 and text.find(">", at) == len(text) - 1:
        text = text[:at].rstrip()
    return text


def _without(free: Sequence[Span], taken: Span) -> list[Span]:
    """Returns stretches without one that was taken out of them."""
    left = []
    for start, stop in free:
        left += [(start, min(stop, taken[0])), (max(start, taken[1]), stop)]
    return [(start, stop) for start, stop in left if start < stop]


def _word_by_word(text: str, place: int, part: str, free: Sequence[Span]) -> list[Piece]:
    """Returns where runs of a part's words stand in stretches of a text, in the same order."""
    said = list(_WORD.finditer(part))[:_WORDS]
    written = [word for span in free for word in _WORD.finditer(text, *span)][:_WORDS]
    matcher = SequenceMatcher(None, [word[0] for word in said], [word[0] for word in written])
    return [
        Piece(written[right + k].start(), place + said[left + k].start(), len(said[left + k][0]))
        for left, right, size in matcher.get_matching_blocks()
        for k in range(size)
    ]


def trained_tokens(offsets: Offsets, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Returns which tokens cover a character of one of the spans, or stand between two that do.  # [S]

    Args:
        offsets: The characters of the text that each token covers: the first, and behind the last, [S, 2]. A
            token of white space may be given as empty, behind it.
        spans: Stretches of the text.
    """
    trained = np.zeros(len(offsets), np.bool_)
    for start, stop in spans:
        trained[_covering(offsets, start, stop)] = True
    return trained


def token_ends(offsets: Offsets, pieces: Sequence[Piece]) -> Ends:
    """Returns where each token ends in the response, or -1.  # [S]

    Args:
        offsets: As for `trained_tokens`.
        pieces: Where the response stands in the text.
    """
    ends = np.full(len(offsets), NOWHERE, np.int32)
    for piece in pieces:
        stop = piece.at + piece.length
        tokens = _covering(offsets, piece.at, stop)
        ends[tokens] = piece.place + np.minimum(offsets[tokens, 1], stop) - piece.at
    return ends


def left_out(ends: Ends, region: Span, stretches: Sequence[Span]) -> NDArray[np.bool_]:
    """Returns which tokens of a region of the response lie in none of its stretches.  # [S]

    axolotl's rule: a token that begins in front of a stretch or ends behind it is of it, but where it shares
    only its last or its first character.

    Args:
        ends: Where each token ends in the response, or -1.
        region: The region.
        stretches: Stretches of the response.
    """
    starts = token_starts(ends)
    out: NDArray[np.bool_] = (ends > region[0]) & (starts < region[1]) & (starts != NOWHERE)
    for first, behind in stretches:
        begins = (starts >= first) | (ends - 1 > first)
        out &= ~(begins & ((ends <= behind) | (starts < behind - 1)))
    return out


def _covering(offsets: Offsets, start: int, stop: int) -> slice:
    """Returns the tokens that cover a character of a stretch of the text."""
    last = offsets[:, 1]
    first = np.minimum(offsets[:, 0], last - 1)
    return slice(int(np.searchsorted(last, start, "right")), int(np.searchsorted(first, stop, "left")))


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
