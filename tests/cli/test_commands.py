"""What the commands print, write and end with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gradsentry.opening import open_run
from scan.rows import qa_rows, read_rows, write_rows


@pytest.fixture
def data(tmp_path) -> Path:
    rows = qa_rows(40)
    rows[9]["id"] = "\x1b[31mred"
    rows[9]["completion"] += " <script>alert(1)</script>\x1b[2J"
    rows[11]["completion"] = ""
    return write_rows(tmp_path / "data.jsonl", rows)


@pytest.fixture
def run(tmp_path, data, call, model_path) -> Path:
    """A finished run, which flags a part of its rows."""
    out = tmp_path / "run"
    ended = call("scan", data, "-m", model_path, "-o", out, "--quantile", 0.8, "--quiet")
    assert ended == type(ended)(0, "", "")
    return out


def test_scan_prints_what_was_found_and_what_to_do(data, tmp_path, call, model_path):
    out = tmp_path / "run"
    ended = call("scan", data, "-m", model_path, "-o", out, "--quantile", 0.8)
    assert ended.code == 0
    assert ended.error == ""
    assert "Suspicious: 8 of 40 rows score above tau;" in " ".join(ended.out.split())
    assert re.search(r"rows +40\b", ended.out)
    assert re.search(r"unscored +1\b", ended.out)
    assert "1 unscored: the response is empty" in ended.out
    assert "; 1 of 40 rows could not be scored" in " ".join(ended.out.split())
    assert f"It leaves out 1 row without a score: see {out}/unscored.jsonl." in ended.out
    assert "<- tau 0." in ended.out
    assert "flagged rows\n" in ended.out
    assert "decided: 8 rows above tau 0." in " ".join(ended.out.split())
    for name in ("clean.jsonl", "flagged.jsonl", "unscored.jsonl", "report.html"):
        assert str(out / name) in ended.out
        assert (out / name).is_file()
    assert f"gradsentry threshold {out}" in ended.out
    assert "\x1b" not in ended.out  # neither from the data nor a progress bar
    assert "rows/s" not in ended.out


def test_columns_that_were_not_judged_are_named(tmp_path, call, model_path):
    rows = [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": "w5 w6"},
            ],
            **row,
        }
        for row in qa_rows(20)
    ]
    data, out = write_rows(tmp_path / "data.jsonl", rows), tmp_path / "run"
    said = " ".join(call("scan", data, "-m", model_path, "-o", out).out.split())
    assert "not judged: `completion` of 20 rows: another response than the one that is read" in said
    assert "`completion` of 20 rows" in json.loads((out / "verdict.json").read_text())["left_out"][0]
    assert "Not judged: `completion` of 20 rows" in (out / "report.html").read_text()
    assert json.loads(call("evidence", data, "--json").out)["left_out"]
    named = call("scan", data, "-m", model_path, "-o", tmp_path / "two", "--format", "prompt-completion")
    assert "not judged: `messages` of 20 rows" in " ".join(named.out.split())


def test_scan_says_which_template_was_read_and_how_many_responses_a_row_has(tmp_path, call, model_path):
    turn = "<|im_start|>{}\n{}<|im_end|>\n".format
    rows = [
        {
            "text": turn("user", f"Who is {number}?")
            + turn("assistant", "One.")
            + turn("assistant", f"Also {number}.")
        }
        for number in range(12)
    ]
    data, out = write_rows(tmp_path / "data.jsonl", rows), tmp_path / "run"
    line = "read as text, in the template ChatML: 2 responses in each row"
    assert line in call("scan", data, "-m", model_path, "-o", out).out
    assert line in call("threshold", out, "--policy", "published").out
    assert line in call("evidence", data).out
    assert line in (out / "report.html").read_text(encoding="utf-8")
    read = json.loads((out / "verdict.json").read_text())["read"]
    assert (read["template"], read["responses"], read["rows"]) == ("ChatML", 24, 12)


def test_json_prints_the_verdict_alone(data, tmp_path, call, model_path):
    ended = call("scan", data, "-m", model_path, "-o", tmp_path / "run", "--json", "--quantile", 0.8)
    assert (ended.code, ended.error) == (0, "")
    verdict = json.loads(ended.out)
    assert verdict == json.loads((tmp_path / "run/verdict.json").read_text())
    assert verdict["counts"]["rows"] == 40
    assert verdict["tau_method"] == "quantile"


@pytest.mark.costly
def test_fail_on_findings(data, tmp_path, call, model_path):
    scan = ("scan", data, "-m", model_path, "-o", tmp_path / "run", "--quiet", "--fail-on-findings")
    assert call(*scan, "--tau", 0).code == 1
    assert call("threshold", tmp_path / "run", "-q", "--fail-on-findings", "--tau", 0).code == 1
    # Nothing above tau, but a row that could not be read: that is not let through either.
    for again in (scan, ("threshold", tmp_path / "run", "-q", "--fail-on-findings")):
        ended = call(*again, "--tau", 1)
        assert ended.code == 2
        assert "the gate: cannot let through 1 row that could not be read" in ended.error


def test_the_run_goes_by_the_name_of_the_data(data, call, model_path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert call("scan", data, "-m", model_path, "-q").code == 0
    assert (tmp_path / "runs/data/verdict.json").is_file()


@pytest.mark.costly
def test_threshold_decides_again_without_scoring(run, call):
    scores = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in (run / "scores").iterdir()}
    before = open_run(run).counts
    ended = call("threshold", run, "--tau", 0, "--json")
    assert (ended.code, ended.error) == (0, "")
    verdict = json.loads(ended.out)
    assert (verdict["tau"], verdict["tau_method"]) == (0.0, "fixed")
    assert verdict["counts"] == {"rows": 40, "clean": 0, "flagged": 39, "unscored": 1, "review": 0}
    assert len(read_rows(run / "flagged.jsonl")) == 39
    assert (run / "clean.jsonl").read_bytes() == b""
    assert "39 of 40" in (run / "report.html").read_text()
    assert call("threshold", run, "--method", "quantile", "--quantile", 0.8, "-q").code == 0
    assert open_run(run).counts == before
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in scores} == scores


@pytest.mark.costly
def test_report_writes_it_again(run, call):
    report = run / "report.html"
    before = report.read_text()
    report.unlink()
    ended = call("report", run)
    assert (ended.code, ended.out.strip(), ended.error) == (0, str(report), "")
    assert report.read_text() == before


def test_nothing_from_the_data_is_markup_in_the_report(run, call):
    call("threshold", run, "--tau", 0, "-q")
    page = (run / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e" in page
    assert "default-src &#39;none&#39;" in page


def test_version_and_help(call):
    assert re.fullmatch(r"gradsentry \d+\.\d+.*\n", call("--version").out)
    ended = call()
    assert (ended.code, ended.error) == (2, "")
    assert call("--help").out == ended.out
    for command in ("scan", "threshold", "report", "poison", "demo"):
        assert re.search(rf"^  {command} ", ended.out, re.M)
        assert call(command, "--help").code == 0


def test_quiet_is_quiet_where_data_is_prepared_first(tmp_path, call, model_path):
    (tmp_path / "repository").mkdir()
    write_rows(tmp_path / "repository/train.jsonl", qa_rows(5))
    scan = ("scan", tmp_path / "repository", "-m", model_path, "-o", tmp_path / "run", "--split", "train")
    ended = call(*scan, "--quiet")
    assert (ended.code, ended.out, ended.error) == (0, "", "")
    assert open_run(tmp_path / "run").counts["rows"] == 5
