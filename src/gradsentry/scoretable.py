"""The score table: a row for each sample, whether a model scored it or only its texts were read.

Most of its bytes are in columns of many numbers a row. Those stay in the files of a run, and are read some
rows at a time where they are needed; the others are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.errors import RunError

WINDOW_ROWS = 512
_HELD = 8192  # rows made a table at a time

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("n_prompt", pa.int32(), nullable=False),
        pa.field("n_response", pa.int32(), nullable=False),
        pa.field("loss", pa.float32()),
        pa.field("score", pa.float64()),
        pa.field("spectrum", pa.list_(pa.float32())),
        pa.field("token_losses", pa.list_(pa.float16())),
        pa.field("token_ends", pa.list_(pa.int32())),
        pa.field("window", pa.list_(pa.int32())),
        pa.field("window_chars", pa.list_(pa.int32())),
        pa.field("window_loss", pa.float32()),
        pa.field("window_entropy", pa.float64()),
        pa.field("prompt_mean", pa.list_(pa.float16())),
        pa.field("response_mean", pa.list_(pa.float16())),
        pa.field("loss_alone", pa.float32()),
    ]
)

WIDE = ("spectrum", "token_losses", "token_ends", "prompt_mean", "response_mean")
NARROW = tuple(name for name in SCHEMA.names if name not in WIDE)

Rows = NDArray[np.int64]


class Columns(Protocol):
    """What holds the columns of a score table."""

    def parts(self, names: Sequence[str], rows: Rows | None = None) -> Iterator[pa.Table]:
        """Yields some columns of all rows or of some, in row order, some rows at a time.

        Args:
            names: The columns.
            rows: The numbers of the rows, ascending; None of all.
        """
        ...


@dataclass(frozen=True)
class InMemory:
    """Columns that are held; those that the table lacks are null. See `Columns`."""

    table: pa.Table

    def parts(self, names: Sequence[str], rows: Rows | None = None) -> Iterator[pa.Table]:
        table = self.table
        for name in {*names} - {*table.column_names}:
            table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
        table = table.select([*names])
        for start in range(0, len(table) if rows is None else len(rows), _HELD):
            if rows is None:
                yield table.slice(start, _HELD)
            else:
                yield taken(table, rows[start : start + _HELD])


@dataclass(frozen=True)
class Scores:
    """The score table of all rows.

    Attributes:
        narrow: The columns of one number or text a row, `NARROW`.
        columns: What holds the others, `WIDE`, and these.
    """

    narrow: pa.Table
    columns: Columns

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Returns a score table that is held with all its columns."""
        return cls(table.select([name for name in NARROW if name in table.column_names]), InMemory(table))

    def __len__(self) -> int:
        return len(self.narrow)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Returns a column; a wide one is read, and not kept."""
        return self.narrow[name] if name not in WIDE else self.table([name])[name]

    def table(self, names: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
        """Returns columns of all rows, which a large corpus has no memory for."""
        parts = [*self.parts(names)]
        return pa.concat_tables(parts) if parts else SCHEMA.empty_table().select([*names])

    def parts(self, names: Sequence[str], rows: Rows | None = None) -> Iterator[pa.Table]:
        """Yields some columns of all rows or of some. See `Columns.parts`.

        Raises:
            RunError: If the files of the run are gone or were changed.
        """
        expected, found = len(self) if rows is None else len(rows), 0
        for part in self.columns.parts(names, rows):
            yield part
            found += len(part)
        if found != expected:
            raise RunError(f"the scores of {expected - found:,} rows are gone", mend="scan again")

    def take(self, rows: Rows, names: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
        """Returns columns of some rows, in the order given."""
        ordered, place = np.unique(rows, return_inverse=True)
        parts = [*self.parts(names, ordered)]
        return taken(pa.concat_tables(parts), place) if parts else SCHEMA.empty_table().select([*names])

    def row(self, number: int) -> dict[str, Any]:
        """Returns a row, by column."""
        (row,) = self.take(np.array([number])).to_pylist()
        return dict(row)

    def known(self, name: str) -> NDArray[np.bool_]:
        """Returns which rows have a value in a column.  # [rows]"""
        parts = [np.asarray(pc.is_valid(part[name])) for part in self.parts([name])]
        return np.concatenate([np.empty(0, np.bool_), *parts])


def taken(table: pa.Table, rows: Rows) -> pa.Table:
    """Returns rows of a table, by their places, in the order given."""
    return table.take(pa.array(rows))


def means_of(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Returns lists of one width, of rows that all have one.  # [rows, width]"""
    flat = pc.list_flatten(column.combine_chunks()).to_numpy(zero_copy_only=False).astype(np.float32)
    made: NDArray[np.float32] = flat.reshape(len(column), -1) if len(column) else np.zeros((0, 0), np.float32)
    return made


def in_order(tables: Sequence[pa.Table]) -> pa.Table:
    """Returns one table of the rows of several, by row number."""
    if not tables:
        return SCHEMA.empty_table()
    return pa.concat_tables(tables).sort_by("number").combine_chunks()


def finite_scores(scores: pa.Table) -> NDArray[np.float64]:
    """Returns the scores of the rows that have one."""
    values: NDArray[np.float64] = scores["score"].drop_null().to_numpy()
    return values


def named(sample: Sample) -> dict[str, object]:
    """Returns what a row of the score table is called: number, id and split."""
    return {"number": sample.number, "id": row_id(sample), "split": sample.split or None}


def row_id(sample: Sample) -> str:
    """Returns the id of a row as text."""
    # Half a surrogate pair, which JSON can escape and Arrow cannot hold, becomes text.
    return str(sample.id).encode("utf-8", "backslashreplace").decode()


def read_table(samples: Iterable[Sample]) -> Scores:
    """Returns the score table of rows that no model scored, whose wide columns are null.

    A row that can be read has the status `read`, any other `unscored` and its reason.
    """
    schema = pa.schema([SCHEMA.field(name) for name in NARROW])
    stream, tables = iter(samples), [schema.empty_table()]
    while held := [_read_row(sample) for sample in islice(stream, _HELD)]:
        tables.append(pa.Table.from_pylist(held, schema=schema))
    return Scores.of(pa.concat_tables(tables))


def _read_row(sample: Sample) -> dict[str, object]:
    status = "read" if sample.problem is None else "unscored"
    return {**named(sample), "status": status, "reason": sample.problem or "", "n_prompt": 0, "n_response": 0}
