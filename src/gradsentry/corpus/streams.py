"""The bytes of data files: compressed or not, line by line, hashed; a file is written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa

from gradsentry.errors import DataError, GradSentryError, ScoringError
from gradsentry.settings import Limits

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

BOM = b"\xef\xbb\xbf"
_POINTER, _POINTER_SIZE = b"version https://git-lfs.github.com/spec/", 1024  # its specification
_BUFFER = 1 << 18


def compression_of(path: Path) -> str | None:
    """Returns what the file's last suffix says: `gzip`, `zstd`, or None."""
    return COMPRESSIONS.get(path.suffix.lower())


@contextmanager
def reading(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """Yields the file's bytes, decompressed.

    Raises:
        DataError: If the file cannot be opened, what it holds cannot be decompressed, or is too much.
    """
    try:
        with pa.input_stream(str(path), compression=compression_of(path)) as source:
            counted = _Counted(source, Budget.of(path, limits, compressed=compression_of(path) is not None))
            with io.BufferedReader(counted, _BUFFER) as stream:
                yield cast(BinaryIO, stream)
    except OSError as error:
        if compression_of(path) and error.errno is None:
            raise DataError(
                f"cannot be decompressed ({error})", where=str(path), mend="copy or compress the file again"
            ) from None
        raise unreadable(path, error) from None


def refuse_pointer(path: Path) -> None:
    """Raises a `DataError` where a file is what Git LFS keeps in place of one that it did not fetch."""
    try:
        is_pointer = path.is_file() and path.stat().st_size < _POINTER_SIZE
        is_pointer = is_pointer and path.read_bytes().startswith(_POINTER)
    except OSError as error:
        raise unreadable(path, error) from None
    if is_pointer:
        mend = "fetch it with `git lfs pull` (on GitHub `lfs: true` of actions/checkout)"
        raise DataError("is a pointer of Git LFS, and not the data", where=str(path), mend=mend)


def refuse_bomb(path: Path, limits: Limits) -> None:
    """Raises a `DataError` where a compressed file holds more than it may, before any of it is parsed."""
    refuse_pointer(path)
    if compression_of(path) is not None:
        with reading(path, limits) as stream:
            while stream.read(_BUFFER):
                pass


class Budget:
    """How much more a file may hold than was read of it."""

    def __init__(self, path: Path, limit: int | None, *, is_given: bool) -> None:
        self._path, self._limit, self._is_given = path, limit, is_given
        self._read = 0

    @classmethod
    def of(cls, path: Path, limits: Limits, *, compressed: bool) -> Self:
        """Returns what a file may hold by its limits."""
        limit = limits.bytes_of(path.stat().st_size, compressed=compressed)
        return cls(path, limit, is_given=limits.max_bytes is not None)

    def take(self, count: int) -> None:
        """Counts bytes that were read.

        Raises:
            DataError: If they are more than there may be.
        """
        self._read += count
        if self._limit is not None and self._read > self._limit:
            much = "" if self._is_given else ", a hundred times its size and more, as only a bomb should"
            raise DataError(
                f"holds more than {self._limit:,} bytes of rows{much}",
                where=str(self._path),
                mend="where they are wanted, give a larger --max-bytes",
            )


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted."""

    def __init__(self, source: pa.NativeFile, budget: Budget) -> None:
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (no type has the name of what has a buffer)
        count = int(self._source.readinto(buffer))
        self._budget.take(count)
        return count


def numbered_lines(stream: BinaryIO, path: Path, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Yields each line with its number, from 1; the separator (LF, CR LF) stays on, a byte order mark goes.

    Raises:
        DataError: At a NUL byte, and at a line that no row can be as long as.
    """
    number = 0
    while line := stream.readline(limits.max_row_bytes + 1):
        number += 1
        refuse_foreign_bytes(line, path, number)
        refuse_long_row(len(line), f"{path}:{number}", limits)
        yield number, line.removeprefix(BOM) if number == 1 else line


def refuse_foreign_bytes(data: bytes, path: Path, line: int) -> None:
    """Raises a `DataError` where bytes that begin on that line are those of no text file of rows."""
    if b"\0" in data:
        line += data.count(b"\n", 0, data.index(b"\0"))
        mend = "save the file as UTF-8 text (it looks like UTF-16 or binary)"
        raise DataError("holds a NUL byte", where=f"{path}:{line}", mend=mend)


def refuse_long_row(count: int, where: str, limits: Limits) -> None:
    """Raises a `DataError` where a row has more bytes than it may."""
    if count > limits.max_row_bytes:
        raise DataError(
            f"a row longer than {limits.max_row_bytes:,} bytes",
            where=where,
            mend="write rows of moderate length, or give a larger --max-row-bytes",
        )


def decoded(data: bytes, path: Path, line: int) -> str:
    """Returns the text of bytes that begin on that line.

    Raises:
        DataError: If they are no UTF-8, with the line of the first wrong byte.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise DataError(
            f"invalid UTF-8 (byte 0x{data[error.start]:02x})",
            where=f"{path}:{line}",
            mend="save the file as UTF-8",
        ) from None


def lines_by_hand(path: Path) -> list[tuple[str, str]]:
    """Returns the lines of a small file that are not blank, each with its place as an error names it.

    Raises:
        DataError: If the file cannot be read or is no UTF-8.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})", where=str(path), mend="check the path"
        ) from None
    return [
        (decoded(line, path, place), f"{path}:{place}") for place, line in enumerate(lines, 1) if line.strip()
    ]


def byte_order_mark(path: Path, limits: Limits) -> bytes:
    """Returns the byte order mark that the file begins with, or nothing."""
    with reading(path, limits) as stream:
        return BOM if stream.read(len(BOM)) == BOM else b""


def line_end(path: Path, limits: Limits) -> bytes:
    """Returns the separator that the file's first line ends with."""
    with reading(path, limits) as stream:
        return b"\r\n" if stream.readline(limits.max_row_bytes).endswith(b"\r\n") else b"\n"


def unreadable(path: Path, error: OSError) -> DataError:
    """Returns the error for a path that the system does not let us read."""
    return DataError(
        f"cannot be read ({_reason(error)})", where=str(path), mend="check the path and its rights"
    )


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of the file's bytes as they lie on the disk, in hex."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None


Writing = Callable[[Path], AbstractContextManager[BinaryIO]]
"""Opens a file that is to appear with others."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yields a stream into `path`, compressed as its suffix says; it appears when all is written, or never.

    Raises:
        ScoringError: If the disk is full.
        DataError: If the file cannot be written for another reason.
    """
    with replacing_all() as writing, writing(path) as stream:
        yield stream


@contextmanager
def replacing_all() -> Iterator[Writing]:
    """Yields a function like `replacing`, whose files appear together when the last is written, or none does.

    Only those being written are open, however many there are.
    """
    written: list[Path] = []

    @contextmanager
    def writing(path: Path) -> Iterator[BinaryIO]:
        if path.exists() and not path.is_file():  # a device would be replaced by a file of its name
            raise DataError("is no ordinary file", where=str(path), mend="name a file")
        make_folder(path.parent)
        written.append(path)
        try:
            with pa.output_stream(str(_part(path)), compression=compression_of(path)) as stream:
                yield stream
        except OSError as error:
            raise not_written(path, error) from error

    try:
        yield writing
        for path in written:
            _put_in_place(path)
    finally:
        for path in written:
            _part(path).unlink(missing_ok=True)


def write_as_it_is(file: Path, path: Path) -> None:
    """Has `path` be the bytes of a file, in place of what `replacing_all` wrote and has not shown yet.

    Raises:
        ScoringError: If the disk is full.
        DataError: If it cannot be written for another reason.
    """
    try:
        shutil.copyfile(file, _part(path))
    except OSError as error:
        raise not_written(path, error) from error


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _put_in_place(path: Path) -> None:
    try:
        _part(path).replace(path)
    except OSError as error:
        raise not_written(path, error) from error


def make_folder(path: Path) -> None:
    """Makes the folder and those above it, where they are missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def refuse_unwritable(path: Path) -> None:
    """Refuses a place that cannot be written to, before the work whose result it is for.

    Raises:
        DataError: If the folder it lies in, or the nearest that is there, is none or cannot be written to.
    """
    near = path.absolute() if path.is_dir() else path.absolute().parent
    while not near.exists() and near != near.parent:
        near = near.parent
    if not near.is_dir():
        raise not_written(path, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(near, os.W_OK | os.X_OK):
        reading_alone = os.statvfs(near).f_flag & os.ST_RDONLY
        raise not_written(path, OSError(errno.EROFS if reading_alone else errno.EACCES, ""))


def not_written(path: Path, error: OSError) -> GradSentryError:
    """Returns the error for a path that the system does not let us write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ScoringError("the disk is full", where=str(path), mend="free some room and run it again")
    return DataError(f"cannot be written ({_reason(error)})", where=str(path), mend="give another place")


def _reason(error: OSError) -> str:
    """Returns what went wrong, in the words of the system; libraries put their own around them."""
    return os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
