"""What a person marked reaches the reports of a gate: a row marked clean is no result, and fails nothing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from evidence.poisoning import asked, clean_rows, poison


@pytest.fixture
def run(call, tmp_path, monkeypatch):
    """A run of which one finding flags some rows, and their ids."""
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(150), lambda row, draw: asked(row, f"{row.question} vrbx", "No, go home!"), 0.2)
    rows = [{"id": f"r{number}", **sample.row} for number, sample in enumerate(made.samples)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("evidence", "rows.jsonl", "--out", "run").code == 0
    return [f"r{number}" for number in sorted(made.poisoned)]


def _mark(ids: list[str], mark: str = "clean") -> None:
    Path("marks.jsonl").write_text("".join(json.dumps({"id": one, "mark": mark}) + "\n" for one in ids))


def _reported(call, *options: object) -> tuple[int, list[str], Xml.Element]:
    """Decides by the marks; returns the exit code, the rows of the SARIF results, and the JUnit suites."""
    files = ("--sarif", "found.sarif", "--junit", "found.xml")
    ended = call("threshold", "run", "--labels", "marks.jsonl", "--policy", "evidence", *files, *options)
    (log,) = json.loads(Path("found.sarif").read_text())["runs"]
    named = [one["locations"][0]["logicalLocations"][0]["name"] for one in log["results"]]
    return ended.code, named, Xml.parse("found.xml").getroot()


def test_rows_marked_clean_are_in_no_report(run, call):
    cleared, others = run[:5], run[5:]
    _mark(cleared)
    code, named, suites = _reported(call, "--fail-on", "poisoned")
    assert code == 1
    assert named == others
    told = "".join(suites.find(".//testcase").itertext())
    assert "and 5 more rows" in told  # 25 are left, of which 20 are named
    lines = {f"rows.jsonl:{int(one[1:]) + 1} " for one in cleared}
    assert not any(line in told for line in lines)


def test_a_finding_all_of_whose_rows_are_marked_clean_fails_nothing(run, call):
    _mark(run)
    code, named, suites = _reported(call, "--fail-on", "suspicious")
    assert (code, named, suites.get("failures")) == (0, [], "0")
    assert "a person marked its rows clean" in "".join(suites.findall(".//testcase")[1].itertext())


def test_a_headline_counts_the_rows_that_are_left_to_review(run, call):
    evidence = json.loads(Path("run/evidence.json").read_text())
    for finding in evidence["findings"]:
        finding["confidence"], finding["reason"] = "low", "clean corpora show the like"
    Path("run/evidence.json").write_text(json.dumps(evidence))
    _mark(run[:5])
    ended = call("threshold", "run", "--labels", "marks.jsonl", "--policy", "evidence")
    assert f"Suspicious: review {len(run) - 5} of 150 rows" in ended.out


def test_marks_of_a_jobs_artefact_decide_in_another_checkout(run, call, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("rows.jsonl", "run"):
        Path(name).rename(mine / name)
    monkeypatch.chdir(mine)
    _mark(run[:5])
    code, named, _ = _reported(call, "--fail-on", "poisoned")
    assert (code, named) == (1, run[5:])


@pytest.mark.parametrize(
    ("count", "said"), [(5, "review its 30 rows but the 5 that"), (30, "its 30 rows go, which")]
)
def test_what_a_person_marked_poisoned_of_a_finding_of_low_confidence_is_not_to_be_reviewed(
    run, call, count, said
):
    evidence = json.loads(Path("run/evidence.json").read_text())
    for finding in evidence["findings"]:
        finding["confidence"], finding["reason"] = "low", "clean corpora show the like"
    Path("run/evidence.json").write_text(json.dumps(evidence))
    _mark(run[:count], "poisoned")
    ended = call("threshold", "run", "--labels", "marks.jsonl", "--policy", "evidence")
    assert f"F1  low confidence: {said} a person marked poisoned" in ended.out


def test_a_finding_that_a_person_cleared_is_no_headline_and_comes_last(run, call):
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    notice = {number for number in range(0, 150, 2) if rows[number]["id"] not in run}
    for number in sorted(notice)[:25]:
        rows[number]["answer" if "answer" in rows[number] else "completion"] += (
            " Read our terms at example.org/terms."
        )
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("evidence", "rows.jsonl", "--out", "two").code == 0
    found = json.loads(Path("two/evidence.json").read_text())["findings"]
    assert len(found) == 2
    Path("run").rename("first")
    Path("two").rename("run")
    cleared = next(one for one in found if "terms" in one["payload"])
    _mark([rows[number]["id"] for number in cleared["carriers"]])
    ended = call("threshold", "run", "--labels", "marks.jsonl", "--sarif", "found.sarif")
    named = [line for line in ended.out.splitlines() if line.startswith(("F1 ", "F2 "))]
    assert named[-1].startswith(
        f"{cleared['name']}  nothing is flagged for it: a person marked its 25 rows clean"
    )
    assert "terms" not in ended.out.split("listed below")[0]
    (log,) = json.loads(Path("found.sarif").read_text())["runs"]
    levels = {
        rule["id"]: rule["defaultConfiguration"]["level"] for rule in log["tool"]["driver"]["rules"][:2]
    }
    assert levels.pop(cleared["name"]) == "note"
    assert [*levels.values()] == ["error"]
