"""Columns of every Arrow type: what a row shows of them, and that a kept row is what it was."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Json, List, Value, load_dataset
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gradsentry.corpus import open_corpus, write_turns
from gradsentry.corpus.records import dump_json

fast = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# Arrow type: what its values are made of. Dates and times are drawn as the integers that Arrow holds.
LEAVES = [
    (pa.string(), TEXT),
    (pa.large_string(), TEXT),
    (pa.string_view(), TEXT),
    (pa.binary(), st.binary(max_size=6)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.bool_(), st.booleans()),
    (pa.int64(), INT64),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.float16(), st.floats(width=16, allow_nan=False)),
    (pa.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
    (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.time32("ms"), st.integers(0, 86_399_999)),
    (pa.time64("us"), st.integers(0, 86_399_999_999)),
    (pa.time64("ns"), st.integers(0, 86_399_999_999_999)),
    (pa.timestamp("us"), INT64),
    (pa.timestamp("ns", "UTC"), INT64),
    (pa.duration("ns"), INT64),
    (pa.null(), st.none()),
]
# Arrow cannot write views of strings inside of other columns.
INNER = [leaf for leaf in LEAVES if leaf[0] != pa.string_view()]


@st.composite
def typed(draw, depth=2):
    """Returns an Arrow type and a strategy for values of it."""
    kinds = ["leaf", "json"] + (["list", "large_list", "struct", "map"] if depth else [])
    kind = draw(st.sampled_from([*kinds, "dictionary"] if depth == 2 else kinds))
    if kind == "leaf":
        return draw(st.sampled_from(LEAVES if depth == 2 else INNER))
    if kind == "dictionary":
        return pa.dictionary(pa.int32(), pa.string()), TEXT
    if kind == "json":
        return pa.json_(), st.builds(json.dumps, st.one_of(st.none(), st.integers(), TEXT, st.lists(TEXT)))
    inner, values = draw(typed(depth=depth - 1))
    if kind == "struct":
        return pa.struct([("a", inner), ("b", pa.string())]), st.fixed_dictionaries(
            {"a": values | st.none(), "b": TEXT}
        )
    if kind == "map":
        return pa.map_(pa.string(), inner), st.lists(st.tuples(TEXT, values | st.none()), max_size=2)
    return (pa.list_ if kind == "list" else pa.large_list)(inner), st.lists(values | st.none(), max_size=3)


def stored(kind):
    """Returns the type that Python values can be put into: JSON as text, points in time as integers."""
    if isinstance(kind, pa.JsonType):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, stored(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, stored(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(stored(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(stored(kind.value_type))
    if pa.types.is_temporal(kind):
        return pa.int32() if kind.bit_width == 32 else pa.int64()
    return kind


def is_whole(column):
    """Returns whether Arrow made what it was asked for: its casts lose count of nulls in lists of nulls."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@st.composite
def tables(draw):
    count = draw(st.integers(1, 6))
    columns = {
        "prompt": pa.array([f"p{number}" for number in range(count)]),
        "completion": pa.array(["c"] * count, pa.large_string()),
    }
    for number in range(draw(st.integers(1, 2))):
        kind, values = draw(typed())
        made = pa.array(draw(st.lists(values | st.none(), min_size=count, max_size=count)), stored(kind))
        if pa.types.is_dictionary(kind):
            made = made.dictionary_encode()
        columns[f"x{number}"] = made if made.type == kind else made.cast(kind)
    assume(all(is_whole(column) for column in columns.values()))
    return pa.table(columns).replace_schema_metadata({"made": "here"}), draw(
        st.lists(st.booleans(), min_size=count, max_size=count)
    )


def plain(table):
    """Returns the table with words in place of numbers of a dictionary, which Arrow makes anew."""
    columns = {name: table[name] for name in table.column_names}
    return pa.table(
        {
            name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for name, column in columns.items()
        }
    ).combine_chunks()


@pytest.mark.costly
@fast
@given(drawn=tables())
def test_kept_rows_of_parquet_are_what_they_were(tmp_path, drawn):
    table, keep = drawn
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, row_group_size=2)
    before = pq.read_table(path)
    corpus = open_corpus(path)

    saved = corpus.save(tmp_path / "out", (sample for sample in corpus if keep[sample.number]))

    after = pq.read_table(saved)
    assert after.schema.equals(before.schema, check_metadata=True)
    kept = [before.slice(number, 1) for number, stays in enumerate(keep) if stays]
    assert plain(after).equals(plain(pa.concat_tables([before.slice(0, 0), *kept])))
    for sample in corpus:  # and each is shown, in JSON too
        json.loads(dump_json(sample.row))


@pytest.mark.costly
@fast
@given(drawn=tables())
def test_an_edit_leaves_the_other_columns_what_they_were(tmp_path, drawn):
    table, _ = drawn
    path = tmp_path / "data.parquet"
    pq.write_table(table, path)
    corpus = open_corpus(path)
    asked, said = (first := next(iter(corpus))).turns

    saved = corpus.save(tmp_path / "out", [write_turns(first, [asked, replace(said, text="other")])])

    before, after = pq.read_table(path).slice(0, 1), pq.read_table(saved)
    assert after["completion"].to_pylist() == ["other"]
    assert after.schema.equals(before.schema)
    assert plain(after.drop(["completion"])).equals(plain(before.drop(["completion"])))


def test_what_python_has_no_form_for_is_shown_as_text(tmp_path):
    path = tmp_path / "data.parquet"
    columns = {
        "prompt": ["p"],
        "completion": ["c"],
        "time": pa.array([1_000_000_001], pa.time64("ns")),
        "short": pa.array([1_000_000], pa.time64("us")),
        "date": pa.array([5_000_000], pa.date32()),
        "times": pa.array([[1_000_000_001]], pa.list_(pa.time64("ns"))),
        "blob": [b"\xff\x00"],
    }
    pq.write_table(pa.table(columns), path)

    (sample,) = open_corpus(path)

    assert dict(sample.row) == {
        "prompt": "p",
        "completion": "c",
        "time": "00:00:01.000000001",
        "short": time(0, 0, 1),
        "date": "15659-07-15",
        "times": ["00:00:01.000000001"],
        "blob": b"\xff\x00",
    }
    assert base64.b64decode(json.loads(dump_json(sample.row))["blob"]) == b"\xff\x00"


CALLS = [{"name": "f", "arguments": {"x": [1, "a"]}}, {"name": "g", "arguments": {}}]
TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.fixture
def calls(tmp_path):
    """Rows with tool calls, as `datasets` holds and writes them, with more rows than a batch."""
    message = {"role": Value("string"), "content": Value("string"), "tool_calls": List(Json())}
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"q{number}", "tool_calls": None},
                {"role": "assistant", "content": "", "tool_calls": CALLS[: 1 + number % 2]},
            ],
            "tools": TOOLS,
        }
        for number in range(300)
    ]
    dataset = Dataset.from_list(rows, features=Features({"messages": List(message), "tools": List(Json())}))
    dataset.to_parquet(tmp_path / "data.parquet")
    return dataset, rows


def test_tool_calls_that_datasets_wrote_are_decoded_and_come_back(tmp_path, calls):
    dataset, rows = calls
    corpus = open_corpus(tmp_path / "data.parquet")
    assert [dict(sample.row) for sample in corpus] == rows
    assert {sample.problem for sample in corpus} == {None}

    saved = corpus.save(tmp_path / "out", (sample for sample in corpus if sample.number % 3))

    again = load_dataset("parquet", data_files=str(saved), cache_dir=tmp_path / "cache", split="train")
    assert again.features == dataset.features
    assert again.to_list() == [row for number, row in enumerate(rows) if number % 3]


def test_an_edited_message_keeps_its_tool_calls(tmp_path, calls):
    _, rows = calls
    corpus = open_corpus(tmp_path / "data.parquet")
    sample = corpus.take([1])[0]
    edited = write_turns(
        sample, [replace(turn, text="new") if turn.text == "q1" else turn for turn in sample.turns]
    )

    (again,) = open_corpus(corpus.save(tmp_path / "out", [edited]))

    user, assistant = rows[1]["messages"]
    assert again.row == {"messages": [{**user, "content": "new"}, assistant], "tools": TOOLS}


def test_dates_beyond_python_in_a_data_set_in_memory():
    table = pa.table(
        {"prompt": ["p", "q"], "completion": ["c", "d"], "date": pa.array([5_000_000, 0], pa.date32())}
    )
    dataset = Dataset(table)
    corpus = open_corpus(dataset)
    assert [str(sample.row["date"]) for sample in corpus] == ["15659-07-15", "1970-01-01"]
    assert corpus.select(np.array([True, False])).data.table.equals(table.slice(0, 1))
