"""Parquet, read and written batch by batch; rows are copied as Arrow holds them, not through Python."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.corpus.arrowrows import record_of, rows_of
from gradsentry.corpus.parquetbatches import batches
from gradsentry.corpus.records import Add, Record, Row, repeated
from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import compression_of, reading
from gradsentry.errors import DataError
from gradsentry.settings import Limits

_WRITE = 4096  # rows of a row group


@dataclass(frozen=True, slots=True)
class Parquet:
    """A Parquet file; written back with its schema, its metadata and its codec.

    Attributes:
        limits: What a file may cost to read.
    """

    limits: Limits

    def read(self, path: Path) -> Iterator[Record]:
        with _opened(path, self.limits) as file:
            for batch, place in batches(file, path, self.limits):
                for number, row in enumerate(rows_of(batch, partial(_place, path, place + 1))):
                    yield Record(row, place + number + 1, batch.slice(number, 1))

    @contextmanager
    def writing(self, stream: BinaryIO, like: Path) -> Iterator[Add]:
        with _opened(like, self.limits) as source, pq.ParquetFile(source) as file:
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
def _opened(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """Yields the open file; a compressed one as a temporary file, because Parquet is read from its end."""
    try:
        if compression_of(path) is None:
            with pa.OSFile(str(path)) as file:
                _refuse_repeated(file, path)
                yield cast(BinaryIO, file)
            return
        with tempfile.TemporaryFile() as plain, reading(path, limits) as stream:
            shutil.copyfileobj(stream, plain)
            _refuse_repeated(plain, path)
            yield plain
    except (pa.ArrowException, OSError, ValueError) as error:  # a name in it may be no UTF-8
        raise DataError(
            f"cannot be read as Parquet ({str(error).splitlines()[0].partition('. ')[0]})",
            where=str(path),
            mend="write the file again",
        ) from None


def _refuse_repeated(source: BinaryIO | pa.NativeFile, path: Path) -> None:
    with pq.ParquetFile(source) as file:
        if (name := repeated(file.schema_arrow.names)) is not None:
            raise DataError(f"the column `{name}` stands twice", where=str(path), mend="rename one")


def _codec(file: pq.ParquetFile) -> str:
    metadata = file.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "snappy"
    codec = str(metadata.row_group(0).column(0).compression)
    return "none" if codec == "UNCOMPRESSED" else codec  # the writer has another word for it


def _place(path: Path, first: int, row: int) -> str:
    return f"{path}:{first + row}"
