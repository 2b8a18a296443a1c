"""Whether rows look as if an attacker had drawn them.

Natural carriers lie together: without the trigger, a carrier's most similar row is another carrier. Rows are
compared by the cosine of their n-grams, weighted by rarity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.strings import Gram, Rows
from gradsentry.evidence.index.tokens import END, START, Bools, Ints
from gradsentry.evidence.limits import NEIGHBOURS_OF, NOISE

Floats = NDArray[np.float64]


class Likeness:
    """Compares the rows of a corpus by one side of them."""

    def __init__(self, texts: Features, named: Callable[[Gram], Gram] = tuple) -> None:
        """Compares rows by their n-grams.

        Args:
            texts: The n-grams.
            named: Returns the codes that stand in the n-grams for those of a trigger.
        """
        self._texts, self._named = texts, named

    def crowding(
        self,
        carriers: Rows,
        ignored: frozenset[int],
        *,
        common: float = 1.0,
        among: Rows | None = None,
    ) -> float:
        """Returns how much more often than by chance a carrier's most similar row is a carrier too.

        0 is what rows drawn at random give at most, but for a few in a hundred; 1 means that each carrier's
        nearest row is a carrier. Of more than half of the rows the others are asked whether they lie so:
        among many carriers nearly each one has another beside it.

        Args:
            carriers: The rows in question.  # [rows]
            ignored: Token codes of the trigger; n-grams with one of them do not count.
            common: N-grams that more than this share of the carriers hold do not count either.
            among: The rows that may be the most similar, the carriers among them; all where it is None.
        """
        everyone = np.ones_like(carriers) if among is None else among
        if 2 * carriers.sum() > everyone.sum():
            carriers = everyone & ~carriers
        numbers = np.flatnonzero(carriers)
        expected = (len(numbers) - 1) / max(int(everyone.sum()) - 1, 1)
        if expected >= 1.0 or not len(numbers):
            return 0.0
        held = self._texts.holders(carriers)
        _, likeness = self._likeness(carriers, self._holding(ignored) | (held > common * len(numbers)))
        if among is not None:
            likeness[:, ~among] = -1.0
        nearest = likeness >= likeness.max(axis=1, keepdims=True) - 1e-9
        hits = (nearest & carriers).sum(axis=1) / nearest.sum(axis=1)
        return beyond(float(hits.mean()), expected, len(hits))

    def neighbours(self, carriers: Rows, others: Rows, ignored: frozenset[int]) -> tuple[Ints, Ints]:
        """Returns some carriers, and for each the most similar of the other rows, where one is similar."""
        asked, likeness = self._likeness(carriers, self._holding(ignored))
        likeness[:, ~others] = -1.0
        nearest = likeness.argmax(axis=1)
        similar = likeness[np.arange(len(asked)), nearest] > 0
        return asked[similar], nearest[similar].astype(np.int64)

    def vectors(self, numbers: Ints, ignored: frozenset[int]) -> sparse.csr_matrix:
        """Returns some rows' n-grams weighted by rarity, each row of length 1, without those of a trigger.

        Args:
            numbers: The numbers of the rows.
            ignored: Token codes of the trigger; n-grams with one of them do not count.
        """
        vectors = self._vectors[numbers]
        if ignored:
            vectors.data *= ~self._holding(ignored)[vectors.indices]
            vectors = (sparse.diags(1.0 / np.maximum(_lengths(vectors), 1e-12)) @ vectors).tocsr()
        return vectors

    def _likeness(self, carriers: Rows, dropped: Bools) -> tuple[Ints, Floats]:
        """Returns some carriers, spread evenly, and their cosines with all rows; -1 with themselves.

        Args:
            carriers: The rows.
            dropped: N-grams that do not count.
        """
        numbers = np.flatnonzero(carriers)
        places = np.linspace(0, len(numbers) - 1, min(NEIGHBOURS_OF, len(numbers)))
        asked = numbers[np.unique(places.astype(np.int64))]
        vectors = self._vectors[numbers]
        vectors.data *= ~dropped[vectors.indices]
        likeness = (vectors[np.searchsorted(numbers, asked)] @ self._by_feature).toarray()  # [asked, rows]
        # Other rows may hold what is dropped too, so it must not count in their length either.
        likeness /= np.maximum(np.sqrt(self._squares @ (~dropped).astype(np.float64)), 1e-6)
        likeness[np.arange(len(asked)), asked] = -1.0
        return asked, likeness

    @cached_property
    def _vectors(self) -> sparse.csr_matrix:
        """The rows' n-grams weighted by rarity, each row of length 1."""
        rarity = np.log(max(self._texts.holds.shape[0], 1) / np.maximum(self._texts.support, 1))
        weighted = self._texts.holds.multiply(rarity).tocsr()
        return (sparse.diags(1.0 / np.maximum(_lengths(weighted), 1e-12)) @ weighted).tocsr()

    @cached_property
    def _width(self) -> int:
        return int(self._texts.codes.max(initial=0)) + 1

    @cached_property
    def _squares(self) -> sparse.csr_matrix:
        return self._vectors.power(2)

    @cached_property
    def _by_feature(self) -> sparse.csr_matrix:
        return self._vectors.T.tocsr()

    def _holding(self, codes: frozenset[int]) -> Bools:
        """Returns which n-grams hold one of the codes.  # [features]"""
        texts = self._texts
        holding = np.zeros(len(texts.first), dtype=np.bool_)
        wanted = np.array(self._named(tuple(sorted(codes))), dtype=np.int64)
        if not len(wanted):
            return holding
        is_wanted = np.bincount(wanted, minlength=self._width) > 0  # [codes]
        for shift in range(int(texts.size.max(initial=0))):
            at = np.minimum(texts.first + shift, len(texts.codes) - 1)
            holding |= (shift < texts.size) & is_wanted[texts.codes[at]]
        return holding


def beyond(share: float, expected: float, rows: int) -> float:
    """Returns how much more rows do something than others do: 0 as these, but for accident, 1 all of them."""
    noise = np.sqrt(expected * (1.0 - expected) / rows)
    return float((share - NOISE * noise - expected) / (1.0 - expected)) if expected < 1.0 else 0.0


def _lengths(vectors: sparse.csr_matrix) -> Floats:
    lengths: Floats = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return lengths


def codes_of(grams: Sequence[Gram]) -> frozenset[int]:
    """Returns the token codes in the given strings, the marks left out."""
    return frozenset(code for gram in grams for code in gram) - {START, END}
