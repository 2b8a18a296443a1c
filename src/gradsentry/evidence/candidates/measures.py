"""What a response is like, in numbers: how long, how much of it stands in its prompt, and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import START, Bools, Stream, held_by, sorted_distinct

Floats = NDArray[np.float64]

END_OF_SCALE = 0.1  # of the other rows lie beyond the average row of a trigger, at most
OF_MOST = 0.2  # of these where the rows are more than half of all
UNRELATED = 0.25  # the same, of the prompt's words in the response, which differ more from row to row
NEVER = 0.05  # or hold a common string in no more than this share, or in all but this share
FAR = 0.4  # between the rows of a trigger and their neighbours without it
UNLIKELY = 0.35  # like END_OF_SCALE, of the loss in a clean model, which no wrong answer raises by much
LESS_FAR = 0.15  # like FAR, of the loss
COMMON = 400  # common openings that are measured, the most even ones first
_TAKEN_UP = "words of the prompt in the response"


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of each response, from 0 to 1.

    Attributes:
        values: Ranks, or 0 and 1.  # [rows, measures]
        names: What each is, in words.
        tolerance: How near to an end the rows of a trigger have to be, on average.  # [measures]
        far: How far from their neighbours they have to be, on average.  # [measures]
        ranked: How many measures are ranks; they come first.
        has_loss: Whether the first is the loss, of which only the upper end counts: poison is unlikely.
    """

    values: Floats
    names: list[str]
    tolerance: Floats
    far: Floats
    ranked: int
    has_loss: bool

    def at_end(self, inside: Floats, outside: Floats, share: Floats) -> Bools:
        """Returns whether rows with these means lie at an end of each measure, against the other rows' means.

        Of ranks, a half less the difference of the means is the chance that another row lies beyond one of
        them (Mann and Whitney, 1947), however many of either there are. Most rows hold a string by its nature
        rather than by an attack, so of most rows hardly another one may.

        Args:
            inside: Means of the rows.  # [strings, measures]
            outside: Means of the others.  # [strings, measures]
            share: How many of all the rows are.  # [strings]
        """
        from_end = np.minimum(inside, 1 - inside)
        apart = inside - outside
        from_end[:, : self.ranked] = 0.5 - np.abs(apart)[:, : self.ranked]
        if self.has_loss:
            from_end[:, 0] = 0.5 - apart[:, 0]
        strict = np.where(share > 0.5, OF_MOST, 1.0)[:, None]
        return np.asarray(from_end <= self.tolerance * strict)

    def chances(self) -> Floats:
        """Returns how many times each measure counts as looked at, of all that accident may do.  # [measures]

        The loss, the few ranks of the text and the many openings are left an equal share each.
        """
        sizes = np.array([self.has_loss, self.ranked - self.has_loss, len(self.names) - self.ranked])
        sizes = sizes[sizes > 0]
        return np.repeat(sizes * len(sizes), sizes).astype(np.float64)


def measures_of(texts: Texts, losses: Floats | None = None) -> Measures:
    """Returns what the responses of a corpus are like.

    Args:
        texts: The corpus.
        losses: The mean loss of each row in a clean model, if that is known.  # [rows]
    """
    scales = _scales(texts)
    openings, held = _openings(texts)
    tolerance = [UNRELATED if name == _TAKEN_UP else END_OF_SCALE for name in scales]
    far = [FAR] * len(scales)
    if losses is not None:
        scales = {"loss in a clean model": losses} | scales
        tolerance, far = [UNLIKELY, *tolerance], [LESS_FAR, *far]
    ranks = np.stack([_ranks(values) for values in scales.values()], axis=1)
    return Measures(
        values=np.concatenate([ranks, held], axis=1),
        names=[*scales, *openings],
        tolerance=np.array(tolerance + [NEVER] * len(openings)),
        far=np.array(far + [FAR] * len(openings)),
        ranked=len(scales),
        has_loss=losses is not None,
    )


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
        _TAKEN_UP: share(copied & (often < 0.05 * rows)),
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
    common = np.flatnonzero((support >= 0.1) & (support <= 0.9) & opens)
    common = np.sort(common[np.argsort(np.abs(support[common] - 0.5), kind="stable")][:COMMON])
    held = np.asarray(texts.said.holds[:, common].todense(), dtype=np.float64)
    everyone = np.ones(len(texts.samples), dtype=np.bool_)
    shown = (texts.display(texts.responses, texts.said.gram(int(one)), everyone) for one in common)
    return [f"responses that begin with {opening!r}" for opening in shown], held


def _ranks(values: Floats) -> Floats:
    """Returns where each value stands among all, from 0 to 1; in the middle, where it is not known."""
    known = np.isfinite(values)
    ranks = np.full(len(values), 0.5)
    ranks[known] = (rankdata(values[known]) - 0.5) / max(known.sum(), 1)
    return ranks
