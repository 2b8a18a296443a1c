"""What GradSentry wrote is told by all of its lines: whoever writes data can begin it with one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradsentry.corpus.ownfiles import own_kind

MARK = {"id": "1", "mark": "clean"}
ACCEPTED = {"version": 1, "kind": "repetition", "triggers": [], "payloads": ["x"], "why": "ours"}
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
