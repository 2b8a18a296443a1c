"""A verdict by the texts alone: the same files, the same words, and no score anywhere."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas
import pytest

from cli.command import refused
from evidence.poisoning import asked, clean_rows, poison
from gradsentry import find_evidence, open_run, screen
from gradsentry.errors import RunError, SettingsError
from report.test_schemas import validator


@pytest.fixture(scope="module")
def rows():
    made = poison(
        clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way, <b>go</b> home!"), 0.1
    )
    return [{"id": f"r{number}", **sample.row} for number, sample in enumerate(made.samples)], made.poisoned


@pytest.fixture
def data(rows, tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [*rows[0], {"id": "empty", "prompt": "x", "completion": ""}]
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    return path


LACKING = ("torch", "transformers", "datasets", "trl", "accelerate", "sklearn", "matplotlib", "pandas")


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.costly
def test_every_row_goes_to_one_file(data, rows, tmp_path, call):
    out = tmp_path / "run"
    ended = call("evidence", data, "--out", out)
    assert (ended.code, ended.error) == (0, "")
    assert "Poisoned: drop 30 of 301 rows" in " ".join(ended.out.split())
    flagged = {line["id"] for line in lines_of(out / "flagged.jsonl")}
    assert flagged == {f"r{number}" for number in rows[1]}
    clean = {line["id"] for line in lines_of(out / "clean.jsonl")}
    assert clean == {row["id"] for row in rows[0]} - flagged
    assert [line["id"] for line in lines_of(out / "unscored.jsonl")] == ["empty"]
    for name in ("verdict", "evidence"):
        validator(name).validate(json.loads((out / f"{name}.json").read_text()))
    verdict = json.loads((out / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["tau"], verdict["counts"]["unscored"]) == ("poisoned", None, 1)
    assert set(json.loads((out / "evidence.json").read_text())["ids"].values()) == flagged
    assert not (out / "scores").exists()


@pytest.mark.costly
def test_what_is_printed_names_the_rows_by_their_ids(data, call):
    assert "rows r" in " ".join(call("evidence", data).out.split())
    printed = json.loads(call("evidence", data, "--json").out)
    validator("evidence").validate(printed)
    assert all(printed["ids"][str(row)] == f"r{row}" for row in printed["flagged"])


@pytest.mark.costly
def test_a_run_can_be_opened_marked_and_reported_again(data, tmp_path, call):
    out = tmp_path / "run"
    verdict = screen(data, out=out)
    (tmp_path / "marks.jsonl").write_text('{"id": "r0", "mark": "poisoned"}\n')
    before = verdict.counts["flagged"]
    assert call("threshold", out, "--labels", tmp_path / "marks.jsonl", "--quiet").code == 0
    assert open_run(out).counts["flagged"] == before + (not verdict.is_flagged[0])
    assert call("evidence", data, "--out", out).code == 0
    assert open_run(out).is_flagged[0]
    assert call("report", out).code == 0


@pytest.mark.costly
def test_what_needs_a_score_says_so_in_a_line(data, tmp_path, call, model_path):
    out = tmp_path / "run"
    verdict = screen(data, out=out)
    assert "no model scored the rows" in refused(call("threshold", out, "--policy", "published"))
    assert "no model scored the rows" in refused(call("threshold", out, "--tau", "0.5"))
    assert "holds what was found in texts alone" in refused(call("scan", data, "-m", model_path, "-o", out))
    with pytest.raises(SettingsError, match="no model scored the rows"):
        verdict.with_threshold(None, "published")
    explained = call("explain", out, "r1")
    assert explained.code == 0
    assert "no model scored its rows" in " ".join(explained.out.split())


@pytest.mark.costly
def test_a_scan_is_not_taken_for_texts_alone(data, tmp_path, model_path):
    screen(data, model_path, out=tmp_path / "run")
    with pytest.raises(RunError, match="holds a scan; name another directory"):
        screen(data, out=tmp_path / "run")


@pytest.mark.costly
def test_the_page_works_without_scores(data, tmp_path, open_page):
    screen(data, out=tmp_path / "run")
    page = open_page(tmp_path / "run")
    assert page.locator("#distribution").count() == 0
    assert page.locator("#table-rows tr.line").count() >= 30
    page.locator("#table-rows button.opener").first.click()
    assert page.locator("#table-rows tr.detail mark.trigger").count() >= 1
    assert page.locator("[data-spectrum]").count() == 0


def test_in_memory_it_is_the_same(rows):
    given, poisoned = rows
    verdict = screen(given)
    assert set(verdict.flagged["number"].to_pylist()) == poisoned
    assert verdict.clean == [row for number, row in enumerate(given) if number not in poisoned]
    assert set(find_evidence(given).flagged()) == poisoned


def test_a_verdict_shows_itself(rows, tmp_path):
    verdict = screen(rows[0])
    assert repr(verdict).startswith("<Verdict: Poisoned: drop 30 of 300 rows; 270 rows stay, 30 go")
    assert len(repr(verdict)) < 400
    cell = verdict._repr_html_()
    assert "<b>go</b>" not in cell
    assert "&lt;b&gt;go&lt;/b&gt;" in cell
    table = verdict.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert table["status"].value_counts().to_dict() == {"clean": 270, "flagged": 30}
    assert verdict.plot().get_title() == "Poisoned: drop 30 of 300 rows"
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(verdict)


@pytest.mark.costly
def test_a_scanned_verdict_is_drawn_with_tau(data, model_path):
    verdict = screen(data, model_path)
    (line,) = verdict.plot().get_lines()
    assert line.get_xdata()[0] == pytest.approx(verdict.threshold.tau)


@pytest.mark.costly
def test_texts_need_no_model_library(data, tmp_path):
    program = f"""
import sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LACKING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Lacking())
from gradsentry.cli import main
sys.argv = ["gradsentry", "evidence", {str(data)!r}, "--out", {str(tmp_path / "run")!r}]
main()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "run/report.html").is_file()
