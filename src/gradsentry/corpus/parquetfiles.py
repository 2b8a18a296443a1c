"""Parquet, read and written batch by batch; rows are copied as Arrow holds them, not through Python."""

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

from gradsentry.corpus.arrowrows import record_of, rows_of
from gradsentry.corpus.records import Add, Record, Row, repeated
from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import compression_of, reading
from gradsentry.errors import DataError

READ = 256  # rows held at a time, of files whose row groups may hold a million
_WRITE = 4096  # rows of a row group


@dataclass(frozen=True, slots=True)
class Parquet:
    """A Parquet file; written back with its schema, its metadata and its codec."""

    def read(self, path: Path) -> Iterator[Record]:
        with _opened(path) as file:
            place = 0
            for batch in file.iter_batches(batch_size=READ):
                for number, row in enumerate(rows_of(batch)):
                    place += 1
                    yield Record(row, place, batch.slice(number, 1))

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        with _opened(like) as file:
            schema, codec = file.schema_arrow, _codec(file)
        with writing_parquet(stream, schema, str(like), codec) as add:
            yield add


@contextmanager
def writing_parquet(stream: BinaryIO, schema: pa.Schema, where: str, codec: str = "snappy") -> Iterator[Add]:
    """Yields a function that writes a row of this schema: the batch that it stood in, if that is given.

    Args:
        stream: Where to.
        schema: The columns, with their metadata.
        where: What the data is called in messages.
        codec: How pages are compressed.
    """
    records: list[pa.RecordBatch] = []
    with pq.ParquetWriter(stream, schema, compression=codec) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_batches(records, schema).combine_chunks())
            records.clear()

        def add(row: Row, raw: Raw | None) -> None:
            records.append(raw if isinstance(raw, pa.RecordBatch) else record_of(row, schema, where))
            if len(records) == _WRITE:
                flush()

        yield add
        if records:
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
    if (name := repeated(file.schema_arrow.names)) is not None:
        raise DataError(f"the column `{name}` stands twice", where=str(path), mend="rename one")
    return file


def _codec(file: pq.ParquetFile) -> str:
    metadata = file.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "snappy"
    codec = str(metadata.row_group(0).column(0).compression)
    return "none" if codec == "UNCOMPRESSED" else codec  # the writer has another word for it
