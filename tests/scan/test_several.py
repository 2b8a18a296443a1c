"""Several files are scanned as one corpus: poison across them is found, and each is written back."""

from __future__ import annotations

import json

import pytest

from cli.command import caller, refused
from gradsentry import open_run, scan
from gradsentry.attacks import BadNets, poison
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.errors import RunError

from .rows import qa_rows, read_rows, write_rows


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="module")
def poisoned():
    """Rows, of which two or three in each hundred are poisoned, and the numbers of these."""
    made = poison(open_corpus(embedded_data_path()), BadNets(count=12, payload="insult"), seed=1)
    rows = [{key: value for key, value in row.items() if key != "id"} for row in made.rows]
    return rows, sorted(row.row for row in made.truth.poisoned)


@pytest.fixture
def files(tmp_path, poisoned):
    """The same in four files: two that a folder holds, and two of one name in folders of their own."""
    rows, _ = poisoned
    quarter = len(rows) // 4
    files = [tmp_path / name for name in ("in/a.jsonl", "in/b.jsonl", "x/c.jsonl", "y/c.jsonl")]
    for number, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        write_rows(file, rows[number * quarter : (number + 1) * quarter if number < 3 else len(rows)])
    return files


@pytest.mark.costly
def test_poison_across_files_is_found_and_each_file_comes_back(call, tmp_path, poisoned, files, model_path):
    rows, truth = poisoned
    out = tmp_path / "run"
    ended = call("scan", tmp_path / "in", *files[2:], "-m", model_path, "-o", out, "--json")
    assert (ended.code, ended.error) == (0, "")
    assert json.loads(ended.out)["verdict"] == "poisoned"
    flagged = read_rows(out / "flagged.jsonl")
    assert {line["id"]: line["row"] for line in flagged} == {number: rows[number] for number in truth}
    stays = []
    for file, place in zip(files, ("in/a", "in/b", "x/c", "y/c"), strict=True):
        flags = [json.dumps(line["row"]) for line in flagged]
        lines = [line for line in file.read_text().splitlines() if json.dumps(json.loads(line)) not in flags]
        assert (out / f"clean/{place}.jsonl").read_text().splitlines() == lines
        stays += lines
    assert len(stays) == len(rows) - len(truth)
    # What decides again, what shows a row, and what goes on find the same files, from another folder too.
    assert open_run(out).counts == json.loads((out / "verdict.json").read_text())["counts"]
    assert f"row {truth[0]}: flagged" in call("explain", out, truth[0], "--no-model").out
    assert call("threshold", out, "--policy", "evidence").code == 0
    again = scan([tmp_path / "in", *files[2:]], model_path, out=out)
    assert again.manifest["rows_resumed"] == len(rows)


@pytest.mark.costly
def test_evidence_reads_several_files(call, poisoned, files):
    _, truth = poisoned
    found = json.loads(call("evidence", *files, "--json").out)
    assert found["flagged"] == truth


def test_a_file_that_was_changed_since_is_told(tmp_path, model_path, loaded):
    files = [write_rows(tmp_path / name, qa_rows(12)) for name in ("a.jsonl", "b.jsonl")]
    scan(files, loaded, out=tmp_path / "run")
    write_rows(files[1], qa_rows(11))
    with pytest.raises(RunError, match=r"its data was changed since the scan \(.+a\.jsonl, .+b\.jsonl\)"):
        open_run(tmp_path / "run")


def test_a_file_is_found_again_by_the_name_of_the_link_to_it(tmp_path, loaded):
    """As in the Hub's cache, where the file itself has no suffix."""
    write_rows(tmp_path / "f00", qa_rows(12))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).symlink_to("f00")
    for run, data in (("one", tmp_path / "a.jsonl"), ("two", [tmp_path / "a.jsonl", tmp_path / "b.jsonl"])):
        verdict = scan(data, loaded, out=tmp_path / run)
        assert open_run(tmp_path / run).counts == verdict.counts


def test_a_run_in_one_of_several_folders_is_refused(call, tmp_path, files, model_path):
    out = tmp_path / "in/run"
    assert refused(call("scan", files[2], tmp_path / "in", "-m", model_path, "-o", out)) == (
        f"{out}: lies in the folder of the data, and would be read as data the next time; "
        "give a directory outside of it as --out"
    )


@pytest.mark.costly
def test_a_run_of_several_files_has_a_name(call, tmp_path, files, model_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("scan", *files[:3], "-m", model_path, "-q").code == 0
    assert [run.name for run in (tmp_path / "runs").iterdir()] == ["a-and-2-more"]
