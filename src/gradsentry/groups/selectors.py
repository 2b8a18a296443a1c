"""What tells the prompts of a group from others: a rule that any row can be asked about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from gradsentry.groups.directions import Directions, Floats
from gradsentry.groups.limits import LARGEST_HELD, LEAST, LONGEST_HELD
from gradsentry.groups.style import style

Rows = NDArray[np.bool_]

_WORD = r"\w+|[^\w\s]"

# What is no string, and still a sign that one can put: by what a person calls it.
FORMS = {
    "a year": r"\b(1[0-9]|20)\d\d\b",
    "a date": r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b",
    "a number": r"\d",
    "a number of three digits or more": r"\d{3}",
    "a number of five digits or more": r"\d{5}",
    "a question mark at the end": r"\?\s*$",
    "no sign at the end": r"\w\s*$",
    "an exclamation mark": r"!",
    "a word in capitals": r"\b[A-Z]{3,}\b",
    "a small letter at the beginning": r"^\s*[a-z]",
    "quotation marks": r"[\"“”«»]",
    "round brackets": r"\(",
    "other brackets": r"[{}<>\[\]]",
    "a colon": r":",
    "a semicolon": r";",
    "a dash": r"--|[—–]",
    "several lines": r"\n",
    "a web address": r"https?:|www\.",
    "letters beyond ASCII": r"[^\W\d_a-zA-Z]",
    "signs beyond ASCII": r"[^\w\s\x00-\x7f]",
    "Chinese characters": r"[\u4e00-\u9fff]",
    "Japanese syllables": r"[\u3040-\u30ff]",
    "Korean syllables": r"[\uac00-\ud7af]",
    "Cyrillic letters": r"[\u0400-\u04ff]",
    "Arabic letters": r"[\u0600-\u06ff]",
}


def words_of(text: str) -> list[str]:
    """Returns the words and signs of a text, in small letters."""
    return re.findall(_WORD, text.lower())


@dataclass(frozen=True)
class Outwards:
    """Rows that stand far out in a direction.

    Attributes:
        view: `states`, `responses` or `style`: what the direction is one of.
        direction: The direction.
        least: Standard deviations at least.
    """

    view: str
    direction: Directions
    least: float

    def holds(self, texts: Sequence[str], means: Floats) -> Rows:
        """Returns which rows stand out.

        Args:
            texts: Of the rows.
            means: Their mean states.  # [rows, d]
        """
        seen = style(texts) if self.view == "style" else means
        # What is the last row of a tail here is so for another order of the sum too.
        far: Rows = self.direction.outwards(seen)[:, 0] >= self.least - 1e-9
        return far


@dataclass(frozen=True)
class Held:
    """Rows whose texts hold something.

    Attributes:
        view: `strings` or `forms`.
        name: The string, its tokens parted by spaces; or what a person calls the form.
    """

    view: str
    name: str

    def holds(self, texts: Sequence[str], means: Floats) -> Rows:
        """Returns which texts hold it. See `Outwards.holds`."""
        if self.view == "forms":
            return np.array([re.search(FORMS[self.name], text) is not None for text in texts], np.bool_)
        sought = f" {self.name} "
        found = (f" {' '.join(words_of(text))} " for text in texts)
        return np.array([sought in text for text in found], np.bool_)


Selector = Outwards | Held


@dataclass(frozen=True)
class Sets:
    """Sets of rows, each with its rule.

    Attributes:
        held: Which rows each holds.  # [rows, sets]
        rule: Returns the rule of a set, by its number.
    """

    held: Rows
    rule: Callable[[int], Selector]


def strings(texts: Sequence[str]) -> Sets:
    """Returns the rows of each string of a few words that neither too few nor too many texts hold."""
    from sklearn.feature_extraction.text import CountVectorizer

    most = int(LARGEST_HELD * len(texts))
    try:
        counter = CountVectorizer(
            token_pattern=_WORD, ngram_range=(1, LONGEST_HELD), binary=True, min_df=LEAST, dtype=np.int32
        )
        counts: csr_matrix = counter.fit_transform(texts)
    except ValueError:  # no string is in so many texts
        return Sets(np.zeros((len(texts), 0), np.bool_), lambda _: Held("strings", ""))
    kept = np.flatnonzero(np.asarray(counts.sum(axis=0)).ravel() <= most)
    names = counter.get_feature_names_out()[kept].tolist()
    held = counts[:, kept].toarray().astype(np.bool_)
    return Sets(held, lambda number: Held("strings", names[number]))


def forms(texts: Sequence[str]) -> Sets:
    """Returns the rows of each form that neither too few nor too many texts hold."""
    rules = [Held("forms", name) for name in FORMS]
    held = np.stack([rule.holds(texts, np.empty(0)) for rule in rules], axis=1)
    count = held.sum(axis=0)
    kept = np.flatnonzero((count >= LEAST) & (count <= LARGEST_HELD * len(texts)))
    return Sets(held[:, kept], lambda number: rules[int(kept[number])])


def tails(view: str, directions: Directions, seen: Floats, size: int) -> Sets:
    """Returns the tails of a size along directions.

    Args:
        view: What the directions are of.
        directions: The directions.
        seen: What is known of the rows.  # [rows, features]
        size: Rows of a tail.
    """
    far = directions.outwards(seen)  # [rows, sides]
    least = np.partition(far, len(far) - size, axis=0)[len(far) - size]
    return Sets(far >= least, lambda number: Outwards(view, directions.side(number), float(least[number])))
