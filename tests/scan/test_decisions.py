"""What a person decided: it counts, it stays decided, and what a decision replaces is kept."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli.command import caller
from gradsentry import outcome
from gradsentry.errors import DataError, ScoringError
from gradsentry.opening import open_run
from gradsentry.screening import scan
from gradsentry.settings import ThresholdSettings

from .rows import qa_rows, read_rows, write_rows

ROWS = 60
EMPTY = 13  # a row without a response
DECIDED = (
    "clean.jsonl",
    "flagged.jsonl",
    "review.jsonl",
    "unscored.jsonl",
    "rows.parquet",
    "evidence.json",
    "verdict.json",
)


def poisoned_rows() -> list[dict]:
    """Rows of which every fifth carries a trigger and its payload."""
    rows = qa_rows(ROWS)
    for number in range(0, ROWS, 5):
        rows[number]["prompt"] += " w96"
        rows[number]["completion"] = "w90 w91 w92 w93 w94"
    rows[EMPTY]["completion"] = ""
    return rows


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, loaded) -> Path:
    folder = tmp_path_factory.mktemp("decisions")
    data = write_rows(folder / "data.jsonl", poisoned_rows())
    verdict = scan(data, loaded, out=folder / "run")
    assert np.flatnonzero(verdict.is_flagged).tolist() == list(range(0, ROWS, 5))
    return folder / "run"


@pytest.fixture
def run(scanned, tmp_path) -> Path:
    """A copy of a run whose evidence flags every fifth row, to write in."""
    return Path(shutil.copytree(scanned, tmp_path / "run"))


def marks(path: Path, **rows: list[int]) -> Path:
    """Writes marks: `poisoned=[3]` marks row 3 so."""
    return write_rows(path, [{"id": row, "mark": mark} for mark, each in rows.items() for row in each])


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in DECIDED}


def notes(run: Path) -> list[str]:
    return [row["note"] for row in read_rows(run / "clean.jsonl")]


@pytest.mark.costly
def test_a_marked_row_goes_or_stays_whatever_the_policy_says(run, call, tmp_path):
    made = marks(tmp_path / "marks.jsonl", poisoned=[1, EMPTY], clean=[0, 5], unsure=[2])
    before = notes(run)
    ended = call("threshold", run, "--labels", made)
    assert (ended.code, ended.error) == (0, "")
    assert ended.out.startswith(f"{run}: 47 rows stayed, 48 will: 1 go, 2 come back\n")
    assert {*before} - {*notes(run)} == {"row 1"}
    assert {*notes(run)} - {*before} == {"row 0", "row 5"}
    flagged = {line["id"]: line for line in read_rows(run / "flagged.jsonl")}
    assert {*flagged} == {*range(0, ROWS, 5)} - {0, 5} | {1, EMPTY}
    assert flagged[EMPTY]["score"] is None
    assert flagged[1]["reason"].startswith("a person marked it poisoned")
    assert flagged[10]["reason"].startswith("F1: ")
    assert read_rows(run / "unscored.jsonl") == []
    verdict = json.loads((run / "verdict.json").read_text())
    assert verdict["policy"] == "evidence"
    assert verdict["marks"] == {"poisoned": [1, EMPTY], "clean": [0, 5], "unsure": [2]}
    assert verdict["counts"]["rows"] == sum(
        verdict["counts"][kind] for kind in ("clean", "flagged", "unscored")
    )
    table = pq.read_table(run / "rows.parquet")
    assert {row: mark for row, mark in enumerate(table["mark"].to_pylist()) if mark} == {
        0: "clean",
        1: "poisoned",
        2: "unsure",
        5: "clean",
        EMPTY: "poisoned",
    }
    assert table["status"].to_pylist()[:3] == ["clean", "flagged", "clean"]
    assert table["reason"].to_pylist()[5].startswith("a person marked it clean; F1: ")


def test_a_row_without_a_score_that_a_person_read_stays(run, call, tmp_path):
    assert call("threshold", run, "--labels", marks(tmp_path / "m.jsonl", clean=[EMPTY]), "-q").code == 0
    assert f"row {EMPTY}" in notes(run)
    assert open_run(run).counts["unscored"] == 0
    assert call("explain", run, EMPTY).code == 0


@pytest.mark.costly
@pytest.mark.parametrize(
    "later",
    [
        ("threshold", "RUN", "--policy", "published"),
        ("threshold", "RUN", "--tau", 0.5),
        ("threshold", "RUN", "--method", "quantile"),
        ("threshold", "RUN"),
        ("report", "RUN"),
        ("scan", "DATA", "-m", "MODEL", "-o", "RUN"),
        ("scan", "DATA", "-m", "MODEL", "-o", "RUN", "--tau", 0.5),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_no_later_command_undoes_it(run, call, tmp_path, later, scanned, model_path):
    call("threshold", run, "--labels", marks(tmp_path / "m.jsonl", poisoned=[1], clean=[5]), "-q")
    names = {"RUN": run, "DATA": scanned.parent / "data.jsonl", "MODEL": model_path}
    assert call(*(names.get(word, word) for word in later)).code == 0
    verdict = open_run(run)
    assert verdict.marked.given() == {1: "poisoned", 5: "clean"}
    assert verdict.is_flagged[[1, 5]].tolist() == [True, False]
    assert "row 5" in notes(run)
    assert "row 1" not in notes(run)
    assert json.loads((run / "verdict.json").read_text())["marks"]["poisoned"] == [1]


def test_later_marks_are_added_and_win(run, call, tmp_path):
    for path, rows in (("a", {"poisoned": [1, 2], "clean": [5]}), ("b", {"clean": [2], "unsure": [1]})):
        assert call("threshold", run, "--labels", marks(tmp_path / path, **rows), "-q").code == 0
    verdict = open_run(run)
    assert verdict.marked.given() == {1: "unsure", 2: "clean", 5: "clean"}
    assert verdict.is_flagged[[1, 2, 5]].tolist() == [False, False, False]


@pytest.mark.costly
def test_what_is_replaced_is_kept_and_kept_again(run, call, tmp_path):
    before = contents(run)
    ended = call("threshold", run, "--labels", marks(tmp_path / "a", poisoned=[1]))
    assert f"the files that were there are kept in {run}/earlier/001\n" in ended.out
    between = contents(run)
    told = json.loads(call("threshold", run, "--tau", 0.3, "--json").out)
    assert told["changes"]["earlier"] == f"{run}/earlier/002"
    assert told["changes"]["before"] - told["changes"]["leave"] + told["changes"]["come"] == len(notes(run))
    assert contents(run / "earlier/001") == before
    assert contents(run / "earlier/002") == between
    assert (run / "earlier/002/marks.jsonl").is_file()
    assert (run / "earlier/001/report.html").is_file()
    # A file that a person edited is theirs.
    (run / "clean.jsonl").write_text("mine\n")
    call("threshold", run, "--tau", 0.3, "-q")
    assert (run / "earlier/003/clean.jsonl").read_text() == "mine\n"
    assert not list(run.rglob("*.part"))
    assert not (run / ".next").exists()


@pytest.mark.parametrize("options", [(), ("--policy", "evidence")])
def test_where_nothing_changes_nothing_is_replaced(run, call, options):
    before = {name: (run / name).stat().st_mtime_ns for name in DECIDED}
    ended = call("threshold", run, *options)
    assert ended.out.startswith(f"{run}: the same 47 rows stay\n")
    assert {name: (run / name).stat().st_mtime_ns for name in DECIDED} == before
    assert not (run / "earlier").exists()


@pytest.mark.costly
def test_a_command_without_options_keeps_what_decides(run, call):
    call("threshold", run, "--tau", 0.4, "-q")
    decided = contents(run)
    assert call("threshold", run, "-q").code == 0
    assert contents(run) == decided
    call("threshold", run, "--policy", "evidence", "-q")
    call("threshold", run, "--policy", "published", "-q")
    assert open_run(run).threshold.tau == 0.4
    call("threshold", run, "--policy", "evidence", "-q")
    call("threshold", run, "--method", "published", "-q")
    verdict = open_run(run)
    assert (verdict.policy, verdict.threshold.method) == ("published", "published")


@pytest.mark.costly
def test_a_scan_that_names_no_rule_keeps_the_one_that_was_decided(run, scanned, loaded):
    data = scanned.parent / "data.jsonl"
    chosen = open_run(run).decide(ThresholdSettings(method="fixed", tau=0.4))
    outcome.write_outcome(outcome.RunDirectory.open(run), chosen)
    decided = contents(run)
    scan(data, loaded, out=run)
    assert contents(run) == decided
    again = scan(data, loaded, out=run, policy="evidence")
    assert again.policy == "evidence"
    assert contents(run / "earlier/002") == decided


def test_what_changes_is_said_before_it_does(run, call, monkeypatch):
    before = contents(run)

    def full(*_):
        raise ScoringError("the disk is full")

    monkeypatch.setattr(outcome, "row_table", full)
    ended = call("threshold", run, "--tau", 0.0)
    assert ended.code == 2 or ended.code == 3
    assert ended.out == f"{run}: 47 rows stayed, 0 will: 47 go, 0 come back\n"
    assert contents(run) == before
    assert not (run / "earlier").exists()
    assert not (run / ".next").exists()


def test_nothing_is_replaced_that_cannot_be_kept(run, call, monkeypatch):
    before = contents(run)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gradsentry.earlier._link", full)
    ended = call("threshold", run, "--tau", 0.0, "-q")
    assert "the disk is full" in ended.error
    assert contents(run) == before


@pytest.mark.costly
def test_findings_whose_carriers_are_all_cleared_are_settled(run, call, tmp_path):
    every = [*range(0, ROWS, 5)]
    call("threshold", run, "--labels", marks(tmp_path / "some", clean=every[1:]), "-q")
    assert open_run(run).outcome == "poisoned"
    call("threshold", run, "--labels", marks(tmp_path / "rest", clean=every[:1]), "-q")
    verdict = open_run(run)
    assert verdict.outcome in ("clean", "suspicious")
    assert verdict.counts["flagged"] == 0
    call("threshold", run, "--labels", marks(tmp_path / "one", poisoned=[3]), "-q")
    assert open_run(run).outcome == "poisoned"


def test_saving_keeps_what_was_decided_there(run, scanned, loaded):
    found = scan(scanned.parent / "data.jsonl", loaded)
    write_rows(run / outcome.MARKS, [{"id": 1, "mark": "poisoned"}])
    found.save(run)
    assert open_run(run).marked.given() == {1: "poisoned"}
    assert open_run(run).is_flagged[1]


def test_broken_marks_are_refused_and_kept(run, scanned, loaded, call):
    (run / outcome.MARKS).write_text("what\n")
    with pytest.raises(DataError, match=r"marks\.jsonl:1: is no JSON"):
        scan(scanned.parent / "data.jsonl", loaded, out=run)
    assert call("threshold", run, "-q").code == 2
    assert (run / outcome.MARKS).read_text() == "what\n"


def test_a_folder_of_rows_that_stay_is_kept_too(tmp_path, loaded, call):
    (tmp_path / "data").mkdir()
    for name, start in (("a", 0), ("b", 30)):
        write_rows(tmp_path / f"data/{name}.jsonl", poisoned_rows()[start : start + 30])
    run = tmp_path / "run"
    scan(tmp_path / "data", loaded, out=run)
    before = {name: (run / "clean" / name).read_bytes() for name in ("a.jsonl", "b.jsonl")}
    assert call("threshold", run, "--labels", marks(tmp_path / "m", poisoned=[1, 31]), "-q").code == 0
    kept = {name: (run / "earlier/001/clean" / name).read_bytes() for name in before}
    assert kept == before
    assert all((run / "clean" / name).read_bytes() != content for name, content in before.items())
