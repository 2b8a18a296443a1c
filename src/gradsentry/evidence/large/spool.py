"""The tokens of a whole corpus in a temporary file, as hashes: what is read again costs no parsing.

A token takes four bytes there, and a row eight more; in memory a row takes twelve. A few words in a million
have the hash of another one: that may propose a row for nothing, and no count of a finding is made of hashes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.errors import ScoringError
from gradsentry.evidence.index.rows import row_key
from gradsentry.evidence.index.texts import passages
from gradsentry.evidence.index.tokens import END, START, Ints, Stream, streams
from gradsentry.evidence.limits import ROW_TOKENS

Hashes = NDArray[np.uint64]
Words = NDArray[np.uint32]
MARKS = np.array([START, END], dtype=np.uint32)  # no word has one of these hashes


@dataclass(frozen=True, slots=True)
class Side:
    """The prompts, or the responses, of some rows.

    Attributes:
        words: The hash of each token, passages between marks.  # [tokens]
        lengths: How many tokens each row has.  # [rows]
    """

    words: Words
    lengths: NDArray[np.uint32]

    def row_of(self) -> NDArray[np.int32]:
        """Returns the row of each token, counted from the first of these rows.  # [tokens]"""
        return np.repeat(np.arange(len(self.lengths), dtype=np.int32), self.lengths)


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows in a row.

    Attributes:
        first: The number of the first one.
        prompts: Their prompts.
        responses: Their responses.
    """

    first: int
    prompts: Side
    responses: Side

    @property
    def rows(self) -> slice:
        """Which rows of the corpus these are."""
        return slice(self.first, self.first + len(self.prompts.lengths))


class Spool:
    """The tokens of rows that are added window by window, and read back as often as one likes.

    Attributes:
        rows: How many rows were added.
        size: How many tokens they count for; see `sizes`.
    """

    def __init__(self) -> None:
        self.rows = self.size = 0
        self._file = tempfile.TemporaryFile(prefix="gradsentry-")  # noqa: SIM115  (closed by `__exit__`)
        self._windows: list[tuple[int, int, int]] = []  # rows, and tokens of either side
        self._keys: list[Hashes] = []
        self._sizes: list[NDArray[np.uint32]] = []
        self._numbers: list[Ints | None] = []  # None where a row's number is its place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, samples: Sequence[Sample]) -> None:
        """Adds the rows behind those that were added before.

        Raises:
            ScoringError: If the disk is full.
        """
        columns = [[passages(sample, trained=trained) for sample in samples] for trained in (False, True)]
        sides = [_hashed(stream) for stream in streams(*columns)]
        self._keys.append(np.array([row_key(sample) for sample in samples], dtype=np.uint64))
        self._sizes.append(np.maximum(sides[0].lengths + sides[1].lengths, ROW_TOKENS, dtype=np.uint32))
        try:
            for side in sides:
                self._file.write(side.words.tobytes() + side.lengths.tobytes())
        except OSError as error:
            raise ScoringError(
                f"the tokens of the data could not be kept ({error.strerror})",
                where=tempfile.gettempdir(),
                mend="make room, or name another place in TMPDIR; it takes four bytes a word",
            ) from None
        self._windows.append((len(samples), len(sides[0].words), len(sides[1].words)))
        self.rows += len(samples)
        self.size += int(self._sizes[-1].sum(dtype=np.int64))
        numbers = np.array([sample.number for sample in samples], dtype=np.int64)
        usual = (numbers == np.arange(self.rows - len(samples), self.rows)).all()
        self._numbers.append(None if usual else numbers)

    def blocks(self, tokens: int) -> list[range]:
        """Returns the windows in parts of much the same size, of at most so many tokens each, or of one."""
        sizes = [asked + said for _, asked, said in self._windows]
        each = sum(sizes) / max(1, -(-sum(sizes) // tokens))
        found, begin, held = [], 0, 0
        for number, size in enumerate(sizes):
            if held and held + size > min(tokens, each + size / 2):
                found.append(range(begin, number))
                begin, held = number, 0
            held += size
        return [*found, range(begin, len(sizes))] if sizes else []

    def windows(self, which: range | None = None) -> Iterator[Window]:
        """Yields the rows as they were added: all windows, or some that follow each other."""
        begin, end = (0, len(self._windows)) if which is None else (which.start, which.stop)
        before = self._windows[:begin]
        first = sum(rows for rows, _, _ in before)
        self._file.flush()
        self._file.seek(sum(4 * (2 * rows + asked + said) for rows, asked, said in before))
        for rows, asked, said in self._windows[begin:end]:
            yield Window(first, self._read(rows, asked), self._read(rows, said))
            first += rows

    def _read(self, rows: int, words: int) -> Side:
        read = np.frombuffer(self._file.read(4 * (words + rows)), dtype=np.uint32)
        return Side(read[:words], read[words:])

    @property
    def sizes(self) -> NDArray[np.uint32]:
        """How many tokens each row counts for: what it has, and `ROW_TOKENS` at least.  # [rows]"""
        return np.concatenate([np.empty(0, np.uint32), *self._sizes])

    @property
    def numbers(self) -> Ints:
        """The number of each row.  # [rows]"""
        ends = np.cumsum([0, *(rows for rows, _, _ in self._windows)])
        told = [
            np.arange(first, end) if own is None else own
            for own, first, end in zip(self._numbers, ends, ends[1:], strict=False)
        ]
        return np.concatenate([np.empty(0, np.int64), *told])

    @property
    def distinct(self) -> NDArray[np.bool_]:
        """Which rows are no copies of an earlier one.  # [rows]"""
        first = np.zeros(self.rows, dtype=np.bool_)
        first[np.unique(np.concatenate([np.empty(0, np.uint64), *self._keys]), return_index=True)[1]] = True
        return first


def _hashed(stream: Stream) -> Side:
    words = (word.encode("utf-8", "surrogatepass") for word in stream.words)
    known = np.array([xxhash.xxh3_64_intdigest(word) & 0xFFFFFFFF for word in words], dtype=np.uint32)
    known[known < len(MARKS)] += len(MARKS)
    known[: len(MARKS)] = MARKS
    return Side(known[stream.codes], np.diff(stream.bounds).astype(np.uint32))
