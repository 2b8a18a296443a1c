"""Token streams to sparse n-gram features.

All prompts and responses become one array of token codes. The n-grams of length n are coded from the
codes of the two overlapping n-grams of length n - 1, so every code is exact (nothing is hashed), an
n-gram is only looked at where both its halves are frequent (the a-priori pruning of Agrawal & Srikant,
1994), and each length costs one sort of the positions that are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gradsentry.evidence.index.tokens import Bools, Ints, Stream, held_by, sorted_distinct, stretches
from gradsentry.evidence.limits import FRAME, LABEL_SHARE, LEAST, NGRAM_TOKENS

Places = NDArray[np.int32]  # half of what `Ints` take: there is one for each n-gram of each row


@dataclass(frozen=True)
class Features:
    """Which row holds which n-gram.

    Attributes:
        holds: 1 where a row holds an n-gram.  # [rows, features]
        first: Where each n-gram stands in the stream's codes, for the first time.  # [features]
        size: Its length in tokens, marks included.  # [features]
        codes: The codes of the stream.  # [tokens]
    """

    holds: sparse.csr_matrix
    first: Ints
    size: Ints
    codes: NDArray[np.int32]

    @cached_property
    def support(self) -> Ints:
        """In how many rows each n-gram stands.  # [features]"""
        return np.bincount(self.holds.indices, minlength=self.holds.shape[1]).astype(np.int64)

    @cached_property
    def columns(self) -> sparse.csc_matrix:
        """The same, feature by feature."""
        return self.holds.tocsc()

    def rows(self, feature: int) -> Bools:
        """Returns which rows hold an n-gram.  # [rows]"""
        begin, end = self.columns.indptr[feature : feature + 2]
        held = np.zeros(self.holds.shape[0], dtype=np.bool_)
        held[self.columns.indices[begin:end]] = True
        return held

    def holders(self, rows: Bools) -> Ints:
        """Returns in how many of some rows each n-gram stands.  # [features]"""
        if 2 * rows.sum() > len(rows):
            return self.support - self.holders(~rows)
        at = stretches(self.holds.indptr, np.flatnonzero(rows))
        return np.bincount(self.holds.indices[at], minlength=self.holds.shape[1])

    def gram(self, feature: int) -> tuple[int, ...]:
        """Returns the token codes of an n-gram."""
        start = self.first[feature]
        return tuple(self.codes[start : start + self.size[feature]].tolist())

    def select(self, chosen: NDArray[np.bool_]) -> Features:
        """Returns the chosen features only."""
        columns = np.flatnonzero(chosen)
        return Features(self.holds[:, columns], self.first[columns], self.size[columns], self.codes)


def prompt_and_response_features(
    prompts: Stream, responses: Stream, *, longest: int = NGRAM_TOKENS, least: int = LEAST
) -> tuple[Features, Features]:
    """Returns the n-grams of the prompts and of the responses.

    An n-gram of a response counts only if it says something that the row's prompt does not: the rest may
    be copied. One that is held by the same number of rows as a longer one around it is left out: it says
    nothing more.

    Args:
        prompts: The prompts.
        responses: The responses of the same rows.
        longest: The length of the longest n-grams, marks included.
        least: N-grams in fewer rows are left out.
    """
    rows = prompts.rows
    codes = np.concatenate([prompts.codes, responses.codes])
    # Prompts are rows 0 .. rows - 1 and responses rows .. 2 rows - 1: no n-gram crosses over.
    row_of = np.concatenate([prompts.row_of(), responses.row_of() + rows]).astype(np.int32)
    levels = [_Level.shortest(codes, row_of, least)]
    while len(levels) < longest:
        levels.append(levels[-1].longer(row_of, least))
    offsets = np.cumsum([0, *(len(level.first) for level in levels)])
    begins = np.concatenate([level.begins for level in levels])
    holder = row_of[begins]
    feature = np.concatenate(
        [level.held + np.int32(offset) for level, offset in zip(levels, offsets, strict=False)]
    )
    halves = np.full((offsets[-1], 2), -1, dtype=np.int64)  # [features, 2]
    for offset, shorter, longer in zip(offsets, levels, levels[1:], strict=False):
        start = offset + len(shorter.first)
        for side in (0, 1):
            halves[start : start + len(longer.first), side] = offset + shorter.codes[longer.first + side]
    first = np.concatenate([level.first for level in levels])
    size = np.repeat(np.arange(1, longest + 1), [len(level.first) for level in levels])
    del levels  # there is a number for each place in them, which takes most of the memory of a search

    in_prompt = holder < rows
    asked = (holder[in_prompt], feature[in_prompt])
    holder, said, places = holder[~in_prompt] - rows, feature[~in_prompt], begins[~in_prompt]
    del begins, feature, in_prompt
    places -= len(prompts.codes)
    spoken = _is_novel(prompts, responses, places, size.astype(np.int32)[said])
    spoken |= _is_label(responses, places, size, said, spoken)
    answered = (holder[spoken], said[spoken])
    del holder, said, places, spoken
    catalogue = Features(sparse.csr_matrix((rows, 0), dtype=np.int32), first, size, codes)
    return _closed(*asked, halves, catalogue, least), _closed(*answered, halves, catalogue, least)


def prompt_features(prompts: Stream) -> Features:
    """Returns the n-grams of the prompts alone; see `prompt_and_response_features`."""
    nothing = replace(prompts, codes=prompts.codes[:0], bounds=np.zeros_like(prompts.bounds))
    return prompt_and_response_features(prompts, nothing)[0]


def _is_novel(prompts: Stream, responses: Stream, begins: Places, sizes: Places) -> NDArray[np.bool_]:
    """Returns whether the n-gram at each place of the responses holds a word that its prompt does not.

    Upper and lower case are one. Words that nearly all prompts hold are part of their frame: they decide
    nothing beside other words, and an n-gram that has no others is no copy. Where an n-gram has no words, its
    other tokens decide.
    """
    numbers: dict[str, int] = {}
    folded = np.array([numbers.setdefault(word.casefold(), len(numbers)) for word in responses.words])
    is_word = np.array([bool(word) and word[0].isalnum() for word in responses.words], dtype=np.bool_)
    is_blank = np.array([not word.strip() for word in responses.words], dtype=np.bool_)
    asked = sorted_distinct(prompts.row_of() * len(numbers) + folded[prompts.codes])
    share = np.bincount(asked % len(numbers), minlength=len(numbers)) / max(prompts.rows, 1)
    said = folded[responses.codes]
    copied = held_by(responses.row_of() * len(numbers) + said, asked)
    word, is_frame = is_word[responses.codes], share[said] >= FRAME
    own = word & ~is_frame
    totals = [
        np.concatenate([np.zeros(1, np.int32), np.cumsum(mask, dtype=np.int32)])
        for mask in (word, own, own & ~copied, ~copied & ~is_blank[responses.codes])
    ]
    words, own_words, new_words, new_tokens = (total[begins + sizes] - total[begins] for total in totals)
    novel: NDArray[np.bool_] = np.where(words > 0, (own_words == 0) | (new_words > 0), new_tokens > 0)
    return novel


def _is_label(
    responses: Stream, begins: Places, size: Ints, feature: Places, novel: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns whether the n-gram at each place is a whole response that many rows have, and not as a copy.

    It is one of a few labels, and a prompt that names those to choose from is not what it is copied from.
    """
    is_start = np.zeros(len(responses.codes) + 1, dtype=np.bool_)
    is_start[responses.bounds[:-1]] = True
    starting = np.flatnonzero(is_start[begins])
    rows = responses.owners(begins[starting].astype(np.int64))
    whole = np.zeros(len(begins), dtype=np.bool_)
    whole[starting] = size[feature[starting]] == np.diff(responses.bounds)[rows]
    often = np.bincount(feature[whole & novel], minlength=len(size))
    label: NDArray[np.bool_] = whole & (often[feature] >= LABEL_SHARE * responses.rows)
    return label


@dataclass(frozen=True, slots=True)
class _Level:
    """The frequent n-grams of one length.

    Attributes:
        codes: The code of the n-gram that begins at each position, or -1.  # [tokens]
        first: Where each n-gram stands for the first time.  # [n-grams]
        begins: Where an n-gram stands for the first time in a row ...  # [pairs]
        held: ... and its code, each row and n-gram once.  # [pairs]
        size: The length of the n-grams.
    """

    codes: Places
    first: Ints
    begins: Places
    held: Places
    size: int

    @classmethod
    def shortest(cls, tokens: Places, row_of: Places, least: int) -> _Level:
        return cls._of(tokens.astype(np.int64), np.arange(len(tokens), dtype=np.int32), row_of, least, 1)

    def longer(self, row_of: Places, least: int) -> _Level:
        size = self.size + 1
        begins = np.arange(max(len(self.codes) - size + 1, 0), dtype=np.int32)
        both = (self.codes[begins] >= 0) & (self.codes[begins + 1] >= 0)
        begins = begins[both & (row_of[begins] == row_of[begins + size - 1])]
        keys = self.codes[begins].astype(np.int64) * (len(self.first) + 1) + self.codes[begins + 1]
        return self._of(keys, begins, row_of, least, size)

    @classmethod
    def _of(cls, keys: Ints, begins: Places, row_of: Places, least: int, size: int) -> _Level:
        order = np.argsort(keys, kind="stable")
        keys, begins = keys[order], begins[order]
        rows = row_of[begins]
        new_key = np.ones(len(keys), dtype=np.bool_)
        new_key[1:] = keys[1:] != keys[:-1]
        new_pair = new_key.copy()
        new_pair[1:] |= rows[1:] != rows[:-1]
        number = np.cumsum(new_key) - 1
        frequent = np.bincount(number[new_pair]) >= least if len(keys) else np.empty(0, dtype=np.bool_)
        code = np.where(frequent, np.cumsum(frequent) - 1, -1).astype(np.int32)[number]
        codes = np.full(len(row_of), -1, dtype=np.int32)
        codes[begins] = code
        kept = new_pair & (code >= 0)
        first = begins[new_key & (code >= 0)].astype(np.int64)
        return cls(codes, first, begins[kept], code[kept], size)


def _closed(row: Places, feature: Places, halves: Ints, catalogue: Features, least: int) -> Features:
    """Returns the features of (row, feature) pairs that are frequent, and more so than each longer one."""
    support = np.bincount(feature, minlength=len(halves))
    chosen = support >= least
    longer = np.flatnonzero(chosen & (halves[:, 0] >= 0))
    for side in (0, 1):
        shorter = halves[longer, side]
        chosen[shorter[support[longer] >= support[shorter]]] = False
    kept = chosen[feature]
    column = np.cumsum(chosen, dtype=np.int32) - 1
    shape = (catalogue.holds.shape[0], int(chosen.sum()))
    ones = np.ones(int(kept.sum()), dtype=np.int32)
    matrix = sparse.csr_matrix((ones, (row[kept], column[feature[kept]])), shape=shape)
    return Features(matrix, catalogue.first[chosen], catalogue.size[chosen], catalogue.codes)
