"""What lies among the data and nobody looked into: no gate lets it through, and it is named."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import datasets
import pytest

from cli.command import refused
from cli.standards import SARIF
from variants import crossed

_LOOKED_INTO = "the gate: cannot let through what nobody looked into: "


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
    assert ended.error.startswith(f"gradsentry: {_LOOKED_INTO}{said}")
    assert "gate: passed" not in ended.out
    assert call("evidence", *named).code == 0


@pytest.mark.costly
def test_a_scan_and_its_threshold_have_the_same_gate(hiding, call, model_path):
    given = ("--fail-on", "poisoned", "-q")
    for command in (("scan", "a", "-m", model_path, "--out", "run"), ("threshold", "run")):
        ended = call(*command, *given)
        assert (ended.code, ended.out) == (2, "")
        assert ended.error.startswith(f"gradsentry: {_LOOKED_INTO}more: a run directory")


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
