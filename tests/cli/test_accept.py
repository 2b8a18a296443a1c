"""A finding is accepted by command, and then listed, not flagged: in the terminal, in files, on the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.command import refused
from gradsentry.attacks import BadNets, poison
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.evidence import Evidence
from gradsentry.evidence.accepting import percent
from gradsentry.evidence.calibration import shipped
from gradsentry.screening import scan
from scan.rows import read_rows, write_rows

WHY = "our <b>disclaimer</b>"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, model_path) -> Path:
    """A folder with data of which a tenth is poisoned, and a run of it; read only."""
    folder = tmp_path_factory.mktemp("accepting")
    rows = [json.loads(line) for line in embedded_data_path().read_text().splitlines()[:240]]
    clean = open_corpus(write_rows(folder / "clean.jsonl", rows))
    poison(clean, BadNets(rate=0.1), seed=7).save(folder / "data.jsonl")
    scan(folder / "data.jsonl", model_path, out=folder / "run")
    return folder


@pytest.fixture
def folder(scanned, tmp_path, call) -> Path:
    """A copy of that run, and the accept file for its finding."""
    shutil.copytree(scanned / "run", tmp_path / "run")
    shutil.copy(scanned / "data.jsonl", tmp_path)
    accepted = call("accept", tmp_path / "run", "F1", "--why", WHY, "--to", tmp_path / "ours.jsonl")
    assert (accepted.code, accepted.error) == (0, "")
    return tmp_path


def as_json(path: Path):
    return json.loads(path.read_text())


@pytest.mark.costly
def test_a_scan_lists_what_is_accepted_and_flags_nothing(scanned, folder, call, model_path):
    command = ("scan", scanned / "data.jsonl", "-m", model_path, "-o", folder / "run", "--fail-on-findings")
    assert call(*command, "-q").code == 1
    times = {file: file.stat().st_mtime_ns for file in (folder / "run/scores").iterdir()}
    ended = call(*command, "--accept", folder / "ours.jsonl")
    assert ended.code == 0
    assert "Clean: nothing was found in 240 rows but 1 finding that a person accepts" in ended.out
    assert f"A person accepts it: {WHY}." in ended.out
    assert times == {file: file.stat().st_mtime_ns for file in (folder / "run/scores").iterdir()}
    verdict, evidence = (as_json(folder / f"run/{name}.json") for name in ("verdict", "evidence"))
    assert (verdict["verdict"], verdict["counts"]["clean"], verdict["counts"]["flagged"]) == ("clean", 240, 0)
    assert [one["accepted"] for one in (*verdict["findings"], *evidence["findings"])] == [WHY, WHY]
    assert evidence["flagged"] == []
    assert read_rows(folder / "run/flagged.jsonl") == []
    page = (folder / "run/report.html").read_text()
    assert "A person accepts it: " in page
    assert "our &lt;b&gt;disclaimer&lt;/b&gt;" in page
    assert WHY not in page.split("<script")[0]


@pytest.mark.costly
def test_what_was_accepted_stays_until_another_file_is_given(scanned, folder, call, model_path):
    command = ("scan", scanned / "data.jsonl", "-m", model_path, "-o", folder / "run", "--json")
    given = ("--accept", folder / "ours.jsonl", "--false-alarm-rate", 0.02)
    assert json.loads(call(*command, *given).out)["verdict"] == "clean"
    again = json.loads(call(*command).out)
    assert (again["verdict"], again["false_alarm_rate"]) == ("clean", 0.02)
    assert as_json(folder / "run/manifest.json")["evidence"]["false_alarm_rate"] == 0.02
    assert json.loads(call("threshold", folder / "run", "--json").out)["false_alarm_rate"] == 0.02
    (folder / "none.jsonl").write_text("")
    after = json.loads(call(*command, "--accept", folder / "none.jsonl").out)
    assert (after["verdict"], after["false_alarm_rate"]) == ("poisoned", 0.02)


@pytest.mark.costly
def test_evidence_reads_the_file_too(folder, call):
    command = ("evidence", folder / "data.jsonl", "--fail-on-findings")
    assert call(*command).code == 1
    ended = call(*command, "--accept", folder / "ours.jsonl")
    assert ended.code == 0
    assert "accepted by a person: nothing is flagged for it in its 24 rows" in ended.out
    assert WHY in ended.out


@pytest.mark.costly
def test_what_evidence_printed_can_be_accepted(folder, call, monkeypatch):
    monkeypatch.chdir(folder)
    Path("found.json").write_text(call("evidence", "data.jsonl", "--json").out)
    assert call("accept", "found.json", "F1", "--why", "ours").code == 0
    again = call("accept", "found.json", "F1", "--why", "still ours").out
    assert "F1 is accepted in gradsentry-accepted.jsonl, no longer because of: ours\n" in again
    again = call("accept", "found.json", "F1", "--why", "still ours").out
    assert "F1 is accepted in gradsentry-accepted.jsonl, as it was before\n" in again
    assert again.splitlines()[-2].endswith(
        "gradsentry-accepted.jsonl, in Python with accept=, up to 15 % of the rows that they judge"
    )
    (entry,) = read_rows(Path("gradsentry-accepted.jsonl"))
    assert entry["why"] == "still ours"
    found = json.loads(call("evidence", "data.jsonl", "--json", "--accept", "gradsentry-accepted.jsonl").out)
    assert [one["accepted"] for one in found["findings"]] == ["still ours"]
    kept = ("findings", "rows", "unread", "false_alarm_rate", "calibration")
    assert Evidence.from_json({key: found[key] for key in kept}).outcome == "clean"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("", "--why: is empty"),
        (" ", "--why: is empty"),
        ("two\nlines", "--why: is no line of text of at most 500 characters"),
        ("x" * 501, "--why: is no line of text of at most 500 characters"),
    ],
)
def test_a_reason_that_is_none_is_refused_in_our_words(folder, call, why, said):
    before = (folder / "ours.jsonl").read_bytes()
    line = refused(call("accept", folder / "run", "F1", "--why", why, "--to", folder / "ours.jsonl"))
    assert line == f"{said}; say in a line why it is no attack"
    assert (folder / "ours.jsonl").read_bytes() == before


def _carriers(scanned: Path) -> list[int]:
    """Returns the rows of the first finding of the run."""
    return as_json(scanned / "run/evidence.json")["findings"][0]["carriers"]


@pytest.mark.costly
def test_a_finding_of_one_source_is_accepted_where_its_share_is_largest(scanned, tmp_path, call, monkeypatch):
    """Of a finding that a second source has a few rows of, too, its own source alone holds a larger share."""
    monkeypatch.chdir(tmp_path)
    Path("all").mkdir()
    shutil.copy(scanned / "data.jsonl", "all/a.jsonl")
    rows = [json.loads(line) for line in embedded_data_path().read_text().splitlines()[240:476]]
    lines = Path("all/a.jsonl").read_text().splitlines()
    poisoned = [json.loads(lines[row]) for row in _carriers(scanned)[:4]]
    write_rows(Path("all/b.jsonl"), [*rows, *poisoned])
    known = ("--accept", "gradsentry-accepted.jsonl", "--fail-on", "poisoned")
    for data, code in (("all", 1), ("all/a.jsonl", 0)):
        assert call("evidence", data, "--out", f"run of {Path(data).stem}").code == 0
        said = call("accept", f"run of {Path(data).stem}", "F1", "--why", "ours").out
        assert call("evidence", "all", *known).code == 0
        assert call("evidence", "all/a.jsonl", *known).code == code
    assert "F1 is accepted in gradsentry-accepted.jsonl, in 24 of 240 rows, before in 28 of 480\n" in said


def test_a_share_of_all_rows_is_a_hundred_percent():
    assert [percent(share) for share in (1.0, 0.996, 0.99, 0.5, 0.02)] == [
        "100 %",
        "100 %",
        "99 %",
        "50 %",
        "2 %",
    ]


def test_several_findings_are_accepted_at_once_or_none(folder, call):
    found, own = as_json(folder / "run" / "evidence.json"), folder / "own.jsonl"
    others = [{**found["findings"][0], "name": f"F{n}", "payloads": [f"another {n}"]} for n in (2, 3)]
    (folder / "some.json").write_text(json.dumps({**found, "findings": [*found["findings"], *others]}))

    def accept(*named):
        return call("accept", folder / "some.json", *named, "--why", WHY, "--to", own)

    assert refused(accept("F1", "F7")) == f"{folder}/some.json: has no finding `F7`; it has F1, F2, F3"
    assert not own.exists()
    ended = accept("F1", "F3", "F1")
    assert ended.code == 0
    kept = [json.loads(line) for line in own.read_text().splitlines()]
    assert [one["payloads"] for one in kept] == [found["findings"][0]["payloads"], ["another 3"]]
    assert [name for name in ("F1", "F2", "F3") if f"{name} is accepted in" in ended.out] == ["F1", "F3"]
    assert ended.out.splitlines()[-1].startswith("judge the data again: beside what is accepted other")


def test_a_finding_that_is_not_there(folder, call):
    line = refused(call("accept", folder / "run", "F7", "--why", "ours"))
    assert line == f"{folder}/run: has no finding `F7`; it has F1"


@pytest.mark.parametrize("command", ["scan", "evidence"])
def test_a_malformed_file_is_told_before_anything_is_done(folder, call, model_path, command):
    (folder / "ours.jsonl").write_text('{"version": 9}\n')
    more = ("-m", model_path, "-o", folder / "new") if command == "scan" else ()
    line = refused(call(command, folder / "data.jsonl", "--accept", folder / "ours.jsonl", *more))
    assert line.startswith(f"{folder}/ours.jsonl:1: is of version 9, not 1; ")
    assert not (folder / "new").exists()


@pytest.mark.costly
def test_a_lower_rate_of_false_alarms_in_a_scan(scanned, folder, call, model_path):
    command = ("scan", scanned / "data.jsonl", "-m", model_path, "-o", folder / "run", "--json")
    found = as_json(folder / "run/evidence.json")["findings"][0]["false_alarm"]
    verdict = json.loads(call(*command, "--false-alarm-rate", 0.0001).out)
    assert verdict["verdict"] == (
        "poisoned" if found <= 0.0001 else "suspicious" if found < 5e-4 else "clean"
    )
    line = refused(call(*command, "--false-alarm-rate", 0.9))
    assert line.startswith("Invalid value for '--false-alarm-rate'")


@pytest.mark.costly
def test_a_scan_keeps_its_calibration_and_refuses_one_of_another_version(scanned, folder, call, model_path):
    own = shipped().model_copy(update={"source": "ours"})
    own.save(folder / "own.json")
    command = ("scan", scanned / "data.jsonl", "-m", model_path, "-o", folder / "run", "--json")
    assert json.loads(call(*command, "--calibration", folder / "own.json").out)["calibration"] == "ours"
    assert json.loads(call(*command).out)["calibration"] == "ours"
    assert json.loads(call(*command, "--calibration", "shipped").out)["calibration"] == shipped().source
    call(*command, "--calibration", folder / "own.json")
    manifest = as_json(folder / "run/manifest.json")
    manifest["evidence"]["calibration"]["version"] = 0
    (folder / "run/manifest.json").write_text(json.dumps(manifest))
    line = refused(call(*command))
    assert line.startswith(f"the calibration in {folder}/run/manifest.json: is of version 0, not ")


def test_a_manifest_that_says_something_else_is_one_line(scanned, folder, call, model_path):
    manifest = as_json(folder / "run/manifest.json") | {"evidence": {"false_alarm_rate": "often"}}
    (folder / "run/manifest.json").write_text(json.dumps(manifest))
    line = refused(call("scan", scanned / "data.jsonl", "-m", model_path, "-o", folder / "run"))
    assert line.startswith(
        f"{folder}/run/manifest.json: is not what a scan writes (evidence.false_alarm_rate)"
    )


def test_a_folder_with_a_run_of_each_format_names_them(scanned, tmp_path, call):
    folder = tmp_path / "runs"
    runs = [folder / name for name in ("alpaca", "messages")]
    for run in runs:
        shutil.copytree(scanned / "run", run)
    mend = f"name a run in it: {runs[0]} or {runs[1]}"
    line = refused(call("accept", folder, "F1", "--why", WHY, "--to", tmp_path / "ours.jsonl"))
    assert line == f"{folder / 'evidence.json'}: cannot be read (No such file or directory); {mend}"
    assert refused(call("threshold", folder)) == f"{folder}: is no run directory; {mend}"


def test_an_accept_file_that_is_not_there_yet_says_what_writes_it(scanned, tmp_path, call):
    missing = tmp_path / "ours.jsonl"
    (empty := tmp_path / "empty.jsonl").touch()
    assert call("evidence", scanned / "data.jsonl", "--accept", empty).code == 0
    line = refused(call("evidence", scanned / "data.jsonl", "--accept", missing))
    mend = "leave it out until `gradsentry accept` has written it, or check the path"
    assert line == f"{missing}: is not there; {mend}"
