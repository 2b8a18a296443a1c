"""JSON Lines and JSON lists, read in constant memory with the bytes of each row kept.

A list is not parsed as a whole: where a row ends is found by counting brackets outside of strings, in time
linear in its bytes, and only the row is parsed. Which of the two a file is, its first byte says: both go by
the name `.json`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gradsentry.corpus.records import Add, Record, Row, dump_json, parse_object
from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import BOM, line_end, numbered_lines, reading, refuse_foreign_bytes
from gradsentry.errors import DataError

_CHUNK = 1 << 16
_BLANK = b" \t\r\n"
_QUOTE = ord('"')
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|"', re.DOTALL)


class Json:
    """A file of objects: a list where it begins with `[`, else one a line, blank lines passed over."""

    def read(self, path: Path) -> Iterator[Record]:
        pieces = _pieces if _begins_with_bracket(path) else _lines
        for piece in pieces(path):
            yield Record(parse_object(piece.raw, path, piece.line), piece.line, piece.raw)

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        """Yields a function that writes a row; between rows it writes what stands between those of `like`."""
        layout = _Layout.of_array(like) if _begins_with_bracket(like) else _Layout.of_lines(like)
        before = layout.opening

        def add(row: Row, raw: Raw | None) -> None:
            nonlocal before
            stream.write(before + (raw if isinstance(raw, bytes) else layout.dump(row)))
            before = layout.separator

        yield add
        stream.write(layout.closing if before is layout.separator else layout.nothing)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What stands around the rows of a file: `opening` row `separator` row `closing`, or else `nothing`."""

    opening: bytes
    separator: bytes
    closing: bytes
    nothing: bytes
    margin: bytes | None = None

    @classmethod
    def of_lines(cls, path: Path) -> _Layout:
        end = line_end(path)
        return cls(b"", end, end, b"")

    @classmethod
    def of_array(cls, path: Path) -> _Layout:
        """Returns the layout of a list, which must hold a row."""
        pieces = _pieces(path)
        first, second = next(pieces), next(pieces, None)
        pieces.close()
        separator = second.before if second else b"," + first.before.partition(b"[")[2]
        margin = separator.rpartition(b"\n")[2] if b"\n" in first.raw else None
        return cls(first.before, separator, _ending(path), b"[]\n", margin)

    def dump(self, row: Row) -> bytes:
        """Returns the row as JSON, indented as its neighbours are."""
        if self.margin is None:
            return dump_json(row)
        # A line feed inside a string is escaped, so each one that stands here begins a line of the layout.
        return dump_json(row, indent=len(self.margin) or 1).replace(b"\n", b"\n" + self.margin)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The bytes of a row, the line they begin on, and what stands before them."""

    raw: bytes
    line: int
    before: bytes = b""


def _lines(path: Path) -> Generator[_Piece]:
    with reading(path) as stream:
        for number, line in numbered_lines(stream, path):
            raw = line.rstrip(b"\r\n")
            if raw.strip(_BLANK):
                yield _Piece(raw, number)


def _pieces(path: Path) -> Generator[_Piece]:
    """Yields the bytes of each row of an array, with what stands before it."""
    with reading(path) as stream:
        window = _Window(stream, path)
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


class _Window:
    """The part of a file that is in memory: from the row being read on, no more than that row and a chunk."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.line = 1
        self._stream, self._path = stream, path
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
        taken = b""
        while (byte := self.peek()) and byte in _BLANK:
            taken += self._take(1)
        return taken

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
                    return self._take(length)
            else:
                length = len(self._data) - self._at
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


def _begins_with_bracket(path: Path) -> bool:
    with reading(path) as stream:
        head = stream.read(_CHUNK).removeprefix(BOM)
        return head.lstrip(_BLANK).startswith(b"[")


def _ending(path: Path) -> bytes:
    """Returns what stands after the last row of an array."""
    tail = b""
    with reading(path) as stream:
        while chunk := stream.read(_CHUNK):
            tail = tail[-_CHUNK:] + chunk
    return tail[tail.rfind(b"}") + 1 :]
