"""What a CI job gets: an exit code, SARIF with file and line of each row, JUnit, what was judged by what."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pyarrow.json
import pyarrow.parquet
import pytest

from cli.command import refused
from gradsentry.about import VERSION
from variants import crossed


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
    lines = call("evidence", data, *options, *more).out.splitlines()
    assert [one for one in lines if one.startswith("gate")] == ([line] if line else [])
    failed = line is not None and line.endswith("(exit 1)")
    assert any(one.startswith("what to do now: ") for one in lines) == (failed and "--out" not in more)


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


def test_where_there_are_no_lines_rows_go_by_their_places_and_names(data, call):
    pyarrow.parquet.write_table(pyarrow.json.read_json(data), "rows.parquet")
    printed = call("evidence", "rows.parquet").out
    assert "  where   rows.parquet, row 1, row 2, row 4, " in printed
    assert "  rows    r0, r1, r3, " in printed
    assert "  lines " not in printed


def test_a_verdict_says_what_made_it_of_what(data, call):
    assert call("evidence", data, "--out", "run").code == 0
    verdict = json.loads(Path("run/verdict.json").read_text())
    assert verdict["schema_version"] == 1
    assert verdict["tool"] == {"name": "gradsentry", "version": VERSION}
    assert verdict["data_sha256"] == hashlib.sha256(Path(data).read_bytes()).hexdigest()


@pytest.mark.costly
def test_a_run_of_changed_data_says_so(data, call):
    assert call("evidence", data, "--out", "run").code == 0
    assert call("evidence", data, "--out", "run").code == 0
    lines = Path(data).read_text().splitlines(keepends=True)
    Path(data).write_text("".join(lines[1:]))
    assert refused(call("evidence", data, "--out", "run")) == (
        "run: holds a run of other data, of this before a change, or of it read from elsewhere; "
        "name another directory, or remove that one"
    )
    assert "holds a run with other settings" in refused(call("evidence", data, "--limit", 99, "--out", "run"))


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


def test_a_gate_without_any_data_says_so(call, tmp_path):
    empty = tmp_path / "e.jsonl"
    empty.write_text("")
    ended = call("evidence", "--by-format", "--pass-without-data", empty, "--fail-on", "poisoned")
    assert ended.code == 0
    assert "passed, nothing was there to judge" in ended.out
