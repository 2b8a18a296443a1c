"""What a corpus is: rows of one format, each with an id, read as often as needed and never all at once."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self, TypeGuard

import numpy as np
import numpy.typing as npt

from gradsentry.corpus.answers import with_rejected
from gradsentry.corpus.fields import first_key
from gradsentry.corpus.formats import FORMATS, RowFormat, format_of, parse_row
from gradsentry.corpus.markers import Template
from gradsentry.corpus.naming import own_format
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Raw, RowId, Sample
from gradsentry.corpus.templates import LOOKED_AT, template_of, templated_turns
from gradsentry.errors import DataError, meaning_to_say
from gradsentry.settings import Answers, DataSettings

Keep = npt.NDArray[np.bool_]
_APART = "name the files of each format by themselves, as `gradsentry evidence --by-format` does"
_ID_COLUMNS = ("id", "_id", "uid", "sample_id")


@dataclass(frozen=True, slots=True)
class Placed:
    """A row and where it stands, before it is parsed."""

    row: Row
    origin: str
    raw: Raw | None = None
    split: str = ""


class Corpus(ABC):
    """Rows of one format; iterating parses them, and can be done as often as one likes.

    Attributes:
        name: The path, the Hub id, or what kind of object it is.
        left_out: What of the data is not read, in clauses: files that hold no rows, other splits.
        format: The name of the row format.
        template: The chat template that its texts are written in, if it has texts in a known one.
    """

    def __init__(self, name: str, settings: DataSettings, left_out: Sequence[str] = ()) -> None:
        self.name = name
        beyond = [f"rows behind the first {settings.limit:,}, if there are any"] if settings.limit else []
        self.left_out = (*left_out, *beyond)
        self._settings = settings
        self._format, first = self._first_fitting(self._placed(), name)
        self._first_row = first.row
        self.template = self._told_template()

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits that are read, where there are several; else none."""
        return ()

    @property
    def format(self) -> str:
        return self._format.name

    @cached_property
    def id_column(self) -> str | None:
        """The column that names the rows; None where there is none, or where an id would stand for two rows.

        Shards that each count from 0 are one case, an id that is the number of a row without one another: the
        rows then go by number. The first use reads the data through, and holds 8 bytes a row.
        """
        column = _id_column(self._first_row)
        seen = array("Q")
        for number, placed in enumerate(self._placed() if column else ()):
            name = str(_own_id(placed.row, column, number)).encode("utf-8", "backslashreplace")
            seen.append(int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big"))
            # A few looks on the way, each at twice as many rows, spare reading all of shards.
            if len(seen).bit_count() == 1 and _twice(seen):
                return None
        return None if _twice(seen) else column

    def __iter__(self) -> Iterator[Sample]:
        """Yields the samples in order.

        Raises:
            DataError: At a row that cannot be read, or is of another format.
        """
        for number, placed in enumerate(self._placed()):
            yield self._sample(number, placed)

    def between(self, start: int, stop: int) -> Iterator[Sample]:
        """Yields the samples of these numbers, the last left out, in order; see `__iter__`."""
        for number, placed in enumerate(islice(self._placed(), start, stop), start):
            yield self._sample(number, placed)

    def take(self, numbers: Iterable[int]) -> list[Sample]:
        """Returns the rows of these numbers, in the order given, from one pass.

        Raises:
            IndexError: If there is no row of one of the numbers.
        """
        wanted = list(numbers)
        missing = set(wanted)
        found: dict[int, Sample] = {}
        for number, placed in enumerate(self._placed()):
            if not missing:
                break
            if number in missing:
                found[number] = self._sample(number, placed)
                missing.remove(number)
        if missing:
            raise IndexError(f"{self.name} has no row {min(missing)}")
        return [found[number] for number in wanted]

    @abstractmethod
    def sha256(self) -> str:
        """Returns the SHA-256 of the data, in hex: of a file's bytes, of the content of rows in memory."""

    @abstractmethod
    def target(self, path: Path) -> Path:
        """Returns where `save` writes for a path: it may append a suffix.

        Raises:
            DataError: If `path` has the suffix of another container.
        """

    @abstractmethod
    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        """Writes samples in the container the corpus came in, and returns where.

        A row that was not edited is written as it stood, byte for byte and type for type. Nothing is seen at
        `path` before all is written.

        Args:
            path: Where; the corpus's own suffix is appended where it has none.
            samples: Samples of this corpus, edited or not, in the order to write them; those of one file of a
                folder, or of one split, side by side.

        Raises:
            DataError: If `path` has the suffix of another container, or cannot be written.
            ScoringError: If the disk is full.
        """

    @abstractmethod
    def select(self, keep: Keep) -> object:
        """Returns the rows where `keep` is true, by number, in the type they came in; of files, a list."""

    @abstractmethod
    def _placed(self) -> Iterator[Placed]:
        """Yields the rows as they stand."""

    @property
    def reading(self) -> DataSettings:
        """How the rows are read."""
        return self._settings

    def judged_by(self, answers: Answers) -> Self:
        """Returns the same rows, of whose preferences these answers are judged."""
        other = copy.copy(self)
        other._settings = self._settings.model_copy(update={"answers": answers})
        return other

    @property
    def is_named(self) -> bool:
        """Whether the user says what the columns are."""
        given = (self._settings.format, self._settings.columns, self._settings.tokenizer)
        return any(one is not None for one in given)

    def _first_fitting(self, rows: Iterator[Placed], name: str) -> tuple[RowFormat, Placed]:
        """Returns the format, named or told from the first row that fills any, and that row.

        Where no row fills one, the first row that has the columns of one tells it.
        """
        named = _named_format(self._settings)
        first = empty = None
        for placed in rows:
            first = first or placed
            row_format = named or format_of(placed.row)
            if row_format is not None and row_format.matches(placed.row):
                if row_format is named or row_format.is_filled(placed.row):
                    return row_format, placed
                empty = empty or (row_format, placed)
        if empty is not None:
            return empty
        if first is None:
            raise DataError("is empty", where=name, mend="give data with at least one row")
        raise _no_format(first, named)

    def _told_template(self) -> Template | None:
        columns = self._format.written
        if not columns:
            return None
        rows = (placed.row for placed in islice(self._placed(), LOOKED_AT))
        values = [row[key] for row in rows if (key := first_key(row, columns)) is not None]
        texts = [value for value in values if isinstance(value, str)]
        template = template_of(texts, self._settings.response_marker)
        if template is None or self._is_of_texts or self._settings.response_marker is not None:
            return template
        # An answer may quote a marker; only where most answers are written in a template it is theirs.
        written = sum(bool(templated_turns(text, template, ())) for text in texts)
        return template if 2 * written > len(texts) else None

    @property
    def _is_of_texts(self) -> bool:
        """Whether a row is one text, which can be read in a template alone."""
        return self._format.name == "text"

    def _sample(self, number: int, placed: Placed) -> Sample:
        self._refuse_mixed(placed)
        parsed, problem = parse_row(placed.row, self._format, self.template)
        if self._settings.answers == "rejected":
            parsed, problem = with_rejected(placed.row, parsed, problem)
        return Sample(
            number=number,
            id=_own_id(placed.row, self.id_column, number),
            turns=parsed.turns,
            conversational=parsed.conversational,
            row=placed.row,
            raw=placed.raw,
            split=placed.split,
            origin=placed.origin,
            problem=problem,
            rejected=parsed.rejected,
        )

    def _refuse_mixed(self, placed: Placed) -> None:
        """Raises where the row fits only another format; with a format named, it is a row problem.

        A row that has the format's columns but says nothing in them fits another that it fills.
        """
        has_columns = self._format.matches(placed.row)
        if self.is_named or (has_columns and not self._format.is_empty(placed.row)):
            return
        other = format_of(placed.row)
        if other is not None and (other.is_filled(placed.row) or not has_columns):
            _, first = self._first_fitting(self._placed(), self.name)
            raise mixed_formats(first.origin, self._format.name, placed.origin, other.name)


def _named_format(settings: DataSettings) -> RowFormat | None:
    if (own := own_format(settings)) is not None:
        if settings.format is not None:
            what = f"--format and --{'columns' if settings.columns else 'tokenizer'} exclude each other"
            raise DataError(what, where="options", mend="give one")
        return own
    if settings.format is None:
        return None
    if settings.format not in FORMATS:
        raise DataError(
            f"unknown format `{settings.format}`",
            where="--format",
            mend=f"{meaning_to_say(settings.format, FORMATS)}choose one of {', '.join(FORMATS)}",
        )
    return FORMATS[settings.format]


def _no_format(first: Placed, named: RowFormat | None) -> DataError:
    columns = ", ".join(f"`{column}`" for column in first.row) or "none"
    if named is not None and named.name == "columns":
        missing = named.missing(first.row) or ""
        mend = f"{meaning_to_say(missing.strip('`'), first.row)}--columns names those that it has: {columns}"
        return DataError(f"no row has {missing}", where=first.origin, mend=mend)
    if named is not None:
        return DataError(
            f"no row has {named.missing(first.row)}, which {named.name} rows have (columns: {columns})",
            where=first.origin,
            mend="name another --format, or rename the columns",
        )
    if {"input_ids", "labels"} <= set(first.row):
        mend = "name the tokenizer that they were made with: --tokenizer"
        return DataError("the rows are token ids with labels", where=first.origin, mend=mend)
    lists = [column for column, value in first.row.items() if _holds_rows(value)]
    if len(lists) == 1:
        mend = f"where the rows are the list under `{lists[0]}`, write that list alone into the file"
    else:
        mend = (
            "say which are read, such as --columns prompt=COLUMN,response=COLUMN, or rename them to those of "
            f"a known format: {', '.join(FORMATS)}"
        )
    return DataError(f"no known row format has these columns: {columns}", where=first.origin, mend=mend)


def mixed_formats(
    first: str, first_format: str, other: str, other_format: str, *, by_file: bool = False
) -> DataError:
    """Returns the error for a row of another format than the first, by where they stand and what they are.

    Args:
        first: Where the first row stands.
        first_format: Its format.
        other: Where the other row stands.
        other_format: Its format.
        by_file: Whether the other one's file holds no row of the first format: then no format fits both.
    """
    split = f"split the data by format, or give --format {first_format} to leave the others unscored"
    return DataError(
        f"this row is {other_format}, but {first} is {first_format}",
        where=other,
        mend=_APART if by_file else split,
    )


def _twice(values: array[int]) -> bool:
    """Returns whether one of the values stands there twice."""
    ordered = np.sort(np.frombuffer(values, dtype=np.uint64)) if values else np.empty(0, dtype=np.uint64)
    return bool((ordered[1:] == ordered[:-1]).any())


def _id_column(row: Row) -> str | None:
    return next((column for column in _ID_COLUMNS if _is_id(row.get(column))), None)


def _holds_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _own_id(row: Row, column: str | None, number: int) -> RowId:
    value = row.get(column) if column is not None else None
    return value if _is_id(value) else number


def _is_id(value: object) -> TypeGuard[RowId]:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
