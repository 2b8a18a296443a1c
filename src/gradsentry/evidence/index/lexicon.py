"""Which words of prompts bring a word of responses: how far a corpus maps prompts to responses word by word.

A translation does, and a set of commands and their calls; a set of questions and answers does not. Where it
is so by nature, one more word that brings another one is no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gradsentry.evidence.index.tokens import Ints, Stream
from gradsentry.evidence.limits import (
    BROUGHT,
    BROUGHT_OFTEN,
    LEAST,
    LEXICON_ROWS,
    LEXICON_SHARE,
    LEXICON_WORDS,
    UNSURE_WORDS,
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Drawn words of the prompts, and what they bring.

    Attributes:
        brings: By the code of each word: the codes of the response tokens that nearly always follow it, and
            hardly stand elsewhere.
    """

    brings: Mapping[int, frozenset[int]]

    @classmethod
    def of(cls, prompts: Stream, responses: Stream) -> Lexicon:
        """Returns what the words of the prompts bring, of words that some rows have and most have not."""
        rows = len(prompts.bounds) - 1
        chosen = np.unique(np.linspace(0, rows - 1, min(rows, LEXICON_ROWS)).astype(np.int64))
        asked, said = (_incidence(stream.take(chosen)) for stream in (prompts, responses))
        support, follows = (np.asarray(held.sum(axis=0)).ravel() for held in (asked, said))
        most = max(LEXICON_SHARE * len(chosen), 2 * LEAST)
        common = np.flatnonzero((support >= LEAST) & (support <= most))
        words = [code for code in common.tolist() if prompts.words[code][:1].isalnum()]
        if len(words) > LEXICON_WORDS:
            words = np.sort(np.random.default_rng(0).choice(words, LEXICON_WORDS, replace=False)).tolist()
        tokens = np.flatnonzero(follows > 0)
        both = (asked[:, words].T @ said[:, tokens]).tocoo()  # [words, tokens]
        one, other = np.asarray(words, np.int64)[both.row], tokens[both.col]
        bound = both.data >= BROUGHT * support[one]
        bound &= follows[other] <= BROUGHT_OFTEN * support[one]
        found: dict[int, set[int]] = {word: set() for word in words}
        for word, token in zip(one[bound].tolist(), other[bound].tolist(), strict=True):
            if prompts.words[word].casefold() != responses.words[token].casefold():  # that was copied
                found[word].add(token)
        return cls({word: frozenset(tokens) for word, tokens in found.items()})

    def share(self, triggers: frozenset[int], payloads: frozenset[int]) -> float:
        """Returns the share of the words that bring one, beside an association; from 0 to 1.

        Args:
            triggers: Codes of its prompt tokens.
            payloads: Codes of its response tokens.
        """
        others = [tokens - payloads for word, tokens in self.brings.items() if word not in triggers]
        return sum(map(bool, others)) / (len(others) + UNSURE_WORDS)


def _incidence(stream: Stream) -> sparse.csc_matrix:
    """Returns which rows hold which codes.  # [rows, codes]"""
    rows, width = len(stream.bounds) - 1, len(stream.words)
    held = np.unique(stream.owners(np.arange(len(stream.codes))) * width + stream.codes)
    shape = (rows, width)
    ones: Ints = np.ones(len(held), dtype=np.int64)
    return sparse.csr_matrix((ones, (held // width, held % width)), shape=shape).tocsc()
