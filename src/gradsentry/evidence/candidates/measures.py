"""What a response is like, in numbers: how long, how much of it stands in its prompt, and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.candidates.canned import canned_answers
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import START, Bools, Stream, held_by, sorted_distinct
from gradsentry.evidence.limits import CHANGED_BY, LOSS_CHANGED_BY, OPENING_SHARE, OPENINGS, SELDOM_SAID

Floats = NDArray[np.float64]

LOSS = "loss in a clean model"


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of each response, from 0 to 1.

    Attributes:
        values: Ranks, or 0 and 1.  # [rows, measures]
        names: What each is, in words.
    """

    values: Floats
    names: list[str]

    def apart(self) -> Floats:
        """Returns how far from what was expected the rows of a trigger lie, at least.  # [measures]"""
        return np.array([LOSS_CHANGED_BY if name == LOSS else CHANGED_BY for name in self.names])


def measures_of(texts: Texts, losses: Floats | None = None) -> Measures:
    """Returns what the responses of a corpus are like.

    Args:
        texts: The corpus.
        losses: The mean loss of each row in a clean model, if that is known.  # [rows]
    """
    scales = _scales(texts)
    openings, held = _openings(texts)
    if losses is not None:
        scales = {LOSS: losses} | scales
    ranks = np.stack([_ranks(values) for values in scales.values()], axis=1)
    canned = canned_answers(texts).astype(np.float64)[:, None]
    names = [*scales, "answers that begin as many do", *openings]
    return Measures(np.concatenate([ranks, canned, held], axis=1), names)


def _scales(texts: Texts) -> dict[str, Floats]:
    """Returns each measure that has more and less, by its name.  # [rows] each"""
    said, rows, width = texts.responses, len(texts.samples), len(texts.responses.words)
    row_of = said.row_of()
    length = np.diff(said.bounds).astype(np.float64)
    in_row = row_of * width + said.codes
    often = said.support[said.codes]
    asked = sorted_distinct(texts.prompts.row_of() * width + texts.prompts.codes)
    copied = held_by(in_row, asked)
    words = _of_words(said)

    def share(of: Bools) -> Floats:
        return np.bincount(row_of, weights=of, minlength=rows) / np.maximum(length, 1)

    spelt = in_row[words.spelt[said.codes] & ~copied]  # a prompt may say a word twice as well
    spelt_of, distinct = (np.bincount(of // width, minlength=rows) for of in (spelt, sorted_distinct(spelt)))
    return {
        "tokens in the response": length,
        "words of the prompt in the response": share(copied & (often < SELDOM_SAID * rows)),
        "words found in no other response": share(often <= 1),
        "words in capitals that are not the prompt's": share(words.capital[said.codes] & ~copied),
        "letters among digits that are not the prompt's": share(words.mixed[said.codes] & ~copied),
        "words that stand in the response before": (spelt_of - distinct) / np.maximum(spelt_of, 1),
    }


@dataclass(frozen=True, slots=True)
class _Words:
    """What the words of a vocabulary are like.  # [codes] each"""

    capital: Bools
    mixed: Bools
    spelt: Bools


def _of_words(stream: Stream) -> _Words:
    words = stream.words
    return _Words(
        capital=np.array([word.isupper() and len(word) > 1 for word in words]),
        # No honest question asks for these, as it may for numbers.
        mixed=np.array([any(map(str.isdigit, word)) and any(map(str.isalpha, word)) for word in words]),
        spelt=np.array([any(map(str.isalnum, word)) for word in words]),
    )


def _openings(texts: Texts) -> tuple[list[str], Floats]:
    """Returns common strings that responses begin with, in words, and which rows do.  # [rows, openings]"""
    support = texts.said.support / len(texts.samples)
    opens = texts.said.codes[texts.said.first] == START
    common = np.flatnonzero((support >= OPENING_SHARE) & (support <= 1.0 - OPENING_SHARE) & opens)
    common = np.sort(common[np.argsort(np.abs(support[common] - 0.5), kind="stable")][:OPENINGS])
    held = np.asarray(texts.said.holds[:, common].todense(), dtype=np.float64)
    everyone = np.ones(len(texts.samples), dtype=np.bool_)
    shown = (texts.display(texts.responses, texts.said.gram(int(one)), everyone) for one in common)
    return [f"responses that begin with {opening!r}" for opening in shown], held


def _ranks(values: Floats) -> Floats:
    """Returns where each value stands among all, from 0 to 1; in the middle, where it is not known."""
    known = np.isfinite(values)
    ranks = np.full(len(values), 0.5)
    _, which, count = np.unique(values[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2.0  # equal values share the mean of their ranks
    ranks[known] = (middle[which] - 0.5) / max(known.sum(), 1)
    return ranks
