"""Comma (tab, semicolon) separated values with a header line; each record's bytes are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from gradsentry.corpus.records import Add, Record, Row, repeated
from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import byte_order_mark, decoded, numbered_lines, reading, refuse_long_row
from gradsentry.errors import DataError
from gradsentry.settings import Limits

_DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True)
class Table:
    """A file of separated values; the delimiter is the one that the header holds most of.

    Quotes stand around a field and doubled inside it (RFC 4180); what breaks that rule is refused, because
    readers differ in what they make of it.

    Attributes:
        limits: What a file may cost to read.
    """

    limits: Limits

    def read(self, path: Path) -> Iterator[Record]:
        records = _records(path, self.limits)
        header = next(records, None)
        if header is None:
            return
        _check_header(header.fields, path)
        for record in records:
            if len(record.fields) != len(header.fields):
                raise DataError(
                    f"{len(record.fields)} fields where the header names {len(header.fields)}",
                    where=f"{path}:{record.line}",
                    mend="quote fields that hold the delimiter",
                )
            yield Record(dict(zip(header.fields, record.fields, strict=True)), record.line, record.raw)

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        header = next(_records(like, self.limits))
        style = _Style.of(header)
        stream.write(byte_order_mark(like, self.limits) + header.raw + style.line_end)

        def add(row: Row, raw: Raw | None) -> None:
            fields = ["" if row[name] is None else str(row[name]) for name in header.fields]
            stream.write((raw if isinstance(raw, bytes) else style.dump(fields)) + style.line_end)

        yield add


@dataclass(frozen=True, slots=True)
class _Fields:
    fields: list[str]
    line: int
    raw: bytes
    line_end: bytes
    delimiter: str


@dataclass(frozen=True, slots=True)
class _Style:
    delimiter: str
    quoting: Literal[0, 1]
    line_end: bytes

    @classmethod
    def of(cls, header: _Fields) -> _Style:
        quoted = cls(header.delimiter, csv.QUOTE_ALL, header.line_end)
        if quoted.dump(header.fields) == header.raw:
            return quoted
        return cls(header.delimiter, csv.QUOTE_MINIMAL, header.line_end)

    def dump(self, fields: list[str]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, quoting=self.quoting, lineterminator="\r\n")
        writer.writerow(fields)
        return text.getvalue().removesuffix("\r\n").encode("utf-8")


def _records(path: Path, limits: Limits) -> Iterator[_Fields]:
    """Yields the header and then the records, blank lines passed over."""
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_row_bytes))  # the module's own is 128 KiB
    with reading(path, limits) as stream:
        lines = _Lines(stream, path, limits)
        delimiter = lines.delimiter()
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            lines.start_record()
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise DataError(
                    f"invalid CSV: {error}",
                    where=f"{path}:{lines.first}",
                    mend="double the quotes inside a quoted field, and close it",
                ) from None
            if fields is None:
                return
            if fields:
                raw, end = lines.taken()
                yield _Fields(fields, lines.first, raw, end, delimiter)


class _Lines:
    """The lines of a file as the CSV reader asks for them, those of the current record remembered."""

    def __init__(self, stream: BinaryIO, path: Path, limits: Limits) -> None:
        self.first = 1
        self._path, self._limits = path, limits
        self._lines = numbered_lines(stream, path, limits)
        self._held: list[tuple[int, bytes]] = []
        self._taken: list[bytes] = []
        self._bytes = 0

    def delimiter(self) -> str:
        """Returns the delimiter that the first line holds most of; where it holds none, the suffix's."""
        self._held = [line for line in [next(self._lines, None)] if line]
        header = self._held[0][1].decode("utf-8", "replace") if self._held else ""
        default = "\t" if ".tsv" in self._path.suffixes else ","
        return max(default + _DELIMITERS, key=header.count)

    def start_record(self) -> None:
        self._taken.clear()
        self._bytes = 0

    def taken(self) -> tuple[bytes, bytes]:
        """Returns the bytes of the record that was read, and its separator."""
        raw = b"".join(self._taken)
        body = raw.removesuffix(b"\n").removesuffix(b"\r")
        return body, raw[len(body) :] or b"\n"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._held.pop() if self._held else next(self._lines)
        if not self._taken:
            self.first = number
        self._taken.append(line)
        self._bytes += len(line)
        refuse_long_row(self._bytes, f"{self._path}:{self.first}", self._limits)
        return decoded(line, self._path, number)


def _check_header(names: list[str], path: Path) -> None:
    if (name := repeated(names)) is not None:
        raise DataError(
            f"the column `{name}` stands twice in the header", where=f"{path}:1", mend="rename one"
        )
