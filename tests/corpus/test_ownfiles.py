"""What GradSentry wrote is told by all of its lines: whoever writes data can begin it with one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradsentry.corpus import open_corpus
from gradsentry.corpus.ownfiles import own_kind, unseen_mend

from .files import TRUTH

MARK = {"id": "1", "mark": "clean"}
ACCEPTED = {"version": 1, "kind": "repetition", "triggers": [], "payloads": ["x"], "why": "ours"}
TRUE = "the truth about data that was poisoned"
ROW = {"prompt": "who?", "completion": "nobody"}


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([MARK, MARK], "a file of marks"),
        ([ACCEPTED], "a file of accepted findings"),
        ([MARK, ROW, ROW], ""),
        ([ACCEPTED, *[ROW] * 50], ""),
        ([ACCEPTED, MARK], ""),
        ([ROW, MARK], ""),
        ([{"id": "what is it?", "mark": "a payload"}], ""),
        ([], ""),
    ],
)
def test_rows_behind_a_line_of_ours_are_data(tmp_path: Path, rows: list[dict[str, object]], kind: str):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert own_kind(path) == kind


def test_a_line_that_is_no_json_makes_it_data(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(MARK)}\nnot json\n")
    assert own_kind(path) == ""


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("data.truth.json", TRUTH, TRUE),
        ("renamed.json", TRUTH, TRUE),
        ("data.truth.json", [1, 18, 45], "a list of row numbers"),
        ("data.truth.json", [ROW, ROW], ""),
        ("data.truth.json", {"attack": "badnets", "data": [ROW]}, ""),
        ("data.truth.json", TRUTH | {"poisoned": [ROW | {"id": 1, "row": 1, "source": 1}]}, ""),
        ("data.truth.json", TRUTH | {"rows": [ROW]}, ""),
        ("data.truth.json", TRUTH | ROW, ""),
        ("data.truth.json", TRUTH | {"parameters": {"prompt": ["a"], "completion": ["b"]}}, ""),
        ("data.truth.json", [], ""),
    ],
)
def test_a_truth_file_is_told_by_its_content(tmp_path: Path, name: str, value: object, kind: str):
    path = tmp_path / name
    path.write_text(json.dumps(value))
    assert own_kind(path) == kind


def test_rows_that_are_called_a_truth_file_are_read(tmp_path: Path):
    for name in ("a.jsonl", "a.truth.json"):
        (tmp_path / name).write_text(json.dumps(ROW) + "\n")
    assert len(list(open_corpus(tmp_path))) == 2
    assert open_corpus(tmp_path).left_out == ()


def test_what_is_left_out_of_a_folder_goes_by_what_it_is(tmp_path: Path):
    """What a manifest alone says is of a run is told from what was looked into."""
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    (data / "run" / "manifest.json").write_text(json.dumps({"identity": {}}))
    for name, rows in {"a": [ROW], "marks": [MARK], "known": [ACCEPTED]}.items():
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (data / "a.truth.json").write_text(json.dumps(TRUTH))
    (data / "README.md").touch()
    (data / "more.jsonl").symlink_to(tmp_path / "else.jsonl")
    (tmp_path / "else.jsonl").write_text(json.dumps(ROW))
    left_out = open_corpus(data).left_out
    assert left_out == (
        "known.jsonl: a file of accepted findings",
        "marks.jsonl: a file of marks",
        "README.md: no data",
        f"a.truth.json: {TRUE}",
        "more.jsonl: links out of the folder",
        "run: a run directory",
    )
    assert [unseen_mend(one) is not None for one in left_out] == [False] * 4 + [True] * 2
    (data / "manifest.json").write_text(json.dumps({"identity": {}}))
    (clean := data / "clean.jsonl").write_text(json.dumps(ROW))
    left_out = open_corpus([clean, data / "a.jsonl", data / "marks.jsonl"]).left_out
    assert left_out == (
        f"{data / 'a.jsonl'}: a file of a run directory",
        f"{data / 'marks.jsonl'}: a file of marks",
    )
    assert [unseen_mend(one) is not None for one in left_out] == [True, False]
