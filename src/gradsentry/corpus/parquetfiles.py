"""Parquet, read and written batch by batch; a row has no bytes of its own there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.corpus.records import Add, Record, Row
from gradsentry.corpus.streams import compression_of, reading
from gradsentry.errors import DataError

_READ = 256  # rows held at a time, of files whose row groups may hold a million
_WRITE = 4096  # rows of a row group


@dataclass(frozen=True, slots=True)
class Parquet:
    """A Parquet file; written back with its schema, its metadata and its codec."""

    def read(self, path: Path) -> Iterator[Record]:
        with _opened(path) as file:
            place = 0
            for batch in file.iter_batches(batch_size=_READ):
                for row in batch.to_pylist():
                    place += 1
                    yield Record(row, place)

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        with _opened(like) as file:
            schema, codec = file.schema_arrow, _codec(file)
        rows: list[Row] = []
        with pq.ParquetWriter(stream, schema, compression=codec) as writer:

            def flush() -> None:
                writer.write_table(_table(rows, schema, like))
                rows.clear()

            def add(row: Row, raw: bytes | None) -> None:
                rows.append(row)
                if len(rows) == _WRITE:
                    flush()

            yield add
            if rows:
                flush()


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Yields the open file; a compressed one as a temporary file, because Parquet is read from its end."""
    try:
        if compression_of(path) is None:
            with pq.ParquetFile(path) as file:
                yield _checked(file, path)
            return
        with tempfile.TemporaryFile() as plain, reading(path) as stream:
            shutil.copyfileobj(stream, plain)
            with pq.ParquetFile(plain) as file:
                yield _checked(file, path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"cannot be read as Parquet ({str(error).splitlines()[0].partition('. ')[0]})",
            where=str(path),
            mend="write the file again",
        ) from None


def _checked(file: pq.ParquetFile, path: Path) -> pq.ParquetFile:
    names = file.schema_arrow.names
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"the column `{name}` stands twice", where=str(path), mend="rename one")
    return file


def _codec(file: pq.ParquetFile) -> str:
    metadata = file.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "snappy"
    codec = str(metadata.row_group(0).column(0).compression)
    return "none" if codec == "UNCOMPRESSED" else codec  # the writer has another word for it


def _table(rows: list[Row], schema: pa.Schema, like: Path) -> pa.Table:
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, TypeError, UnicodeEncodeError) as error:
        raise DataError(f"an edited row does not fit the columns ({error})", where=str(like)) from None
