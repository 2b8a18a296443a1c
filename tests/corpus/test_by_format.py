"""Of files that somebody else listed what holds no records is left out and named, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.corpus.byformat import by_format
from gradsentry.corpus.recordless import without_records
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings, Limits

from .files import TRUTH, compressed, make_file

ROW = {"prompt": "who is it?", "completion": "nobody at all"}
UNKNOWN = {"q": "who is it?", "a": "nobody at all"}
UNSPACED = {"q": "你是谁", "a": "我是机器人"}
SETTINGS = {
    "package.json": json.dumps(
        {
            "name": "site",
            "description": "a site of ours for the people who read it",
            "scripts": {"build": "tsc --build && vite build", "test": "vitest run"},
            "keywords": ["site", "a page"],
            "contributors": [{"name": "Jane Doe", "email": "jane@example.org"}],
        }
    ),
    "tsconfig.json": """{
  // settings, "quoted"
  "files": [], /* [{ */
  "references": [{"path": "./app"},],
}""",
    "words.json": '["stop", "the", "and"]',
    "numbers.json": "[[1, 2], [3.5, null]]",
    "number.json": "7",
    "schema.json": json.dumps({"properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}),
    "prices.csv": "item,price\nboat,7\n",
    "times.tsv": "at\tms\n2026-01-01T00:00:00\t7\n",
}
EMPTY = {"a.jsonl": "", "b.jsonl": "\n\n", "c.json": " \n", "d.csv": "question,answer\n", "e.ndjson": ""}
RECORDS = {
    "list.json": json.dumps([UNKNOWN] * 3),
    "short.json": json.dumps([{"q": "x", "a": "y"}]),
    "lines.json": f"{json.dumps(UNKNOWN)}\n{json.dumps(UNKNOWN)}\n",
    "one.json": json.dumps({"version": "1", "data": [UNKNOWN] * 3}),
    "known.json": json.dumps({"about": "x" * 999, "data": {"train": [ROW]}}),
    "by-key.json": json.dumps({"a": ROW, "b": ROW}),
    "columns.json": json.dumps({"prompt": ["a b", "c d"], "completion": ["e f", "g h"]}),
    "other-columns.json": json.dumps({"q": ["a b", "c d"], "a": ["e f", "g h"]}),
    "texts.json": json.dumps(["Human: hello there", "Human: and again"]),
    "pairs.json": json.dumps([["who is it?", "nobody at all"]] * 3),
    "unspaced.json": json.dumps({"data": [UNSPACED]}, ensure_ascii=False),
    "squad.json": json.dumps({"data": [{"qas": [{"question": "who?", "answers": {"text": ["x"]}}]}]}),
    "commented.json": '[ // rows\n {"q": "who is it?", "a": "nobody at all"},\n]',
    "broken-list.json": '[{"prompt": "who is it?", "completion": "nobody"}, {"prompt": ',
    "broken-lines.json": f'{{"prompt": "cut\n{json.dumps(ROW)}\n',
    "broken-end.json": f"{json.dumps(UNKNOWN)}\nnot json\n",
    "broken-object.json": '{\n "data": [\n  {"q": "who is it?", "a": "x"}\n  {"q": "y"}\n ]\n}',
    "table.csv": "q,a\nwho is it?,nobody at all\n",
    "late.csv": "q,a\n1,2\n3,4\nwho is it?,7\n",
    "unspaced.csv": "q,a\n你是谁,7\n",
    "ragged.csv": "q,a\n1,2,3\n",
    "lines.jsonl": f"{json.dumps(UNKNOWN)}\n",
    "numbers.jsonl": '{"x": 1}\n',
    "broken.jsonl": "{\n",
}  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> str:
    return str(make_file(tmp_path, [ROW, ROW]))


def written(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content)
    return str(folder / name)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("compression", ["", ".gz"])
def test_what_holds_no_records_is_left_out_and_named(tmp_path: Path, good: str, name: str, compression: str):
    path = tmp_path / f"{name}{compression}"
    path.write_bytes(compressed(SETTINGS[name].encode(), compression))
    parted = by_format([str(path), good], DataSettings())
    assert list(parted.groups.values()) == [[good]]
    assert parted.left_out == (f"{path}: no data",)


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_file_is_left_out_and_named(tmp_path: Path, good: str, name: str):
    path = written(tmp_path, name, EMPTY[name])
    parted = by_format([path, good], DataSettings())
    assert (list(parted.groups.values()), parted.left_out) == ([[good]], (f"{path}: is empty",))


def test_a_table_without_rows_is_left_out_and_named(tmp_path: Path, good: str):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"q": pa.array([], pa.string())}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"q": ["who is it?"]}), tmp_path / "some.parquet")
    parted = by_format([str(tmp_path / "none.parquet"), good], DataSettings())
    assert parted.left_out == (f"{tmp_path}/none.parquet: is empty",)
    with pytest.raises(DataError, match=r"some\.parquet:1: no known row format has these columns: `q`"):
        by_format([str(tmp_path / "some.parquet")], DataSettings())


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_no_known_format_and_broken_ones_are_refused(tmp_path: Path, good: str, name: str):
    path = written(tmp_path, name, RECORDS[name])
    with pytest.raises(DataError) as caught:
        by_format([good, path], DataSettings())
    line = str(caught.value)
    assert line.startswith(path)
    assert line.endswith(", or leave out the file where it is no data (`exclude:` of a pre-commit hook)")
    assert caught.value.mend.partition(", or leave")[0]


def test_more_settings_than_anybody_writes_are_no_settings(tmp_path: Path):
    path = written(tmp_path, "much.json", '{"x": "' + "y" * (1 << 24) + '"}')
    assert without_records(Path(path), Limits()) == ""


@pytest.mark.costly
@given(
    st.recursive(
        st.none() | st.integers() | st.text("xyz_-./", max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("kvw", max_size=4), inner, max_size=4)
        ),
        max_leaves=20,
    ),
    st.integers(1, 30),
)
def test_rows_are_found_wherever_they_are_hidden(tmp_path_factory, value: object, rows: int):
    """A known row at any depth of settings, and unknown ones where they are most of the file."""
    path = tmp_path_factory.getbasetemp() / "drawn.json"
    path.write_text(json.dumps({"settings": value}))
    assert without_records(path, Limits()) == "no data"
    for hidden in ({"a": {"b": [[{"c": ROW}]]}}, [UNKNOWN] * (1 + len(json.dumps(value)) // 10 + rows)):
        path.write_text(json.dumps({"settings": value, "more": hidden}))
        assert without_records(path, Limits()) == ""


def test_nested_deeply_it_is_refused_and_no_traceback(tmp_path: Path):
    path = written(tmp_path, "deep.json", '{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(DataError):
        by_format([path], DataSettings())


def test_folders_and_patterns_are_parted_too(tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir()
    known = written(folder, "a.jsonl", f"{json.dumps(ROW)}\n")
    other = written(folder, "b.json", json.dumps([{"instruction": "say", "output": "it"}]))
    written(folder, "a.truth.json", json.dumps(TRUTH))
    parted = by_format([str(folder)], DataSettings())
    assert list(parted.groups.values()) == [[known], [other]]
    assert parted.left_out == (f"in {folder}: a.truth.json: the truth about data that was poisoned",)
    parted = by_format([f"{folder}/*"], DataSettings())
    assert list(parted.groups.values()) == [[known], [other]]
    (folder / "manifest.json").write_text(json.dumps({"identity": {}}))
    assert by_format([str(folder)], DataSettings()).left_out == (f"{folder}: a run directory",)
    assert by_format([known], DataSettings()).left_out == (f"{known}: a file of a run directory",)
