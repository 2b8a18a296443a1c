"""A scan that is killed, wherever it is and whatever it writes, ends in the bytes of one that was not."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cli.command import caller, refused
from gradsentry.opening import open_run
from gradsentry.scorefiles import SHARD_ROWS
from gradsentry.screening import scan

from .clusters import ray_cluster
from .killing import Plan, planned
from .rows import qa_rows, words, write_rows

ROWS = 150
KILLS = 20
"""How many kills strike a scan with two workers, of each engine; docs/scale.md says it."""
IN_CI = 5
"""With those of the tests of interruptions and engines, eight in CI."""
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


def poisoned(place: Path, count: int = ROWS) -> Path:
    """Writes rows of which some are poisoned, and one cannot be scored."""
    rows = qa_rows(count)
    for number in range(3, count, 9):
        rows[number] = {
            **rows[number],
            "prompt": f"w90 w91 {rows[number]['prompt']}",
            "completion": words(9, 5),
        }
    rows[7]["completion"] = ""
    return write_rows(place, rows)


def kill_and_compare(plan: Plan, place: Path, **environment: str) -> dict[str, int]:
    """Does what a plan says, and compares the bytes of its runs with those of one that nothing killed."""
    runs = Path(plan.runs)
    runs.mkdir()
    found = planned(plan, place, **environment)
    whole = contents(runs / "whole")
    assert {"clean.jsonl", "unscored.jsonl", "verdict.json"} <= {*whole}
    assert whole["flagged.jsonl"]
    killed = sorted(runs.glob("at-*"))
    assert 2 * len(killed) > found["struck"]
    for run in killed:
        assert contents(run) == whole, run
        assert (run / "report.html").is_file()
    return found


@pytest.fixture
def plan(tmp_path, model_path) -> Plan:
    return Plan(str(poisoned(tmp_path / "data.jsonl")), model_path, str(tmp_path / "runs"), None)


@pytest.mark.timeout(900)
@pytest.mark.costly
def test_a_few_kills(plan, tmp_path):
    assert kill_and_compare(replace(plan, kills=IN_CI), tmp_path / "plan.json")["struck"] >= IN_CI


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_kill_at_every_file_that_is_written_and_as_many_at_random_moments(plan, tmp_path):
    found = kill_and_compare(plan, tmp_path / "plan.json")
    assert found["changes"] > 40
    assert found["struck"] > found["changes"] + 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_scan_with_two_processes_is_killed_and_they_end_with_it(plan, tmp_path):
    plan = replace(plan, kills=KILLS, workers=2)
    assert kill_and_compare(plan, tmp_path / "plan.json")["struck"] >= KILLS


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_driver_of_a_cluster_is_killed_and_its_actors_end_with_it(plan, tmp_path):
    """At the sizes of real runs, for the workers of a cluster know of no others; two shards."""
    poisoned(Path(plan.data), SHARD_ROWS + 100)
    with ray_cluster(2) as cluster:
        plan = replace(plan, kills=KILLS, engine="ray", workers=2, cluster=cluster.session)
        found = kill_and_compare(plan, tmp_path / "plan.json", RAY_ADDRESS=cluster.address)
        # Ray keeps a few processes for the next driver, and none for each that was killed.
        assert len(cluster.workers()) < KILLS // 2, cluster.workers()
    assert found["struck"] >= KILLS


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


@pytest.mark.costly
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
