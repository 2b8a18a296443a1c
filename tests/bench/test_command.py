"""`gradsentry bench` as a user types it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from bench.specs import FLOORS, tiny_spec
from gradsentry import cli


def bench(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Returns the exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["gradsentry", "bench", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def written(folder: Path, **changes: object) -> str:
    file = folder / "spec.yaml"
    file.write_text(yaml.safe_dump(tiny_spec(folder, **changes).model_dump(mode="json")))
    return str(file)


def test_it_says_what_was_done_and_where_the_tables_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert bench(monkeypatch, written(tmp_path, rates=[10]), "--out", str(out), "--limit", "20") == 0
    printed = capsys.readouterr().out
    assert "3 of 3 cells are done, 3 by this run" in printed
    assert f"tables   {out / 'tables.md'}" in printed
    assert yaml.safe_load((out / "spec.lock.yaml").read_text())["rows"] == 20


def test_failed_cells_are_listed_and_may_fail_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    gone = [{"name": "gone", "source": str(tmp_path / "gone.jsonl")}]
    spec = written(tmp_path, rates=[10], data=gone, defences=FLOORS)
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 0
    assert "failed: 1 cells of loss on gone: DataError:" in capsys.readouterr().out
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out"), "--fail-on-error") == 3


def test_a_wrong_spec_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "spec.yaml"
    file.write_text("data: [webqa]\nattacks: [magic]\n")
    assert bench(monkeypatch, str(file), "--out", str(tmp_path / "out")) == 2
    assert "no attack is named 'magic'" in capsys.readouterr().err.strip()
