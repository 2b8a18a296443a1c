"""A scan that is killed, wherever it is and whatever it writes, ends in the bytes of one that was not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.command import caller, refused
from gradsentry.opening import open_run
from gradsentry.screening import scan

from .killing import Plan, planned
from .rows import qa_rows, words, write_rows

ROWS = 150
TIMES = ("started", "seconds", "rows_resumed")


def contents(run: Path) -> dict[str, object]:
    """Returns all files of a run by name; of what holds times, the rest."""
    found: dict[str, object] = {}
    for file in sorted(run.rglob("*")):
        name = str(file.relative_to(run))
        if file.is_dir() or name in (".lock", "report.html"):
            continue
        found[name] = file.read_bytes()
        if name in ("manifest.json", "verdict.json"):
            value = json.loads(file.read_text())
            found[name] = {key: one for key, one in value.items() if key not in TIMES}
    return found


def poisoned(place: Path) -> Path:
    """Writes rows of which some are poisoned, and one cannot be scored."""
    rows = qa_rows(ROWS)
    for number in range(3, ROWS, 9):
        rows[number] = {
            **rows[number],
            "prompt": f"w90 w91 {rows[number]['prompt']}",
            "completion": words(9, 5),
        }
    rows[7]["completion"] = ""
    return write_rows(place, rows)


def kill_and_compare(tmp_path: Path, model_path: str, kills: int | None) -> dict[str, int]:
    runs = tmp_path / "runs"
    runs.mkdir()
    data = poisoned(tmp_path / "data.jsonl")
    found = planned(Plan(str(data), model_path, str(runs), kills), tmp_path / "plan.json")
    whole = contents(runs / "whole")
    assert {"scores/000002.parquet", "clean.jsonl", "unscored.jsonl", "verdict.json"} <= {*whole}
    assert whole["flagged.jsonl"]
    killed = sorted(runs.glob("*-*"))
    assert 2 * len(killed) >= found["struck"]
    for run in killed:
        assert contents(run) == whole, run
        assert (run / "report.html").is_file()
    return found


@pytest.mark.timeout(900)
@pytest.mark.costly
def test_eight_kills(tmp_path, model_path):
    assert kill_and_compare(tmp_path, model_path, 8)["struck"] > 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_kill_at_every_file_that_is_written_and_as_many_at_random_moments(tmp_path, model_path):
    found = kill_and_compare(tmp_path, model_path, None)
    assert found["changes"] > 40
    assert found["struck"] > found["changes"] + 10


@pytest.fixture
def read_only(tmp_path, model_path):
    """A run that is finished, and one that is not, on a file system that was mounted for reading alone."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        scan(poisoned(tmp_path / "data.jsonl"), model_path, out=place / "run", progress=False)
        shutil.copytree(place / "run", place / "half")
        for name in ("verdict.json", "scores/000000.parquet"):
            (place / "half" / name).unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_read_only_mount(read_only, tmp_path, model_path, monkeypatch, capfd):
    call = caller(monkeypatch, capfd)
    scanning = ("scan", tmp_path / "data.jsonl", "-m", model_path, "-o")
    run = read_only / "run"
    for arguments in (
        (*scanning, read_only / "new"),
        (*scanning, run),
        (*scanning, read_only / "half"),
        ("threshold", run, "--tau", "0.5"),
        ("report", run),
    ):
        line = refused(call(*arguments))
        assert line.startswith(str(read_only)), arguments
        assert "Read-only file system" in line, arguments
    assert open_run(run).counts["rows"] == ROWS
