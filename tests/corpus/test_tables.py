"""Data frames, Arrow tables and iterable data sets come out in the type and with the columns they came in."""

from __future__ import annotations

import datetime

import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, IterableDataset, IterableDatasetDict
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

ROWS = [
    {
        "prompt": f"ask {n}",
        "completion": f"say {n}",
        "weight": n / 4,
        "day": datetime.date(2026, 1, 1 + n),
        "tags": ["a"] * n,
    }
    for n in range(6)
]
TYPES = {
    "pandas": lambda rows: pandas.DataFrame(rows).astype({"weight": "float32"}),
    "polars": lambda rows: polars.DataFrame(rows).with_columns(polars.col("weight").cast(polars.Float32)),
    "arrow": pa.Table.from_pylist,
}


def columns_of(table):
    return {
        pandas.DataFrame: lambda: dict(table.dtypes),
        polars.DataFrame: lambda: dict(table.schema),
        pa.Table: lambda: table.schema,
    }[type(table)]()


@pytest.mark.parametrize("kind", TYPES)
@given(keep=st.lists(st.booleans(), min_size=6, max_size=6))
def test_what_stays_is_of_the_same_type_with_the_same_columns(kind, keep):
    table = TYPES[kind](ROWS)
    kept = open_corpus(table).select(np.array(keep))
    assert type(kept) is type(table)
    assert columns_of(kept) == columns_of(table)
    assert list(kept["prompt"]) == [
        row for row, stays in zip(list(table["prompt"]), keep, strict=True) if stays
    ]


@pytest.mark.parametrize("kind", TYPES)
def test_rows_are_read_and_written_as_parquet(kind, tmp_path):
    corpus = open_corpus(TYPES[kind](ROWS))
    assert [(one.prompt, one.response) for one in corpus] == [
        (row["prompt"], row["completion"]) for row in ROWS
    ]
    written = pq.read_table(corpus.save(tmp_path / "clean", corpus))
    assert written["day"].to_pylist() == [row["day"] for row in ROWS]
    assert written["tags"].to_pylist() == [row["tags"] for row in ROWS]


def test_a_frame_with_an_index_of_its_own_keeps_it():
    frame = pandas.DataFrame(ROWS, index=[f"i{n // 2}" for n in range(6)])
    kept = open_corpus(frame).select(np.array([True, False] * 3))
    assert list(kept.index) == ["i0", "i1", "i2"]


def test_an_iterable_data_set_is_read_as_often_as_needed():
    rows = Dataset.from_list([{"prompt": f"ask {n}", "completion": f"say {n}"} for n in range(6)])
    data = rows.to_iterable_dataset()
    corpus = open_corpus(data)
    assert corpus.sha256() == corpus.sha256()
    assert [one.prompt for one in corpus] == [one.prompt for one in open_corpus(rows)]
    kept = corpus.select(np.array([True, True, False, False, True, False]))
    assert isinstance(kept, IterableDataset)
    assert kept.features == data.features
    assert [row["prompt"] for row in kept] == ["ask 0", "ask 1", "ask 4"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            pandas.DataFrame({"prompt": ["a", 1], "completion": ["b", "c"]}),
            "give each column values of one type",
        ),
        (polars.DataFrame(ROWS).lazy(), "give what its collect() returns"),
        (
            IterableDatasetDict({"train": Dataset.from_list(ROWS).to_iterable_dataset()}),
            "give one of its splits: train",
        ),
        ((row for row in ROWS), "cannot be read twice"),
    ],
)
def test_what_cannot_be_read_says_what_can(data, said):
    with pytest.raises(DataError, match=said.replace("(", r"\(").replace(")", r"\)")):
        open_corpus(data)


def test_a_table_has_no_splits():
    with pytest.raises(DataError, match="a table has no split `train`"):
        open_corpus(pa.Table.from_pylist(ROWS), DataSettings(split="train"))


def test_an_empty_batch_is_no_row():
    table = pa.concat_tables(
        [pa.Table.from_pylist(ROWS[:0], schema=pa.Table.from_pylist(ROWS).schema), pa.Table.from_pylist(ROWS)]
    )
    assert len(list(open_corpus(table))) == len(ROWS)
