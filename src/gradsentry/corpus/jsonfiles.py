"""JSON Lines, JSON lists and objects over several lines, read in constant memory with each row's bytes kept.

A list is not parsed as a whole: where a row ends is found by counting brackets outside of strings, in time
linear in its bytes, and only the row is parsed. So are objects that one after another stand on several lines,
as `jq` writes them. Which of the three a file is, its first line says: all go by the name `.json`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from gradsentry.corpus.records import Add, Record, Row, dump_json, parse_object
from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import (
    BOM,
    byte_order_mark,
    line_end,
    numbered_lines,
    reading,
    refuse_foreign_bytes,
    refuse_long_row,
)
from gradsentry.errors import DataError
from gradsentry.settings import Limits

_CHUNK = 1 << 16
_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]+")
_QUOTE = ord('"')
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|"', re.DOTALL)


Shape = Literal["list", "lines", "objects"]


class Json:
    """A file of objects: a list where it begins with `[`, else one a line, or each on several lines.

    Args:
        limits: What a file may cost to read.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def read(self, path: Path) -> Iterator[Record]:
        for piece in _PIECES[_shape(path, self._limits)](path, self._limits):
            yield Record(parse_object(piece.raw, path, piece.line), piece.line, piece.raw)

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        """Yields a function that writes a row; between rows it writes what stands between those of `like`."""
        limits = self._limits
        shape = _shape(like, limits)
        layout = (
            _Layout.of_lines(like, limits) if shape == "lines" else _Layout.of_pieces(like, shape, limits)
        )
        mark = byte_order_mark(like, limits)
        before = mark + layout.opening

        def add(row: Row, raw: Raw | None) -> None:
            nonlocal before
            stream.write(before + (raw if isinstance(raw, bytes) else layout.dump(row)))
            before = layout.separator

        yield add
        nothing = layout.nothing and mark + layout.nothing
        stream.write(layout.closing if before is layout.separator else nothing)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What stands around the rows of a file: `opening` row `separator` row `closing`, or else `nothing`."""

    opening: bytes
    separator: bytes
    closing: bytes
    nothing: bytes
    margin: bytes | None = None
    indent: int = 1

    @classmethod
    def of_lines(cls, path: Path, limits: Limits) -> _Layout:
        end = line_end(path, limits)
        return cls(b"", end, end, b"")

    @classmethod
    def of_pieces(cls, path: Path, shape: Shape, limits: Limits) -> _Layout:
        """Returns the layout of a list or of objects on several lines, which must hold a row."""
        pieces = _PIECES[shape](path, limits)
        first, second = next(pieces), next(pieces, None)
        pieces.close()
        comma, nothing = (b",", b"[]\n") if shape == "list" else (b"\n", b"")
        separator = second.before if second else comma + first.before.partition(b"[")[2]
        margin = separator.rpartition(b"\n")[2] if b"\n" in first.raw else None
        second_line = first.raw.partition(b"\n")[2]
        indent = len(second_line) - len(second_line.lstrip(b" \t")) - len(margin or b"")
        return cls(first.before, separator, _ending(path, limits), nothing, margin, max(indent, 1))

    def dump(self, row: Row) -> bytes:
        """Returns the row as JSON, indented as its neighbours are."""
        if self.margin is None:
            return dump_json(row)
        # A line feed inside a string is escaped, so each one that stands here begins a line of the layout.
        return dump_json(row, indent=self.indent).replace(b"\n", b"\n" + self.margin)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The bytes of a row, the line they begin on, and what stands before them."""

    raw: bytes
    line: int
    before: bytes = b""


def _lines(path: Path, limits: Limits) -> Generator[_Piece]:
    with reading(path, limits) as stream:
        for number, line in numbered_lines(stream, path, limits):
            raw = line.rstrip(b"\r\n")
            if raw.strip(_BLANK):
                yield _Piece(raw, number)


def _pieces(path: Path, limits: Limits) -> Generator[_Piece]:
    """Yields the bytes of each row of an array, with what stands before it."""
    with reading(path, limits) as stream:
        window = _Window(stream, path, limits)
        before = window.blanks() + window.expect(b"[") + window.blanks()
        mark = b"," if window.peek() != b"]" else window.expect(b"]")
        while mark == b",":
            line = window.line
            yield _Piece(window.take_object(), line, before)
            before = window.blanks()
            mark = window.expect(b",]")
            before += mark + window.blanks()
        if window.peek():
            raise window.error("something stands after the end of the list")


def _objects(path: Path, limits: Limits) -> Generator[_Piece]:
    """Yields the bytes of objects that stand one after another, each on several lines."""
    with reading(path, limits) as stream:
        window = _Window(stream, path, limits)
        before = window.blanks()
        while window.peek():
            line = window.line
            yield _Piece(window.take_object(), line, before)
            before = window.blanks()


_PIECES: dict[Shape, Callable[[Path, Limits], Generator[_Piece]]] = {
    "list": _pieces,
    "lines": _lines,
    "objects": _objects,
}


class _Window:
    """The part of a file that is in memory: from the row being read on, no more than that row and a chunk."""

    def __init__(self, stream: BinaryIO, path: Path, limits: Limits) -> None:
        self.line = 1
        self._stream, self._path, self._limits = stream, path, limits
        self._data, self._at = b"", 0
        self._more()
        self._data = self._data.removeprefix(BOM)

    def peek(self) -> bytes:
        """Returns the next byte, or nothing at the end of the file."""
        if self._at == len(self._data):
            self._more()
        return self._data[self._at : self._at + 1]

    def blanks(self) -> bytes:
        """Takes and returns the white space that is next."""
        taken: list[bytes] = []
        count = 0
        while self.peek() and (blanks := _BLANKS.match(self._data, self._at)):
            taken.append(self._take(len(blanks[0])))
            count += len(taken[-1])
            refuse_long_row(count, f"{self._path}:{self.line}", self._limits)
        return b"".join(taken)

    def expect(self, marks: bytes) -> bytes:
        """Takes and returns the next byte, which must be one of `marks`."""
        byte = self.peek()
        if not byte:
            raise self.error("the list is not closed")
        if byte not in marks:
            raise self.error(f"expected {' or '.join(chr(mark) for mark in marks)}, found {self._excerpt()}")
        return self._take(1)

    def take_object(self) -> bytes:
        """Takes and returns the bytes of the object that is next, whether or not they are valid JSON."""
        if self.peek() != b"{":
            raise self.error(f"the row is not an object: {self._excerpt()}")
        length, depth = 0, 0
        while True:
            for match in _STRING_OR_BRACKET.finditer(self._data, self._at + length):
                byte, length = self._data[match.start()], match.end() - self._at
                if byte == _QUOTE:
                    if match.end() - match.start() == 1:  # the string goes on beyond the window
                        length -= 1
                        break
                    continue
                depth += 1 if byte in b"{[" else -1
                if depth == 0:
                    refuse_long_row(length, f"{self._path}:{self.line}", self._limits)
                    return self._take(length)
            else:
                length = len(self._data) - self._at
            refuse_long_row(length, f"{self._path}:{self.line}", self._limits)
            if not self._more():
                return self._take(len(self._data) - self._at)

    def error(self, what: str) -> DataError:
        """Returns an error at the line that was reached."""
        return DataError(
            f"invalid JSON: {what}",
            where=f"{self._path}:{self.line}",
            mend="mend the list, or write one row a line",
        )

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        self._at += length
        self.line += taken.count(b"\n")
        return taken

    def _more(self) -> bool:
        """Reads as much again as is held, so that scanning a long row stays linear."""
        held = self._data[self._at :]
        chunk = self._stream.read(max(_CHUNK, len(held)))
        self._data, self._at = held + chunk, 0
        refuse_foreign_bytes(self._data, self._path, self.line)
        return bool(chunk)

    def _excerpt(self) -> str:
        return repr(self._data[self._at : self._at + 20].decode("utf-8", "replace"))


def _shape(path: Path, limits: Limits) -> Shape:
    """Returns how the objects of a file stand, as its first line that is not blank says."""
    with reading(path, limits) as stream:
        for _, line in numbered_lines(stream, path, limits):
            if line.strip(_BLANK):
                break
        else:
            return "lines"
    if line.lstrip(_BLANK).startswith(b"["):
        return "list"
    return "objects" if line.lstrip(_BLANK).startswith(b"{") and _is_open(line) else "lines"


def _is_open(line: bytes) -> bool:
    """Returns whether an object that begins on a line goes on behind it."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(line):
        mark = line[match.start()]
        if mark == _QUOTE:
            # No string goes on over a line: one that is open is a row that was cut.
            if match.end() - match.start() == 1:
                return False
            continue
        depth += 1 if mark in b"{[" else -1
    return depth > 0


def _ending(path: Path, limits: Limits) -> bytes:
    """Returns what stands after the last row of an array."""
    tail = b""
    with reading(path, limits) as stream:
        while chunk := stream.read(_CHUNK):
            tail = tail[-_CHUNK:] + chunk
    return tail[tail.rfind(b"}") + 1 :]
