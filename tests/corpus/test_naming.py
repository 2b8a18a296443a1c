"""What a user may name as data, and what may lie in a folder: read rightly, or one line with the mend."""

from __future__ import annotations

import json
import os

import datasets
import pytest

from gradsentry.corpus import open_corpus, write_turns
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

from .files import TRUTH, make_file

ROWS = [{"prompt": f"p{number}", "completion": 'a { " ['} for number in range(3)]


def refusal(data, **named):
    with pytest.raises(DataError) as caught:
        list(open_corpus(data, DataSettings(**named)))
    line = str(caught.value)
    assert "\n" not in line
    return line


def read(data):
    return [dict(sample.row) for sample in open_corpus(data)]


def test_a_file_url_is_its_path(tmp_path):
    path = make_file(tmp_path, ROWS).rename(tmp_path / "a b.jsonl")
    for url in (path.as_uri(), path.as_uri().replace("file://", "file://localhost")):
        corpus = open_corpus(url)
        assert [dict(sample.row) for sample in corpus] == ROWS
        assert corpus.name == str(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "https://huggingface.co/datasets/owner/name",
            "owner/name: no file of this name, nor could it be loaded",
        ),
        ("hf://datasets/owner/name", "owner/name: no file of this name, nor could it be loaded"),
        ("hf://datasets/owner/name/train.jsonl", "hf://datasets/owner/name/train.jsonl: cannot be had ("),
        (
            "s3://bucket/rows.jsonl",
            "s3://bucket/rows.jsonl: cannot be opened (Install s3fs to access S3); install",
        ),
        ("s3://bucket/rows", "s3://bucket/rows: names no data file; name a .jsonl"),
        ("file://host/rows.jsonl", "file://host/rows.jsonl: names another machine; download it"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_with_the_way_out(url, said):
    assert refusal(url).startswith(said)


def test_what_cannot_be_read_twice_is_refused(tmp_path):
    twice = "cannot be read twice, as a scan needs to; write it to a file"
    os.mkfifo(tmp_path / "rows.jsonl")
    assert refusal(tmp_path / "rows.jsonl") == f"{tmp_path}/rows.jsonl: is a pipe or a device, which {twice}"


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize("indent", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 3])
def test_objects_over_several_lines_are_read_and_written_as_they_stood(tmp_path, suffix, indent, count):
    path = tmp_path / f"data{suffix}"
    path.write_text("".join(json.dumps(row, indent=indent) + "\n" for row in ROWS[:count]))
    corpus = open_corpus(path)
    assert [dict(sample.row) for sample in corpus] == ROWS[:count]
    assert corpus.save(tmp_path / "out", corpus).read_bytes() == path.read_bytes()
    first, *rest = corpus
    asked, said = first.turns
    edited = write_turns(first, [asked, said.__class__(said.role, "new", trained=True, path=said.path)])
    text = corpus.save(tmp_path / "out", [edited, *rest]).read_text()
    assert text == path.read_text().replace(json.dumps(said.text), '"new"', 1)
    assert corpus.save(tmp_path / "out", []).read_bytes() == b""


@pytest.mark.parametrize(
    "columns",
    [
        {"prompt": ["a", "b"], "completion": ["c", "d"]},
        {"prompt": {"0": "a", "1": "b"}, "completion": {"0": "c", "1": "d"}},
        {"question": ["a"], "answer": [["c"]]},
        {"messages": [[{"role": "user", "content": "a"}], [{"role": "assistant", "content": "a"}]]},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_of_columns_is_refused_with_the_way_out(tmp_path, columns, indent):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(columns, indent=indent))
    assert refusal(path) == (
        f"{path}: is one object of columns, not of rows; "
        "write one row a line, as pandas does with to_json(orient='records', lines=True)"
    )


def test_one_row_of_lists_is_a_row(tmp_path):
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    path = tmp_path / "data.json"
    path.write_text(json.dumps(row, indent=2))
    assert read(path) == [row]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    make_file(place, ROWS)
    return place


def test_what_is_no_data_is_left_out_and_named(folder):
    made = datasets.Dataset.from_list(ROWS)
    made.info.write_to_directory(str(folder))
    (folder / "mine.json").write_text(json.dumps({"set": {"file_name": "data.jsonl"}}, indent=2))
    for name in ("README.md", "picture.png", "LICENSE"):
        (folder / name).write_bytes(b"[]")
    (folder / "data.truth.json").write_text(json.dumps(TRUTH))
    corpus = open_corpus(folder)
    assert [dict(sample.row) for sample in corpus] == ROWS
    assert corpus.left_out == (
        "LICENSE, README.md, dataset_info.json, mine.json, picture.png: no data",
        "data.truth.json: the truth about data that was poisoned",
    )


def test_a_name_that_is_no_text_is_one_line(folder):
    name = os.fsdecode(b"\xff.jsonl")
    (folder / "data.jsonl").rename(folder / name)
    assert (
        refusal(folder) == refusal(folder / name) == f"{folder}/ .jsonl: its path is no UTF-8 text; rename it"
    )


@pytest.mark.parametrize("name", ["more.arrow", "more.jsonl.bz2", "more.xlsx", "more.tar.gz"])
def test_rows_that_cannot_be_read_are_not_left_out(folder, name):
    (folder / name).write_bytes(b"x")
    assert refusal(folder).startswith(f"{folder}/{name}: unknown kind of file `{name}`; give .jsonl, ")


def test_rows_under_a_key_are_not_left_out(folder):
    (folder / "more.json").write_text(json.dumps({"version": 1, "data": ROWS}))
    assert refusal(folder) == (
        f"{folder}/more.json:1: no known row format has these columns: `version`, `data`; "
        "where the rows are the list under `data`, write that list alone into the file"
    )


def test_dead_links_in_a_folder_are_one_line(folder):
    for target in ("gone.jsonl", "link.jsonl"):  # to nothing, and to itself
        (folder / "link.jsonl").symlink_to(target)
        mend = "put the file itself there, or remove it"
        assert refusal(folder) == f"{folder}/link.jsonl: is a link to nothing; {mend}"
        (folder / "link.jsonl").unlink()
