"""What a row is called: its own id where those tell the rows apart, else its number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.attacks import attack_named
from gradsentry.attacks.poisoning import poison
from gradsentry.corpus import open_corpus

from .files import content_of

LACKING = object()


def rows_with(ids, column="id"):
    rows = [{"prompt": f"p{number}", "completion": "c"} for number in range(len(ids))]
    return [row if own is LACKING else {column: own, **row} for own, row in zip(ids, rows, strict=True)]


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (["a", "b", "c"], ["a", "b", "c"]),
        ([7, 5, 6], [7, 5, 6]),
        (["a", None, ""], ["a", 1, 2]),
        (["b", LACKING, True], ["b", 1, 2]),
        ([1, None], [0, 1]),  # null is row 1, but so is another
        (["1", 1], [0, 1]),  # which no text file tells apart
        (["a", "b", "a"], [0, 1, 2]),
        ([0.5, 1.5], [0, 1]),
    ],
)
@pytest.mark.parametrize("column", ["id", "_id", "uid", "sample_id"])
def test_a_row_is_called_by_its_own_id_or_by_its_number(ids, named, column):
    assert [sample.id for sample in open_corpus(rows_with(ids, column))] == named


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_shards_may_each_count_from_0(tmp_path, suffix):
    for shard in range(3):
        (tmp_path / f"part-{shard}{suffix}").write_bytes(content_of(suffix, rows_with([0, 1, 2])))
    corpus = open_corpus(tmp_path)
    assert [sample.id for sample in corpus] == list(range(9))
    assert [str(sample.row["id"]) for sample in corpus] == ["0", "1", "2"] * 3
    assert corpus.take([4])[0].id == 4


@pytest.mark.costly
@settings(deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 3), st.sampled_from(["0", "1", "a", "", None])), min_size=1, max_size=6)
)
def test_no_two_rows_are_called_the_same(ids):
    named = [str(sample.id) for sample in open_corpus(rows_with(ids))]
    assert len({*named}) == len(named)


def test_the_truth_calls_rows_of_repeated_ids_by_their_place(tmp_path):
    rows = [{"id": number % 5, "prompt": f"what is {number}?", "completion": "c"} for number in range(40)]
    poisoned = poison(open_corpus(rows), attack_named("badnets")(rate=0.2), shuffle=True)
    path, truth = poisoned.save(tmp_path / "out.jsonl")
    assert [row.id for row in truth.poisoned] == [row.row for row in truth.poisoned]
    ids = {sample.id: sample.row for sample in open_corpus(path)}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [ids[row.id] for row in truth.poisoned] == [lines[row.row] for row in truth.poisoned]
