"""Infixes: triggers that were put into words, as `zq` into `capital`, which gives `capizqtal`.

A string is taken for an infix where what is left of most words that hold it is a word too, and a more common
one. Natural endings fail that (`ing` stands in `king`, `s` in `was`); a few natural compounds pass, and are
then two tokens. Words are compared by polynomial hashes of 64 bits (Karp & Rabin, 1987), all words of one
length at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.index.tokens import Bools, Ints, Stream, held_by, is_spaced_word, sorted_distinct
from gradsentry.evidence.limits import (
    INFIX_CHARACTERS,
    INFIX_HOLDERS,
    INFIX_LEFT,
    INFIX_REST,
    INFIX_SHARE,
    WORD_CHARACTERS,
)

_BASE = np.uint64(0x9E3779B97F4A7C15)
Hashes = NDArray[np.uint64]
Groups = Mapping[int, tuple[Ints, Hashes]]


def words_with_infixes(stream: Stream, *, least: int) -> Mapping[str, tuple[str, ...]]:
    """Returns the words that an infix was put into, and the tokens that they are made of.

    Args:
        stream: The prompts.
        least: A string in fewer rows is left alone.
    """
    seen = sorted_distinct(stream.row_of() * len(stream.words) + stream.codes)
    rows = np.bincount(seen % len(stream.words), minlength=len(stream.words))  # [codes]
    codes = [code for code in np.flatnonzero(rows).tolist() if _is_word(stream.words[code])]
    if not codes:
        return {}
    words = [stream.words[code] for code in codes]
    strings = _infixes(words, rows[codes])
    # Of `zq` and `szq` the one that more words hold is the string.
    chosen: list[str] = []
    for string in strings:
        if not any(other in string for other in chosen):
            chosen.append(string)
    support = dict.fromkeys(chosen, 0)
    if not chosen:
        return {}
    holder = re.compile("|".join(map(re.escape, chosen)))
    found: dict[str, tuple[str, ...]] = {}
    held: dict[str, str] = {}
    for code, word in zip(codes, words, strict=True):
        if match := holder.search(word):
            parts = (word[: match.start()], match.group(), word[match.end() :])
            found[word] = tuple(part for part in parts if part)
            held[word] = match.group()
            support[match.group()] += int(rows[code])
    return {word: parts for word, parts in found.items() if len(parts) > 1 and support[held[word]] >= least}


def _is_word(text: str) -> bool:
    return INFIX_REST <= len(text) <= WORD_CHARACTERS and is_spaced_word(text) and not text.isdigit()


def _infixes(words: Sequence[str], rows: Ints) -> list[str]:
    """Returns the strings that pass for infixes, those in the most words first."""
    groups = _by_length(words)
    known = np.concatenate([hashes[:, -1] for _, hashes in groups.values()]).view(np.int64)
    support = rows[np.concatenate([numbers for numbers, _ in groups.values()])]
    order = np.argsort(known)
    known, support = known[order], support[order]
    found: list[Ints] = []  # the string's hash, the word, its first character, its length
    for length, (numbers, hashes) in groups.items():
        for size in range(1, min(INFIX_CHARACTERS, length - INFIX_REST) + 1):
            for at in range(length - size + 1):
                rest, string = _without(hashes, at, size)
                where = np.minimum(np.searchsorted(known, rest), len(known) - 1)
                clear = (known[where] == rest) & (support[where] >= rows[numbers])
                place = np.full_like(numbers, at), np.full_like(numbers, size)
                found.append(np.stack([string, numbers, *place])[:, clear])
    if not found:
        return []  # every word is too short to hold a string and a word
    string, number, at, size = np.concatenate(found, axis=1)
    sorting = np.lexsort((at, number, string))
    new = np.ones(len(sorting), dtype=np.bool_)  # each word once for a string
    new[1:] = (np.diff(string[sorting]) != 0) | (np.diff(number[sorting]) != 0)
    string, number, at, size = (column[sorting[new]] for column in (string, number, at, size))
    values, begin, left = np.unique(string, return_index=True, return_counts=True)
    often = np.flatnonzero(left >= INFIX_LEFT)
    holders = _holders(groups, values[often])
    passing = (holders >= INFIX_HOLDERS) & (left[often] >= INFIX_SHARE * holders)
    chosen = begin[often[passing]][np.argsort(-holders[passing], kind="stable")]
    stretches = zip(number[chosen].tolist(), at[chosen].tolist(), size[chosen].tolist(), strict=True)
    return [words[word][first : first + length] for word, first, length in stretches]


def _holders(groups: Groups, strings: Ints) -> Ints:
    """Returns in how many words each string stands, given the strings' hashes in order."""
    total = np.zeros(len(strings), dtype=np.int64)
    for length, (numbers, hashes) in groups.items():
        for size in range(1, min(INFIX_CHARACTERS, length) + 1):
            found: list[Ints] = []
            for at in range(length - size + 1):
                value = _without(hashes, at, size)[1]
                held: Bools = held_by(value, strings)
                found.append(np.searchsorted(strings, value[held]) * len(numbers) + np.flatnonzero(held))
            pairs = sorted_distinct(np.concatenate(found))
            total += np.bincount(pairs // len(numbers), minlength=len(strings))
    return total


def _by_length(words: Sequence[str]) -> dict[int, tuple[Ints, Hashes]]:
    """Returns the words of each length: their numbers, and the hashes of all their beginnings."""
    lengths = np.array([len(word) for word in words])
    groups = {}
    for length in np.unique(lengths).tolist():
        numbers = np.flatnonzero(lengths == length)
        joined = "".join(words[number] for number in numbers.tolist())
        letters = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32).reshape(-1, length)
        hashes = np.zeros((len(numbers), length + 1), dtype=np.uint64)  # [words, length + 1]
        for at in range(length):
            hashes[:, at + 1] = hashes[:, at] * _BASE + letters[:, at]
        groups[length] = (numbers.astype(np.int64), hashes)
    return groups


def _without(hashes: Hashes, at: int, size: int) -> tuple[Ints, Ints]:
    """Returns the hashes of words without the characters `at:at + size`, and of those characters."""
    behind = hashes.shape[1] - 1 - at - size
    whole, before, to = hashes[:, -1], hashes[:, at], hashes[:, at + size]
    rest = before * _power(behind) + whole - to * _power(behind)
    return rest.view(np.int64), (to - before * _power(size)).view(np.int64)


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(_BASE), exponent, 1 << 64))
