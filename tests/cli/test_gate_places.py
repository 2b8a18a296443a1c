"""Where a report may be written, and what becomes of one that lies there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.command import refused


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
