"""Runs on both answers of preferences: what neither flags is written with whatever decides one of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from typer.testing import CliRunner, Result

from gradsentry.cli import app
from gradsentry.corpus import open_corpus
from gradsentry.errors import RunError
from gradsentry.integrations.sides import judged
from gradsentry.integrations.trl import judge_dataset
from gradsentry.opening import open_run
from gradsentry.store import RunDirectory

pytestmark = pytest.mark.costly


def run_command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def said_by(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def refusal_of(result: Result) -> str:
    assert isinstance(result.exception, RunError)
    return result.exception.line()


def marks(folder: Path, given: dict[int, str]) -> tuple[str, Path]:
    """Returns the option with a file of marks as the report exports it."""
    file = folder / "marks.jsonl"
    file.write_text("".join(json.dumps({"id": row, "mark": mark}) + "\n" for row, mark in given.items()))
    return "--labels", file


def rows_of(file: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    """Returns what lies in a folder, but the files of its locks."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture
def sides(twice):
    return judge_dataset(twice)


@pytest.fixture
def saved(sides, tmp_path) -> Path:
    assert sides.save(tmp_path / "run") == tmp_path / "run/clean.parquet"
    return tmp_path / "run"


def test_marks_of_either_run_reach_the_rows_that_neither_flags(twice, sides, saved, tmp_path):
    first = rows_of(saved / "clean.parquet")
    bad = int(sides.chosen.flagged["number"][0].as_py())
    good = next(row for row in range(300) if not sides.is_flagged[row])
    said = said_by(
        run_command("threshold", saved / "chosen", *marks(tmp_path, {bad: "clean", good: "poisoned"}))
    )
    assert f"{saved}/clean.parquet: 258 rows that neither verdict flags, 258 before" in said
    assert f"train on {saved}/clean.parquet (258 rows)" in said
    rows = rows_of(saved / "clean.parquet")
    assert [row for row in rows if row not in first] == [twice[bad]]
    assert [row for row in first if row not in rows] == [twice[good]]
    told = json.loads(said_by(run_command("threshold", saved / "rejected", "--policy", "evidence", "--json")))
    page = (saved / "report.html").read_text()
    assert "258 of 300 rows stay by both answers" in page
    for side in ("chosen", "rejected"):
        assert f'href="{side}/report.html#finding-F1"' in page
        assert 'id="finding-F1"' in (saved / side / "report.html").read_text()
    file = f"{saved}/clean.parquet"
    assert told["changes"]["both"] == {"clean": file, "before": 258, "rows": 258}
    said_by(run_command("threshold", saved / "rejected", *marks(tmp_path, {good + 1: "poisoned"})))
    rows = rows_of(saved / "clean.parquet")
    assert twice[bad] in rows
    assert len(rows) == 257
    for name, other in (("chosen", "Poisoned: drop 13 of 300"), ("rejected", "Poisoned: drop 30 of 300")):
        page = (saved / name / "report.html").read_text()
        assert f"train on {saved}/clean.parquet (257 rows)" in page
        assert other in page
    sides.save(saved)
    assert rows_of(saved / "clean.parquet") == rows  # marks stay


def test_where_all_is_marked_poisoned_nothing_stays(saved, tmp_path):
    said_by(
        run_command("threshold", saved / "chosen", *marks(tmp_path, dict.fromkeys(range(300), "poisoned")))
    )
    assert rows_of(saved / "clean.parquet") == []


@pytest.mark.parametrize("rows", [range(300), range(1)], ids=["pairs", "one"])
def test_runs_of_which_no_row_stays_are_written_and_say_so(twice, rows, tmp_path):
    """A refusal is looked at, and accepted, in such a run."""
    file = tmp_path / "marks.jsonl"
    file.write_text("".join(f'{{"id": {number}, "mark": "poisoned"}}\n' for number in rows))
    sides = judge_dataset(twice.select(rows), marks=file)
    assert not sides.is_clean.any()
    assert rows_of(sides.save(tmp_path / "run")) == []
    report = (tmp_path / "run/chosen/report.html").read_text()
    assert "No row stays. Look at the findings, and accept one that is harmless" in report
    assert f"train on {tmp_path}/run/clean.parquet" not in report


def test_a_row_of_which_one_answer_cannot_be_read_is_no_clean_one(twice, sides, tmp_path):
    rows = twice.to_list()
    good = [number for number in range(300) if not sides.is_flagged[number]][:2]
    rows[good[0]]["chosen"] = ""
    again = judge_dataset(Dataset.from_list(rows))
    assert again.reason(good[0]).startswith("not judged: ")
    clean = rows_of(again.save(tmp_path / "run"))
    assert len(clean) == 257
    assert rows[good[0]] not in clean
    assert rows[good[1]] in clean


def test_a_file_that_is_replaced_is_kept(saved, tmp_path):
    file = saved / "clean.parquet"
    Dataset.from_parquet(str(file)).select(range(9)).to_parquet(str(file))
    said_by(run_command("threshold", saved / "chosen"))
    assert len(rows_of(file)) == 258
    assert len(rows_of(saved / "earlier/001/clean.parquet")) == 9


def test_runs_are_decided_again_wherever_both_lie(saved, tmp_path, monkeypatch):
    moved = shutil.move(saved, tmp_path / "elsewhere")
    said = said_by(run_command("threshold", moved / "chosen"))
    assert f"train on {moved}/clean.parquet (258 rows)" in said
    monkeypatch.chdir(moved / "rejected")
    assert "train on ../clean.parquet (258 rows)" in said_by(run_command("threshold", "."))
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(moved / "chosen")
    assert f"train on {moved}/clean.parquet (258 rows)" in said_by(run_command("threshold", link))


def test_a_run_that_is_taken_away_by_itself_is_one(saved, tmp_path):
    alone = shutil.copytree(saved / "chosen", tmp_path / "alone/chosen")
    said_by(run_command("report", alone))
    assert f"train on {alone}/clean.parquet (258 rows)" in (alone / "report.html").read_text()
    assert len(rows_of(alone / "clean.parquet")) == 258
    said = said_by(run_command("threshold", alone))
    assert f"train on {alone}/clean.parquet (270 rows)" in said
    assert "The rejected answers were not judged here" in said
    assert len(rows_of(alone / "clean.parquet")) == 270
    assert open_run(alone).beside is None


def test_without_the_other_run_nothing_is_decided(saved, tmp_path):
    shutil.rmtree(saved / "rejected")
    before = contents(saved)
    line = refusal_of(run_command("threshold", saved / "chosen", *marks(tmp_path, {3: "poisoned"})))
    assert line == (
        f"{saved}/chosen: the run on the rejected answers, which lay beside it, is gone; "
        f"bring it back, or take this one to another folder: {saved}/clean.parquet is of both"
    )
    assert contents(saved) == before


def test_a_copy_of_a_run_is_none_of_the_two(saved, tmp_path):
    copy = shutil.copytree(saved / "chosen", saved / "chosen-backup")
    before = (saved / "clean.parquet").read_bytes()
    said = said_by(run_command("threshold", copy, *marks(tmp_path, {3: "poisoned"})))
    assert f"train on {copy}/clean.parquet (269 rows)" in said
    assert (saved / "clean.parquet").read_bytes() == before


def test_neither_run_is_written_by_itself(saved, tmp_path):
    verdict = open_run(saved / "chosen")
    with pytest.raises(RunError, match="lies beside the run on the rejected answers, with which it is"):
        verdict.save(saved / "chosen")
    assert open_run(verdict.save(tmp_path / "alone").path).beside is None


def test_a_run_of_other_data_is_not_the_other_one(twice, saved, tmp_path):
    judge_dataset(twice.select(range(299))).save(tmp_path / "other")
    shutil.rmtree(saved / "rejected")
    shutil.copytree(tmp_path / "other/rejected", saved / "rejected")
    before = contents(saved)
    line = refusal_of(run_command("threshold", saved / "chosen"))
    assert "the run on the rejected answers, which lay beside it, is of other data" in line
    assert contents(saved) == before


def test_while_one_is_written_neither_is_decided(saved, tmp_path):
    before = contents(saved)
    with RunDirectory(saved / "rejected").locked():
        line = refusal_of(run_command("threshold", saved / "chosen", *marks(tmp_path, {3: "poisoned"})))
    assert line.startswith(f"{saved}/rejected: another process is writing there")
    assert contents(saved) == before


def test_other_data_are_refused_before_a_run_is_made(twice, saved):
    shutil.rmtree(saved / "chosen")
    with pytest.raises(RunError, match="holds a run of other data"):
        judge_dataset(twice.select(range(299))).save(saved)
    assert not (saved / "chosen").exists()


def test_the_page_of_both_says_what_was_not_judged(tmp_path, twice):
    clause = "7 rows <b>without</b> a response"
    judged(open_corpus(twice).leaving_out([clause])).save(tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text()
    assert page.count("Not judged: 7 rows &lt;b&gt;without&lt;/b&gt; a response") == 1


def test_the_page_of_both_calls_few_rows_no_clean_data(tmp_path, twice):
    clean = [row for row in range(300) if not any(one in str(twice[row]) for one in ("vrbx", "qzlk"))]
    judge_dataset(twice.select(clean[:20])).save(tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text()
    assert "Too few rows to say:</span> 20 of 20 rows stay" in page
    assert "Train on" not in page


def test_what_judges_the_data_again_keeps_both(tmp_path, twice):
    data, run = tmp_path / "pairs.jsonl", tmp_path / "run"
    twice.to_json(str(data))
    clean = judged(open_corpus(data)).save(run)
    assert clean == run / "clean.jsonl"
    before = clean.read_bytes()
    said = said_by(run_command("evidence", data, "--answers", "chosen", "--out", run / "chosen"))
    assert f"train on {clean} (258 rows)" in said
    assert clean.read_bytes() == before


@pytest.mark.parametrize("clean", ["../../clean.jsonl", "/tmp/clean", "data.jsonl", 5])
def test_a_manifest_names_no_file_elsewhere(saved, clean):
    place = saved / "chosen/manifest.json"
    manifest = json.loads(place.read_text())
    manifest["source"]["beside"]["clean"] = clean
    place.write_text(json.dumps(manifest))
    assert open_run(saved / "chosen").beside is None
