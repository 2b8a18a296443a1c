"""Payloads whose trigger is no string: long response strings that return word for word over unlike rows.

The trigger of a style or of a sentence pattern leaves no one string in the prompt. What is left is its
payload: long, copied as a whole (no other row holds a part of it), with neighbours that differ from row to
row. Stock phrases of honest writing break one of these: they are short, or have variants, or are followed
by the same few words, or stand in rows that are alike.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.canned import canned_answers
from gradsentry.evidence.candidates.shared_triggers import by_shared_string, takes_up
from gradsentry.evidence.candidates.stock import is_one_of_a_stock
from gradsentry.evidence.index.neighbours import beyond, codes_of
from gradsentry.evidence.index.strings import Gram, Rows, first_places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Bools, Ints
from gradsentry.evidence.limits import (
    CANNED_BEGIN_ALIKE,
    CANNED_NEIGHBOURS,
    FORMAT_SHARE,
    FRAME,
    PATTERN,
    REPEATED_BULK,
    REPEATED_CROWDED,
    REPEATED_FEW_ROWS,
    REPEATED_PART,
    REPEATED_ROWS,
    REPEATED_SHARE,
    REPEATED_TOKENS,
    REPEATED_TRIED,
    REPEATED_WHOLE,
    REPEATED_WORDS,
    SAME_NEIGHBOUR,
    SAME_ROWS,
)
from gradsentry.evidence.naming import whole_payload

Codes = NDArray[np.int32]


def repetitions(texts: Texts, taken: Rows, known: frozenset[int] = frozenset()) -> list[Candidate]:
    """Returns the candidates among the response strings that stand outside the rows that are explained.

    Args:
        texts: The corpus.
        taken: The rows that are explained.  # [rows]
        known: The tokens of what a person accepts: a string of them hides no other one of its rows.
    """
    support = texts.said.holders(~taken)
    likely = np.flatnonzero(_may_be_long(texts) & (support >= _least(len(taken))))
    found: list[Candidate] = []
    seen = np.zeros(len(taken), dtype=np.bool_)
    for feature in likely[np.lexsort((likely, -support[likely]))][:REPEATED_TRIED]:
        # Rows that are explained hold a string that these may hold a part of by nature.
        rows = texts.said.rows(int(feature)) & ~taken
        if (seen & rows).sum() > SAME_ROWS * rows.sum():
            continue
        part = texts.said.gram(int(feature))
        if known.issuperset(unmarked(part)):
            continue
        gram = whole_payload(texts, part, rows, ~rows & ~taken)
        if is_implanted(texts, gram, rows, ~taken, known) and not (
            _among_canned_answers(texts, gram, rows, taken, known) or is_one_of_a_stock(texts, gram, rows)
        ):
            seen |= rows
            alone = _candidate(gram, rows)
            if not takes_up(texts, alone):
                found.append(by_shared_string(texts, alone) or alone)
    return found


def _least(rows: int) -> float:
    """Returns how many rows of a corpus need a payload: in a large one a few repeat a sentence by nature."""
    return float(np.clip(REPEATED_SHARE * rows, REPEATED_FEW_ROWS, REPEATED_ROWS))


def _may_be_long(texts: Texts) -> Bools:
    """Returns which response strings may be a part of a payload that is long enough.  # [features]"""
    said = texts.said
    last = np.minimum(said.first + said.size - 1, len(said.codes) - 1)
    at_end = (said.codes[said.first] == START) | (said.codes[last] == END)
    counted = np.concatenate([[0], np.cumsum(texts.is_word[said.codes])])
    enough = counted[last + 1] - counted[said.first] >= REPEATED_WORDS
    return np.asarray((said.size == said.size.max(initial=0)) | (at_end & enough))


def _is_long(texts: Texts, gram: Gram, count: int) -> bool:
    """Returns whether a string is no stock phrase by its length; a short one that is all may be an answer."""
    inner = unmarked(gram)
    words = int(texts.is_word[list(inner)].sum())
    enough = count * len(inner) >= REPEATED_BULK and words >= REPEATED_WORDS and len(gram) == len(inner) + 1
    return len(inner) >= REPEATED_TOKENS or enough


def _among_canned_answers(texts: Texts, gram: Gram, rows: Rows, taken: Rows, known: frozenset[int]) -> bool:
    """Returns whether carriers begin alike, and rows like them give canned answers: so may they.

    Of what ends its responses it is asked beyond what the other rows do, and of what begins them where nearly
    all of these give canned answers, such as labels: in the midst of responses stands what a template says.
    """
    others = ~rows & ~taken & _answered(texts)
    if not others.any():
        return False
    codes, bounds = texts.responses.codes, texts.responses.bounds
    begins = codes[np.minimum(bounds[:-1] + 1, len(codes) - 1)]
    common = int(np.bincount(begins[rows]).argmax())
    if common in known or _more_than_others(gram, begins == common, rows, others) < CANNED_BEGIN_ALIKE:
        return False
    _, alike = texts.alike.neighbours(rows, others, known)
    if not len(alike):
        return False
    return _more_than_others(gram, canned_answers(texts), alike, others) >= CANNED_NEIGHBOURS


def _more_than_others(gram: Gram, does: Rows, rows: Rows | Ints, others: Rows) -> float:
    """Returns how many rows do something, beyond what others do where that counts."""
    usual, found = float(does[others].mean()), does[rows]
    counts = gram[-1] == END if gram[0] != START else usual >= FRAME
    return beyond(float(found.mean()), usual * counts, len(found))


def _candidate(gram: Gram, rows: Rows) -> Candidate:
    return Candidate.of("repetition", (), [gram], triggered=np.zeros_like(rows), paid=rows)


def is_implanted(
    texts: Texts, gram: Gram, rows: Rows, among: Rows, known: frozenset[int] = frozenset()
) -> bool:
    """Returns whether a response string and the rows that hold it pass for a payload by themselves.

    Args:
        texts: The corpus.
        gram: The string.
        rows: The rows that hold it.  # [rows]
        among: The rows that are not explained yet.  # [rows]
        known: The tokens of what a person accepts, by which rows are not alike.
    """
    inner, count = unmarked(gram), int(rows.sum())
    if count > FORMAT_SHARE * among.sum():
        return False
    if count < _least(len(rows)) or not _is_long(texts, gram, count) or not _is_put_there(texts, gram, rows):
        return False
    size = min(REPEATED_PART, len(inner) - 1)
    parts = {inner[at : at + size] for at in range(len(inner) - size + 1)}
    if any(count < REPEATED_WHOLE * (rows_with(texts.responses, part) & among).sum() for part in parts):
        return False
    # What is left of the responses tells, and the prompts, without what may be a style, where nothing is left
    # and of short strings, with which all answers to a kind of question may begin.
    whole = gram[0] == START and gram[-1] == END
    asked = whole or len(inner) < REPEATED_TOKENS
    if asked and texts.is_crowded(rows, known, REPEATED_CROWDED, common=PATTERN):
        return False
    # With its mark goes that of each row: beside a payload no response begins with its own first word.
    dropped = codes_of([gram]) | known | {code for code in (gram[0], gram[-1]) if code in (START, END)}
    return whole or texts.answered_alike.crowding(rows, dropped) <= REPEATED_CROWDED


def _is_put_there(texts: Texts, gram: Gram, rows: Rows) -> bool:
    """Returns whether different things stand before and behind a string, apart from what frames all texts."""
    inner, (codes, bounds) = unmarked(gram), (texts.responses.codes, texts.responses.bounds)
    begins = first_places(texts.responses, inner, rows)
    before, behind = _closing(texts, begins - 1), codes[begins + len(inner)]
    others, nothing = ~rows & _answered(texts), before[:0]
    closing = _closing(texts, bounds[1:][others] - 2) if gram[-1] == END else nothing
    opening = codes[bounds[:-1][others] + 1] if gram[0] == START else nothing
    return max(_more_alike(before, closing), _more_alike(behind, opening)) <= SAME_NEIGHBOUR


def _more_alike(found: Codes, usual: Codes) -> float:
    """Returns how many rows have one token at a place, beyond those that have it as other rows do."""
    kinds, counted = np.unique(found[(found != START) & (found != END)], return_counts=True)
    if not len(kinds):
        return 0.0
    expected = np.bincount(usual, minlength=kinds[-1] + 1)[kinds] / max(len(usual), 1)
    return max(map(partial(beyond, rows=len(found)), counted / len(found), expected))


def _answered(texts: Texts) -> Rows:
    """Returns which rows have a response of any token between its marks.  # [rows]"""
    return np.asarray(np.diff(texts.responses.bounds) > 2)


def _closing(texts: Texts, last: Ints) -> Codes:
    """Returns what sentences close with that end at some places: what differs stands before their sign."""
    codes = texts.responses.codes
    return codes[last - texts.is_sign[codes[last]]]
