"""A corpus that lies in a file, or in several files: those of a folder, or those that were named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, groupby, islice
from pathlib import Path

from gradsentry.corpus.containers import container_of, data_suffix, with_data_suffix
from gradsentry.corpus.corpora import Corpus, Keep
from gradsentry.corpus.detecting import detected_format, mixed_formats
from gradsentry.corpus.folders import Part
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Placed, Sample
from gradsentry.corpus.streams import (
    Writing,
    file_sha256,
    make_folder,
    refuse_bomb,
    replacing_all,
    write_as_it_is,
)
from gradsentry.counts import first_few
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

_NAMED = 3  # files or folders in the name of a corpus; the others are counted


class FileCorpus(Corpus):
    """A data file, or several that are read as one.

    Args:
        named: The files and folders that were named.
        parts: The files, in order.
        settings: How the rows are read.
        left_out: What is not read, in clauses.
        name: What was copied to be read; empty where the files are the user's own.

    Attributes:
        named: The files and folders that were named.
        copy_of: What they are a copy of; empty where they are the user's own.
    """

    def __init__(
        self,
        named: Sequence[Path],
        parts: Sequence[Part],
        settings: DataSettings,
        left_out: Sequence[str] = (),
        name: str = "",
    ) -> None:
        self.copy_of = name
        self.named = tuple(named)
        self._parts = tuple(parts)
        self._part_at = {self._called(part): part for part in parts}
        for part in parts:
            with self._by_given_name():
                refuse_bomb(part.path, settings)
        super().__init__(name or first_few([str(path) for path in self.named], _NAMED), settings, left_out)
        self._refuse_files_of_other_formats()
        for part in parts:
            self._refuse_columns(part)

    def sha256(self) -> str:
        if self._is_one_file:
            return file_sha256(self.named[0])
        listing = hashlib.sha256()
        for place, _, digest in self.digests():
            listing.update(f"{digest}  {place}\n".encode("utf-8", "surrogateescape"))
        return listing.hexdigest()

    def digests(self) -> list[tuple[str, Path, str]]:
        """Returns of each file where it stands among the others, its path and its SHA-256."""
        return [(part.place.as_posix(), part.path, file_sha256(part.path)) for part in self._parts]

    def target(self, path: Path) -> Path:
        return with_data_suffix(path, data_suffix(self.named[0])) if self._is_one_file else path

    def files_in(self, path: Path) -> list[tuple[Path, Path]]:
        if self.copy_of:
            return []
        if self._is_one_file:
            return [(self.named[0], self.target(path))]
        return [(part.path, path / part.place) for part in self._parts]

    @property
    def splits(self) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.split for part in self._parts))
        return names if len(names) > 1 else ()

    @property
    def _is_one_file(self) -> bool:
        return len(self.named) == 1 and self._parts[0].path == self.named[0]

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        if self._is_one_file:
            target = self.target(path)
            with replacing_all() as writing:
                self._write(self._parts[0], samples, target, writing)
            return target
        make_folder(path)
        written: set[Part] = set()
        with replacing_all() as writing:
            for part, of_file in groupby(samples, key=self._part_of):
                if part in written:
                    raise ValueError(f"samples of {part.path} stand on either side of another file's")
                written.add(part)
                self._write(part, of_file, path / part.place, writing)
        for part in self._parts:
            if part not in written:  # left from an earlier save
                (path / part.place).unlink(missing_ok=True)
        return path

    def _write(self, part: Part, samples: Iterable[Sample], target: Path, writing: Writing) -> None:
        """Writes rows of a file in its manner; the bytes of the file where these are all of its rows."""
        container, own = container_of(part.path, self._settings), self._file_rows(part, named=False)
        is_whole = True
        with writing(target) as stream, container.writing(stream, part.path) as add:
            for sample in samples:
                add(sample.row, sample.raw)
                is_whole = is_whole and (came := next(own, None)) is not None and came.raw == sample.raw
        # Written again, the same rows may be other bytes: of another compressor, in other row groups.
        if is_whole and next(own, None) is None:
            write_as_it_is(part.path, target)

    def select(self, keep: Keep) -> list[Row]:
        return [placed.row for placed, kept in zip(self._placed(), keep, strict=True) if kept]

    def _part_of(self, sample: Sample) -> Part:
        return self._part_at[sample.origin.rpartition(":")[0]]

    def _placed(self) -> Iterator[Placed]:
        rows = (self._file_rows(part, named=bool(self.splits)) for part in self._parts)
        return islice(chain.from_iterable(rows), self._settings.limit)

    def _refuse_files_of_other_formats(self) -> None:
        """Raises at once where a later file has another format, not when the scan comes to it."""
        first = None
        for part in self._parts:
            rows = self._file_rows(part, named=False)
            row_format, placed = detected_format(rows, self._settings, self._called(part))
            first = first or placed
            if row_format is not self._format:
                raise mixed_formats(
                    first.origin, self._format.name, placed.origin, row_format.name, by_file=True
                )

    def _refuse_columns(self, part: Part) -> None:
        """Refuses a file that is one object of columns, which reads like one row that is no row."""
        first, *more = islice(self._file_rows(part, named=False), 2)
        values = list(first.row.values())
        sizes = {len(value) for value in values if isinstance(value, list | dict)}
        is_columns = all(isinstance(value, list | dict) for value in values) and len(sizes) == 1
        if not more and is_columns and self._sample(0, first).problem is not None:
            raise DataError(
                "is one object of columns, not of rows",
                where=self._called(part),
                mend="write one row a line, as pandas does with to_json(orient='records', lines=True)",
            )

    def _file_rows(self, part: Part, *, named: bool) -> Iterator[Placed]:
        """Yields the rows of a file, with its split where that is to be named."""
        called, split = self._called(part), part.split if named else ""
        with self._by_given_name():
            for record in container_of(part.path, self._settings).read(part.path):
                yield Placed(record.row, f"{called}:{record.place}", record.raw, split)

    def _called(self, part: Part) -> str:
        """Returns what a file is called: what was copied goes by the name that it has there."""
        return self.copy_of or str(part.path)

    @contextmanager
    def _by_given_name(self) -> Iterator[None]:
        """Has errors of reading a copy name what it was copied from."""
        try:
            yield
        except DataError as error:
            if not self.copy_of:
                raise
            where = error.where.replace(str(self.named[0]), self.copy_of)
            raise DataError(error.what, where=where, mend=error.mend) from None
