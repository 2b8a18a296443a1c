"""What a corpus is: rows of one format, each with an id, read as often as needed and never all at once."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from gradsentry.corpus.answers import with_rejected
from gradsentry.corpus.detecting import detected_format, detected_template, mixed_formats
from gradsentry.corpus.formats import format_of, parse_row
from gradsentry.corpus.ids import any_twice, id_column, own_id
from gradsentry.corpus.sample import Placed, Sample
from gradsentry.settings import Answers, DataSettings

Keep = npt.NDArray[np.bool_]


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
        self._format, first = detected_format(self._placed(), settings, name)
        self._first_row = first.row
        self.template = detected_template(self._placed(), self._format, settings.response_marker)

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
        column = id_column(self._first_row)
        seen = array("Q")
        for number, placed in enumerate(self._placed() if column else ()):
            name = str(own_id(placed.row, column, number)).encode("utf-8", "backslashreplace")
            seen.append(int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big"))
            # A few looks on the way, each at twice as many rows, spare reading all of shards.
            if len(seen).bit_count() == 1 and any_twice(seen):
                return None
        return None if any_twice(seen) else column

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

    def files_in(self, path: Path) -> list[tuple[Path, Path]]:
        """Returns each file of the data, and where `save` writes those of its rows that it is given.

        Nothing for rows that lie in no file of the user's own.
        """
        return []

    @abstractmethod
    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        """Writes samples in the container the corpus came in, and returns where.

        A row that was not edited is written as it stood, byte for byte and type for type; a file of which
        all rows are, too. Nothing is seen at `path` before all is written.

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

    def called(self, name: str) -> Self:
        """Returns the same rows by another name, which messages and reports have."""
        other = copy.copy(self)
        other.name = name
        return other

    def leaving_out(self, clauses: Sequence[str]) -> Self:
        """Returns the same rows, of which more is said not to be read."""
        other = copy.copy(self)
        other.left_out = tuple(dict.fromkeys((*self.left_out, *clauses)))
        return other

    @property
    def is_named(self) -> bool:
        """Whether the user says what the columns are."""
        given = (self._settings.format, self._settings.columns, self._settings.tokenizer)
        return any(one is not None for one in given)

    def _sample(self, number: int, placed: Placed) -> Sample:
        self._refuse_mixed(placed)
        parsed, problem = parse_row(placed.row, self._format, self.template)
        if self._settings.answers == "rejected":
            parsed, problem = with_rejected(placed.row, parsed, problem)
        return Sample(
            number=number,
            id=own_id(placed.row, self.id_column, number),
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
            _, first = detected_format(self._placed(), self._settings, self.name)
            raise mixed_formats(first.origin, self._format.name, placed.origin, other.name)
