"""A corpus that is a table in memory: of pandas, of polars or of Arrow; written as Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gradsentry.corpus.arrowrows import rows_of
from gradsentry.corpus.corpora import Keep
from gradsentry.corpus.loosecorpus import LooseCorpus
from gradsentry.corpus.parquetbatches import READ
from gradsentry.corpus.parquetfiles import writing_parquet
from gradsentry.corpus.sample import Placed, Sample
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError, first_line
from gradsentry.settings import DataSettings

Select = Callable[[Keep], object]


class TableCorpus(LooseCorpus):
    """Rows of a table.

    Args:
        table: The rows, as Arrow holds them.
        select: Mask of rows -> those rows, in the type that the table came in.
        settings: How they are read.
    """

    suffix = ".parquet"

    def __init__(self, table: pa.Table, select: Select, settings: DataSettings) -> None:
        self._table, self._select = table, select
        super().__init__("table", settings)

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        target = self.target(path)
        with replacing(target) as stream, writing_parquet(stream, self._table.schema, self.name) as add:
            for sample in samples:
                add(sample.row, sample.raw)
        return target

    def select(self, keep: Keep) -> object:
        if len(keep) != len(self._table):
            raise ValueError(f"{len(keep)} rows are told to stay or go")
        return self._select(keep)

    def _placed(self) -> Iterator[Placed]:
        number = 0
        for batch in self._table.to_batches(max_chunksize=READ):
            for place, row in enumerate(rows_of(batch, partial(_origin, number))):
                yield Placed(row, _origin(number, place), batch.slice(place, 1))
            number += batch.num_rows


def arrow_corpus(table: pa.Table, settings: DataSettings) -> TableCorpus:
    """Returns a table of Arrow as a corpus."""
    return TableCorpus(table, lambda keep: table.filter(pa.array(keep)), settings)


def pandas_corpus(frame: Any, settings: DataSettings) -> TableCorpus:  # noqa: ANN401  (pandas may be absent)
    """Returns a data frame of pandas as a corpus; its index is no column.

    Raises:
        DataError: If a column holds values of several types.
    """
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        mend = "give each column values of one type"
        raise DataError(f"cannot be read ({first_line(error)})", where="the data frame", mend=mend) from None
    return TableCorpus(table, lambda keep: frame.loc[keep], settings)


def polars_corpus(frame: Any, settings: DataSettings) -> TableCorpus:  # noqa: ANN401  (polars may be absent)
    """Returns a data frame of polars as a corpus."""
    return TableCorpus(frame.to_arrow(), frame.filter, settings)


def _origin(first: int, row: int = 0) -> str:
    return f"table[{first + row}]"
