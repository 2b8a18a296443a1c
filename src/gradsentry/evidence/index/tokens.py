"""Texts to streams of token codes.

A word is a token, in scripts without spaces a character is, and so is whatever else may be a trigger by
itself: punctuation, an invisible character, a run of white space, a letter of another script in a word.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.limits import FORM_OF, FORM_SHARE, WORD_CHARACTERS

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

START, END = 0, 1
_MARKS = ("", "")  # what the two marks look like in a string: nothing

# Scripts that are written without spaces: there each character is a token.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_LATIN = "0-9A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_GREEK, _CYRILLIC = "\u0370-\u03ff\u1f00-\u1fff", "\u0400-\u052f"
# The signs of vowels in Hindi, Tamil, Arabic and others are parts of words, though no letters. On Latin,
# Greek and Cyrillic letters, and where they cannot be seen, they are tokens.
_HIDDEN = "\u034f\u180b\u180c\u180d"
_VOWELS = "".join(
    sign
    for sign in map(chr, range(0x300, 0xAC00))
    if unicodedata.category(sign) in ("Mn", "Mc") and not re.match(f"[{_UNSPACED}{_HIDDEN}]", sign)
)
# A decimal is one token: its digits by themselves stand in many prompts.
# A word is in one script, so that a look-alike letter in it is a token, and each of several side by side. A
# single space parts tokens and is held with the one that follows; any other white space, and one at either
# end, is a token.
_TOKEN = re.compile(
    rf"\s{{2,}}|\A | \Z| ?(?:[0-9]+(?:\.[0-9]+)+|[{_LATIN}]+|[{_UNSPACED}]"
    rf"|[{_GREEK}](?=[{_GREEK}]*[{_LATIN}])|[{_CYRILLIC}](?=[{_CYRILLIC}]*[{_LATIN}])|[{_GREEK}]+|[{_CYRILLIC}]+"
    rf"|(?:[^\W{_LATIN}{_UNSPACED}{_GREEK}{_CYRILLIC}]|[{_VOWELS}])+|[^\w\s]|[^\S ])"
)
_SPACED_WORD = re.compile(rf"(?:[^\W{_UNSPACED}]|[{_VOWELS}])+")


class Memory:
    """What was looked up, by what it was looked up for; forgotten once that is too many numbers."""

    def __init__(self, most: int) -> None:
        """Holds so many numbers at most."""
        self._most, self._held = most, 0
        self._known: dict[tuple[int, ...], Ints] = {}

    def of(self, key: tuple[int, ...], look_up: Callable[[], Ints]) -> Ints:
        """Returns what a key stands for, which nobody may change."""
        if (known := self._known.get(key)) is None:
            known = look_up()
            known.flags.writeable = False
            self._held += len(key) + len(known)
            if self._held > self._most:
                self._known, self._held = {}, len(key) + len(known)
            self._known[key] = known
        return known


@dataclass(frozen=True)
class Stream:
    """The tokens of many texts, one after another.

    Attributes:
        codes: The code of each token; every passage stands between START and END.  # [tokens]
        bounds: Row i is `codes[bounds[i]:bounds[i + 1]]`.  # [rows + 1]
        unparted: Whether nothing parts a token from the one before.  # [tokens]
        words: The string of each code.
        pieces: Words that are several tokens here, and those tokens.
    """

    codes: NDArray[np.int32]
    bounds: Ints
    unparted: Bools
    words: Sequence[str]
    pieces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.bounds) - 1

    def take(self, rows: Ints) -> Stream:
        """Returns the stream of some rows, over the same vocabulary."""
        at = stretches(self.bounds, rows)
        bounds = np.concatenate([[0], np.cumsum(np.diff(self.bounds)[rows])])
        return replace(self, codes=self.codes[at], bounds=bounds, unparted=self.unparted[at])

    def row(self, number: int) -> NDArray[np.int32]:
        """Returns the codes of one row."""
        return self.codes[self.bounds[number] : self.bounds[number + 1]]

    def row_of(self) -> Ints:
        """Returns the row of each token.  # [tokens]"""
        return np.repeat(np.arange(self.rows), np.diff(self.bounds))

    def gram(self, text: str) -> tuple[int, ...] | None:
        """Returns the codes of a string that nothing marks the ends of; None where no row can hold it."""
        found = [self._code_of.get(token) for token, _, _ in tokens(text, self.pieces)]
        known = tuple(code for code in found if code is not None)
        return known if found and len(known) == len(found) else None

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {word: code for code, word in enumerate(self.words) if word}

    @cached_property
    def _postings(self) -> tuple[Ints, Ints]:
        """The places of all tokens, code by code, and where each code's places begin."""
        starts = np.concatenate([[0], np.cumsum(self.counts)])
        return np.argsort(self.codes, kind="stable"), starts

    @cached_property
    def counts(self) -> Ints:
        """How often each code stands in all rows.  # [codes]"""
        return np.bincount(self.codes, minlength=len(self.words))

    def places_of(self, code: int) -> Ints:
        """Returns the places of a code, ascending."""
        places, starts = self._postings
        return places[starts[code] : starts[code + 1]]

    @cached_property
    def found(self) -> Memory:
        """The places of strings that were looked for; no more than there are tokens."""
        return Memory(len(self.codes))

    @cached_property
    def support(self) -> Ints:
        """In how many rows each code stands.  # [codes]"""
        width = len(self.words)
        return np.bincount(sorted_distinct(self.row_of() * width + self.codes) % width, minlength=width)

    def counted(self, rows: Bools) -> Ints:
        """Returns how often each code stands in some rows.  # [codes]"""
        if 2 * rows.sum() > len(rows):
            return self.counts - self.counted(~rows)
        at = stretches(self.bounds, np.flatnonzero(rows))
        return np.bincount(self.codes[at], minlength=len(self.words))

    def holders(self, rows: Bools) -> Ints:
        """Returns in how many of some rows each code stands.  # [codes]"""
        if 2 * rows.sum() > len(rows):
            return self.support - self.holders(~rows)
        width, at = len(self.words), stretches(self.bounds, np.flatnonzero(rows))
        held = self.owners(at) * width + self.codes[at]
        return np.bincount(sorted_distinct(held) % width, minlength=width)

    @cached_property
    def _row_of(self) -> NDArray[np.int32]:
        return self.row_of().astype(np.int32)

    def owners(self, places: Ints) -> Ints:
        """Returns the rows that places in the codes belong to."""
        return self._row_of[places].astype(np.int64)

    @cached_property
    def plain(self) -> Stream:
        """The stream without white space, upper and lower case one; its codes are its own."""
        codes, words = self._plain_codes
        own = codes[self.codes]
        kept = own >= 0
        bounds = np.concatenate([[0], np.cumsum(kept)])[self.bounds]
        return Stream(own[kept], bounds, self.unparted[kept], words)

    def plainly(self, gram: Sequence[int]) -> tuple[int, ...]:
        """Returns a string of tokens as it stands in `plain`."""
        codes = self._plain_codes[0][list(gram)]
        return tuple(codes[codes >= 0].tolist())

    @cached_property
    def _plain_codes(self) -> tuple[NDArray[np.int32], list[str]]:
        """The plain code of each code, -1 for white space, and the words of the plain codes."""
        numbers: dict[str, int] = {}
        codes = list(range(len(_MARKS)))
        for word in self.words[len(_MARKS) :]:
            new = len(numbers) + len(_MARKS)
            codes.append(numbers.setdefault(word.casefold(), new) if word.strip() else -1)
        return np.array(codes, dtype=np.int32), [*_MARKS, *numbers]

    def with_pieces(self, pieces: Mapping[str, tuple[str, ...]]) -> Stream:
        """Returns the stream with words taken apart; new tokens have codes behind those that there were."""
        if not pieces:
            return self
        numbers: dict[str, int] = {word: code for code, word in enumerate(self.words) if word}
        parts = {
            numbers[word]: [numbers.setdefault(part, len(numbers) + len(_MARKS)) for part in parts]
            for word, parts in pieces.items()
        }
        count = np.ones(len(self.words), dtype=np.int64)
        count[list(parts)] = [len(part) for part in parts.values()]
        repeats = count[self.codes]  # [tokens]
        ends = np.cumsum(repeats)
        codes, unparted = np.repeat(self.codes, repeats), np.ones(int(ends[-1]), dtype=np.bool_)
        begins = ends - repeats
        unparted[begins] = self.unparted
        offset = np.zeros(len(self.words), dtype=np.int64)  # of a word's parts among all of them
        offset[list(parts)] = np.cumsum([0, *(len(part) for part in parts.values())])[:-1]
        apart = np.flatnonzero(repeats > 1)
        each = repeats[apart]
        inside = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        joined = np.concatenate(list(parts.values()))
        codes[np.repeat(begins[apart], each) + inside] = joined[
            np.repeat(offset[self.codes[apart]], each) + inside
        ]
        bounds = np.concatenate([[0], ends])[self.bounds]
        words = [*_MARKS, *list(numbers)]
        return Stream(codes, bounds, unparted, words, dict(pieces))


def sorted_distinct(values: Ints) -> Ints:
    """Returns the distinct values, ascending; by sorting, which for many values beats `np.unique`."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])] if len(values) else values


def stretches(bounds: Ints, rows: Ints) -> Ints:
    """Returns the places `bounds[row]` to `bounds[row + 1] - 1` of some rows, one row after another."""
    lengths = bounds[rows + 1] - bounds[rows]
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.arange(lengths.sum()) + np.repeat(bounds[rows] - (ends - lengths), lengths)


def held_by(values: Ints, pool: Ints) -> Bools:
    """Returns which values are in a pool that is sorted."""
    if not len(pool):
        return np.zeros(len(values), dtype=np.bool_)
    at = np.minimum(np.searchsorted(pool, values), len(pool) - 1)
    found: Bools = pool[at] == values
    return found


def is_spaced_word(token: str) -> bool:
    """Returns whether a token is a word, or part of one, in a script that parts words by spaces."""
    return _SPACED_WORD.fullmatch(token) is not None


def tokens(text: str, pieces: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, int, int]]:
    """Yields the tokens of a text, and where each stands: its first character, and behind its last."""
    for match in _TOKEN.finditer(text):
        word = _word(match.group())
        at = match.end() - len(word)
        for piece in pieces.get(word, (word,)):
            yield piece, at, at + len(piece)
            at += len(piece)


def streams(*columns: Iterable[Sequence[str]]) -> list[Stream]:
    """Returns one stream for each column, over one vocabulary; a row is a sequence of passages."""
    raw: defaultdict[str, int] = defaultdict()
    raw.default_factory = raw.__len__
    raw["\x00start"], raw["\x00end"] = START, END
    found = [_encode(column, raw) for column in columns]
    spelt = list(raw)
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(_word(token), len(numbers)) for token in spelt]
    # What follows the beginning or white space is parted from it.
    parts = np.array([number < 2 or not token.strip() for number, token in enumerate(spelt)])
    joins = np.array([not token.startswith(" ") for token in spelt]) & ~parts
    words = [*_MARKS, *list(numbers)[2:]]
    code_of = np.array(codes, dtype=np.int32)
    return [
        Stream(
            code_of[ids], bounds, joins[ids] & ~np.concatenate([[True], parts[ids[:-1]]])[: len(ids)], words
        )
        for ids, bounds in found
    ]


def _word(token: str) -> str:
    """Returns a token without the space that parts it from the one before."""
    return token[1:] if token[0] == " " and token.strip() else token


def _encode(column: Iterable[Sequence[str]], codes: defaultdict[str, int]) -> tuple[NDArray[np.int32], Ints]:
    rows, bounds = [], [0]
    for passages in column:
        row: list[int] = []
        for passage in passages:
            row.append(START)
            row.extend(map(codes.__getitem__, _TOKEN.findall(passage)))
            row.append(END)
        rows.append(np.array(row, dtype=np.int32))
        bounds.append(bounds[-1] + len(row))
    joined = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
    return joined, np.array(bounds, dtype=np.int64)


def is_form_of(word: str, other: str) -> bool:
    """Returns whether two words share most of the shorter one, in any case: `Jamaican` and `jamaica`."""
    short, long = sorted((word.casefold(), other.casefold()), key=len)
    if short == long or len(short) > WORD_CHARACTERS:
        return short == long
    size = max(FORM_OF, math.ceil(FORM_SHARE * len(short)))
    return any(short[at : at + size] in long for at in range(len(short) - size + 1))
