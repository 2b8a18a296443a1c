"""A Parquet file -> batches of rows that fit in memory, whatever the file was made to do.

Some hundred bytes of Parquet can hold gigabytes: a dictionary of one long string that each row points to, a
list of a billion nulls. So a column whose dictionary could do that is read as a dictionary, what each row
takes is reckoned before it is made (see `arrowsizes`), and no more rows are made at a time than fit.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.corpus.arrowsizes import Ints, row_bytes
from gradsentry.corpus.streams import Budget, refuse_long_row
from gradsentry.errors import DataError
from gradsentry.settings import Limits

if sys.platform != "win32":
    import resource

READ = 256  # rows held at a time, of files whose row groups may hold a million
_DICTIONARY = 2 << 20  # bytes of a dictionary; those who write Parquet give one up at half of that
_AT_ONCE = 256 << 20  # bytes of rows that are made at a time
_ASKED: set[tuple[str, int, int]] = set()  # files whose metadata do not abort a process: path, size, time
_MOST_VALUES = 1 << 27  # of a column in a group of rows, where less than a byte of each is stored


def batches(source: BinaryIO, path: Path, limits: Limits) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yields the rows of a file, some at a time, each time with how many came before.

    Args:
        source: The file, open and not compressed.
        path: What it is called in messages, and whose size counts.
        limits: What it may cost.

    Raises:
        DataError: If it, or a row of it, holds more than it may.
        pa.ArrowException: If it is no Parquet.
    """
    with pq.ParquetFile(source) as file:
        metadata, schema = file.metadata, file.schema_arrow
    _refuse_contradictory(metadata, path)
    columns = [_Column.of(one, source) for one in _chunks(metadata)]
    _refuse_too_much(columns, path, limits)
    kept = {column.name for column in columns if column.may_grow}
    flat: dict[str, int] = {}
    for column in columns:
        if column.name not in kept:
            flat[column.name] = max(flat.get(column.name, 1), column.dictionary)
    size = int(np.clip(_AT_ONCE // max(sum(flat.values()), 1), 1, READ))
    budget, place = Budget.of(path, limits, compressed=True), 0
    with pq.ParquetFile(source, metadata=metadata, read_dictionary=sorted(kept)) as file:
        for batch in file.iter_batches(batch_size=size):
            sizes = row_bytes(batch)
            longest = int(sizes.argmax()) if len(sizes) else 0
            refuse_long_row(int(sizes.max(initial=0)), f"{path}:{place + longest + 1}", limits)
            budget.take(int(sizes.sum()))
            for part in _parts(batch, sizes):
                yield part.cast(schema) if kept else part, place
                place += len(part)


def _parts(batch: pa.RecordBatch, sizes: Ints) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a batch, so many at a time as fit in memory, or one."""
    if sizes.sum() <= _AT_ONCE:
        yield batch
        return
    start, held = 0, 0
    for row, size in enumerate(sizes.tolist()):
        if row > start and held + size > _AT_ONCE:
            yield batch.slice(start, row - start)
            start, held = row, 0
        held += size
    yield batch.slice(start)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column in one group of rows.

    Attributes:
        name: Its path in the schema.
        values: How many values it has.
        stored: Its bytes, once they are decompressed.
        dictionary: The bytes of its dictionary, which no value of it is longer than.
        nested: Whether it is in a list, so that a row may have many values.
    """

    name: str
    values: int
    stored: int
    dictionary: int
    nested: bool

    @classmethod
    def of(cls, chunk: pq.ColumnChunkMetaData, source: BinaryIO) -> _Column:
        name = chunk.path_in_schema
        is_text = chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page
        return cls(
            name=name,
            values=chunk.num_values,
            stored=chunk.total_uncompressed_size,
            dictionary=_dictionary_bytes(chunk, source) if is_text else 0,
            nested="." in name,
        )

    @property
    def may_grow(self) -> bool:
        """Whether the values may be longer by far than what is stored of them."""
        if self.nested:
            return self.dictionary * self.values > max(_AT_ONCE, self.stored)
        return self.dictionary > _DICTIONARY


def _chunks(metadata: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        yield from (group.column(place) for place in range(group.num_columns))


def _refuse_contradictory(metadata: pq.FileMetaData, path: Path) -> None:
    """Raises a `DataError` where the metadata of a column contradict themselves.

    Arrow's C++ throws then where Python asks for them, nothing there catches it, and the process is aborted.
    So a copy of the process asks first. Where the system has no such copies there is no way to know.
    """
    about = path.stat()
    key = (str(path), about.st_size, about.st_mtime_ns)
    if key in _ASKED or not hasattr(os, "fork"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the copy takes no lock that a thread may hold
        child = os.fork()
    if not child:
        _ask_and_end(metadata)
    _, status = os.waitpid(child, 0)
    if status:
        raise DataError(
            "cannot be read as Parquet (what it says of a column contradicts itself)",
            where=str(path),
            mend="write the file again",
        )
    _ASKED.add(key)


def _ask_and_end(metadata: pq.FileMetaData) -> NoReturn:
    """Asks for the metadata of each column and ends the process, without a word where it is aborted."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        faulthandler.disable()
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        for chunk in _chunks(metadata):
            _ = chunk.path_in_schema, chunk.num_values, chunk.physical_type, chunk.has_dictionary_page
        os._exit(0)
    finally:
        os._exit(1)


def _dictionary_bytes(chunk: pq.ColumnChunkMetaData, source: BinaryIO) -> int:
    """Returns how long a dictionary is, as the header of its page says, in Thrift's compact protocol.

    The header begins with the kind of page and its length once decompressed: two numbers, each behind a byte
    that says so. Where it begins otherwise, all of the column may be the dictionary.
    """
    source.seek(chunk.dictionary_page_offset)
    header = source.read(16)
    kind_ends = next((place for place in range(1, len(header)) if header[place] < 0x80), 0)
    length = header[kind_ends + 2 :]
    if header[:1] != b"\x15" or header[kind_ends + 1 : kind_ends + 2] != b"\x15":
        return int(chunk.total_uncompressed_size)
    number = 0
    for place, byte in enumerate(length):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return number >> 1  # zigzag, and no length is negative


def _refuse_too_much(columns: Sequence[_Column], path: Path, limits: Limits) -> None:
    """Raises a `DataError` where the pages of a file alone are more than there may be."""
    Budget.of(path, limits, compressed=True).take(sum(column.stored for column in columns))
    for column in columns:
        if column.values > max(_MOST_VALUES, column.stored):
            what = f"a group of rows has {column.values:,} values of `{column.name}`"
            mend = f"write it with fewer rows in a group, so that none has more than {_MOST_VALUES:,}"
            raise DataError(what, where=str(path), mend=mend)
