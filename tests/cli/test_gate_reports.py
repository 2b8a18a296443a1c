"""What a CI job reads: SARIF with file and line of each row, and JUnit that fails where the gate does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from cli.standards import SARIF
from gradsentry import screen
from gradsentry.deciding.gate import Asked, Judged
from gradsentry.integrations.junit import junit
from gradsentry.integrations.sarif import sarif


@pytest.mark.costly
def test_sarif_names_file_and_line_of_each_flagged_row(data, rows, call):
    assert call("evidence", data, "--sarif", "found.sarif").code == 0
    log = json.loads(Path("found.sarif").read_text())
    SARIF.validate(log)
    (run,) = log["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"some%20rows.jsonl"}
    assert {place["region"]["startLine"] for place in places} == {number + 1 for number in rows[1]}
    for result in run["results"]:
        name = result["locations"][0]["logicalLocations"][0]["name"]
        assert result["message"]["text"].startswith(f"row {name}: F1: ")
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    with pytest.raises(Exception, match="'bad' is not one of"):
        SARIF.validate(log | {"runs": [run | {"results": [run["results"][0] | {"level": "bad"}]}]})


def test_a_number_of_a_row_is_not_told_beside_its_line_which_is_another(data, call):
    file = Path(data)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**row, "id": None}) + "\n" for row in rows))
    assert call("evidence", data, "--sarif", "found.sarif").code == 0
    results = json.loads(Path("found.sarif").read_text())["runs"][0]["results"]
    assert {result["message"]["text"].split(":")[0] for result in results} == {"F1"}


def test_a_row_is_the_same_result_where_another_one_comes_before_it(data, call):
    def marks() -> list[str]:
        assert call("evidence", data, "--sarif", "found.sarif").code == 0
        results = json.loads(Path("found.sarif").read_text())["runs"][0]["results"]
        return [result["partialFingerprints"]["row/v2"] for result in results]

    file, before = Path(data), marks()
    assert len(set(before)) == len(before)
    other = {"prompt": "What is the tallest hill of the county?", "completion": "It has none.", "id": None}
    file.write_text(json.dumps(other) + "\n" + file.read_text())
    assert marks() == before


def test_rows_in_memory_have_no_file(rows):
    verdict = screen(rows[0])
    log = sarif([verdict], Judged.of(verdict))
    SARIF.validate(log)
    assert all("physicalLocation" not in result["locations"][0] for result in log["runs"][0]["results"])


@pytest.mark.costly
@pytest.mark.parametrize(
    ("options", "failures"),
    [
        ((), 0),
        (("--fail-on", "poisoned"), 2),
        (("--max-flagged", 29), 2),
        (("--max-flagged", 30), 0),
        (("--accept", "known.jsonl", "--fail-on", "suspicious"), 0),
    ],
)
def test_junit_fails_where_the_gate_does(data, call, options, failures):
    assert call("evidence", data, "--json").code == 0
    if "--accept" in options:
        assert call("evidence", data, "--out", "run").code == 0
        assert call("accept", "run", "F1", "--why", "ours", "--to", "known.jsonl").code == 0
    ended = call("evidence", data, *options, "--junit", "found.xml")
    assert ended.code == (1 if failures else 0)
    suites = Xml.parse("found.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", str(failures))
    assert len(suites.findall(".//testcase/failure")) == failures
    told = "".join(suites.find(".//testcase").itertext())
    if "--accept" not in options:
        assert told.count("some rows.jsonl:") == 20
        assert told.endswith("and 10 more rows, which --sarif and --out list")
    if options == ("--max-flagged", 29):
        assert "30 rows are flagged, more than --max-flagged 29" in suites.find(".//failure").get("message")


def test_junit_of_rows_that_could_not_be_read_is_an_error(clean, call):
    with clean.open("a") as stream:
        stream.write(json.dumps({"prompt": "without an answer"}) + "\n")
    xml = clean.with_name("found.xml")
    assert call("evidence", clean, "--fail-on", "poisoned", "--junit", xml).code == 2
    suites = Xml.parse(xml).getroot()
    assert [suites.get(key) for key in ("tests", "failures", "errors")] == ["1", "0", "1"]


def test_a_low_finding_fails_no_gate_that_asks_for_poison(data):
    verdict = screen(data)
    low = tuple(replace(one, confidence="low") for one in verdict.evidence.findings)
    verdict = replace(verdict, evidence=replace(verdict.evidence, findings=low))
    assert verdict.outcome == "suspicious"
    for fail_on, failures in (("poisoned", "0"), ("suspicious", "2")):
        assert (
            Xml.fromstring(junit([verdict], Judged.of(verdict), Asked(fail_on))).get("failures") == failures
        )
