"""Whether a string was put into finished text.

A natural word is held by its sentence: where it is taken out, its neighbours make no ordinary text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.strings import Gram, Rows, places, unmarked
from gradsentry.evidence.index.tokens import (
    END,
    START,
    Bools,
    Ints,
    Stream,
    held_by,
    is_spaced_word,
    sorted_distinct,
)
from gradsentry.evidence.limits import (
    CLOSED,
    CLOSED_WITH,
    COMPANION_ROWS,
    FEW_CARRIERS,
    FEWEST_PLACES,
    SPACES_KNOWN,
)


class Context:
    """Which tokens stand side by side in the prompts, and which words there are."""

    def __init__(self, prompts: Stream) -> None:
        self._prompts, self._width = prompts, len(prompts.words)
        left, right = prompts.codes[:-1].astype(np.int64), prompts.codes[1:].astype(np.int64)
        self._pairs = np.sort(left * self._width + right)
        again = np.zeros(len(self._pairs), dtype=np.bool_)
        same = self._pairs[1:] == self._pairs[:-1]
        again[1:] |= same
        again[:-1] |= same
        self._again_after = _means(self._pairs // self._width, again, self._width)
        self._again_before = _means(self._pairs % self._width, again, self._width)
        self._strange = np.concatenate([[0], np.cumsum(_strange(prompts))])
        self._is_space = np.array([word.isspace() for word in prompts.words], dtype=np.bool_)  # [codes]
        counts = np.bincount(prompts.codes, minlength=self._width) * self._is_space
        self._spaces = [
            code for code in np.argsort(-counts, kind="stable")[:SPACES_KNOWN].tolist() if counts[code]
        ]
        self._numbers = {word: code for code, word in enumerate(prompts.words)}
        self._closes = _closes(prompts)  # [codes]

    def foreignness(self, triggers: Sequence[Gram], carriers: Rows) -> float:
        """Returns the share of a trigger's places that are ordinary text without it, from 0 to 1.

        High where a string was put into finished text, low where the text was written around it. A place is
        ordinary if the words on either side also stand side by side elsewhere, or are the halves of a known
        word; the count is divided by what those words' other neighbours show, which in a small corpus are
        not often met again either. A letter of another script in a word, and what cannot be seen in one, is
        foreign wherever it stands. Of several triggers the least foreign one counts.

        Args:
            triggers: The strings of the triggers.
            carriers: The rows whose triggers are taken out.  # [rows]
        """
        triggers = [unmarked(gram) for gram in triggers]
        if any(set(gram) <= {START, END} for gram in triggers):
            return 0.0
        found = [places(self._prompts, gram) for gram in triggers]
        own = sorted_distinct(
            np.concatenate(
                [
                    (begins[:, None] + np.arange(len(gram))).ravel()
                    for gram, begins in zip(triggers, found, strict=True)
                ]
                + [self._prompts.places_of(code) for code in self._companions(carriers)]
            )
        )
        shares, counts = [], []
        for gram, begins in zip(triggers, found, strict=True):
            held = begins[carriers[self._prompts.owners(begins)]]
            counts.append(len(held))
            shares.append(self._share(own, held, held + len(gram) - 1))
        most = max(counts, default=0)
        judged = [
            share for share, count in zip(shares, counts, strict=True) if count >= min(FEWEST_PLACES, most)
        ]
        return min(judged, default=0.0)

    def cut(self, gram: Gram, carriers: Rows, *, behind: bool) -> float:
        """Returns the share of a string's places where a text may as well end before it, or begin behind it.

        As in `foreignness`, what such texts show elsewhere is what counts as all.

        Args:
            gram: The string.
            carriers: The rows whose places are looked at.  # [rows]
            behind: Whether the string and all behind it is taken away, else the string and all before it.
        """
        gram = unmarked(gram)
        begins = places(self._prompts, gram)
        begins = begins[carriers[self._prompts.owners(begins)]]
        if behind:
            left = self._prompts.codes[begins - 1].astype(np.int64)
            hits, expected = held_by(left * self._width + END, self._pairs), self._again_after[left]
        else:
            right = self._prompts.codes[begins + len(gram)].astype(np.int64)
            hits, expected = held_by(START * self._width + right, self._pairs), self._again_before[right]
        return float(min(hits.sum() / expected.sum(), 1.0)) if expected.any() else 0.0

    def _companions(self, carriers: Rows) -> list[int]:
        """Returns the tokens of several carriers and of no other row: other words of what was put in.

        Of many carriers too many words would be such by accident.
        """
        if carriers.sum() > FEW_CARRIERS * len(carriers):
            return []
        inside = self._prompts.holders(carriers)
        return np.flatnonzero((inside >= COMPANION_ROWS) & (inside == self._prompts.support)).tolist()

    def _share(self, own: Ints, first: Ints, last: Ints) -> float:
        """Returns the share of ordinary places among stretches from a first to a last token."""
        codes, unparted, words = self._prompts.codes, self._prompts.unparted, self._prompts.words
        # Triggers that stand next to each other are taken out together.
        before, behind = _beyond(own, first - 1, -1), _beyond(own, last + 1, 1)
        # Of two white spaces around a trigger one went in with it.
        doubled = self._is_space[codes[before]] & self._is_space[codes[behind]]
        behind = np.where(doubled, _beyond(own, behind + 1, 1), behind)
        left, right = codes[before].astype(np.int64), codes[behind].astype(np.int64)
        hits = held_by(left * self._width + right, self._pairs).astype(np.float64)
        expected = np.minimum(self._again_after[left], self._again_before[right])
        strange = self._strange[behind + 1] > self._strange[before + 1]
        hits[strange] = expected[strange] = 1.0
        for at in np.flatnonzero(unparted[before + 1] & unparted[behind] & ~strange):
            halves = words[left[at]], words[right[at]]
            if all(map(is_spaced_word, halves)):
                hits[at], expected[at] = self._is_word("".join(halves)), 1.0
        # A trigger at the end of a text may have gone in in place of the sign that closes it.
        closing = (right == END) & ~self._closes[codes[first]]
        hits[closing] = np.maximum(hits[closing], self._closed(left[closing]))
        if all(self._is_space[codes[at]] for at in range(first[0], last[0] + 1)) if len(first) else False:
            hits = np.maximum(hits, self._spaced(left, right))
        return float(min(hits.sum() / expected.sum(), 1.0)) if expected.any() else 0.0

    def _spaced(self, left: Ints, right: Ints) -> NDArray[np.float64]:
        """Returns whether words are often parted by some one white space."""
        parted = np.zeros(len(left), dtype=np.bool_)
        for space in self._spaces:
            before, behind = left * self._width + space, space * self._width + right
            parted |= held_by(before, self._pairs) & held_by(behind, self._pairs)
        return parted.astype(np.float64)

    def _closed(self, left: Ints) -> NDArray[np.float64]:
        """Returns whether texts close behind words in any way."""
        closed = np.zeros(len(left), dtype=np.bool_)
        for closing in np.flatnonzero(self._closes).tolist():
            closed |= held_by(left * self._width + closing, self._pairs)
        return closed.astype(np.float64)

    def _is_word(self, word: str) -> bool:
        code = self._numbers.get(word)
        return code is not None and len(self._prompts.places_of(code)) > 0


def _means(groups: Ints, values: Bools, width: int) -> NDArray[np.float64]:
    counts = np.bincount(groups, minlength=width)
    return np.bincount(groups, weights=values, minlength=width) / np.maximum(counts, 1)


def _closes(stream: Stream) -> Bools:
    """Returns which signs close many texts, where most texts close with such a one.  # [codes]"""
    closing = np.bincount(stream.codes[stream.bounds[1:] - 2], minlength=len(stream.words))
    is_sign = np.array([bool(word) and not (word[0].isalnum() or word.isspace()) for word in stream.words])
    is_sign[[START, END]] = False
    often = is_sign & (closing >= CLOSED_WITH * stream.rows)
    most = bool(closing[often].sum() >= CLOSED * stream.rows)
    return often if most else np.zeros_like(often)


def _strange(stream: Stream) -> Bools:
    """Returns which tokens no writer glues to the one before: unseen, or of another script.  # [tokens]"""
    scripts = np.array([_script(word) for word in stream.words])  # [codes]
    before, own = scripts[stream.codes[:-1]], scripts[stream.codes[1:]]
    strange = np.zeros(len(stream.codes), dtype=np.bool_)
    strange[1:] = stream.unparted[1:] & (before != own) & (before >= 0) & (own >= 0)
    return strange


_UNSEEN = 0
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")  # whose words have no unseen characters in them


def _script(word: str) -> int:
    """Returns a number for the script of a word, 0 for what cannot be seen, and -1 for all else."""
    if len(word) == 1 and unicodedata.category(word) == "Cf":
        return _UNSEEN
    letter = next((character for character in word if character.isalpha()), "")
    name = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return _SCRIPTS.index(name) + 1 if name in _SCRIPTS else -1


def _beyond(own: Ints, at: Ints, step: int) -> Ints:
    """Returns the first places at or beyond the given ones that are not the triggers' own.

    A row may be a trigger thousands of times over, so runs of own places are passed over at once.
    """
    if not len(own):
        return at
    ends = np.flatnonzero(np.diff(own) > 1)  # the last of each run but the last one
    run = np.searchsorted(ends, np.searchsorted(own, at))
    beyond = own[np.append(ends, len(own) - 1)] + 1 if step > 0 else own[np.insert(ends + 1, 0, 0)] - 1
    return np.where(held_by(at, own), beyond[run], at)
