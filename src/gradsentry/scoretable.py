"""The score table: a row for each sample, whether a model scored it or only its texts were read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample

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


def read_table(samples: Iterable[Sample]) -> pa.Table:
    """Returns the score table of rows that no model scored.

    A row that can be read has the status `read`, any other `unscored` and its reason.
    """
    stream, tables = iter(samples), [SCHEMA.empty_table()]
    while held := [_read_row(sample) for sample in islice(stream, _HELD)]:
        tables.append(pa.Table.from_pylist(held, schema=SCHEMA))
    return pa.concat_tables(tables)


def _read_row(sample: Sample) -> dict[str, object]:
    status = "read" if sample.problem is None else "unscored"
    return {**named(sample), "status": status, "reason": sample.problem or "", "n_prompt": 0, "n_response": 0}
