"""The benchmark of speed runs from end to end on a few rows, and its page says what is kept of it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from models.saved import save_llama

ROOT = Path(__file__).parents[1]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("speed_page")


@pytest.mark.slow
def test_the_smoke_run(tmp_path: Path, page: ModuleType):
    kept = tmp_path / "speed.json"
    model = save_llama(tmp_path / "model")  # the embedded one takes five times as long
    command = [sys.executable, str(ROOT / "benchmarks" / "speed.py"), "--smoke", "--json", str(kept)]
    command += ["--model", str(model)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    results = json.loads(kept.read_text(encoding="utf-8"))
    ways = results["ways"]["embedded"]
    assert ways["rows"] == 8
    assert all(figures["rows_per_second"] > 0 for figures in ways["table"].values())
    assert sum(ways["phases"].values()) == pytest.approx(1.0, abs=1e-3)
    assert {"forward", "head", "spectrum", "tokenise", "write"} < set(ways["phases"])
    assert "embedded: 8 rows" in printed
    for part in ("rows", "head", "thresholds", "startup"):
        assert results[part]
    shares = results["profile"]["embedded"]
    assert sum(shares[name] for name in ("products", "attention", "other")) == pytest.approx(1.0, abs=0.01)
    assert shares["products"] > 0
    assert shares["rate"] > 0
    text = page.page(results)
    assert f"| {ways['a/c']:.2f} | {ways['c/b']:.2f} |" in text
    wanted = page.targets(results)
    assert (
        f"| seconds until `gradsentry --help` answers | at most 0.3 | {results['startup']['help']:.2f} |"
        in wanted
    )


@pytest.mark.slow
def test_the_benchmark_of_a_gpu_runs_without_one(tmp_path: Path):
    kept = tmp_path / "gpu.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--smoke", "--json", str(kept)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(kept.read_text(encoding="utf-8"))["vocabularies"]
    assert [*found] == ["2000", "4000"]
    for kinds in found.values():
        assert {name: one["tokens"] > 30 for name, one in kinds.items()} == {"embedded": True, "long": True}
        for one in kinds.values():
            assert [*one["table"]] == ["a reference", "b forward", "c gradsentry"]
            assert all(figures["ms_per_row"] > 0 for figures in one["table"].values())
            assert sum(one["phases"].values()) == pytest.approx(1.0, abs=1e-3)
            assert one["phases"]["forward"] > 0
    assert printed.count("ms/row") == 2 * 2 * 3


def test_the_page_is_written_from_the_kept_results(page: ModuleType):
    if not page.KEPT.is_file():
        pytest.skip("no results of `make bench-speed` are kept in the repository yet")
    results = json.loads(page.KEPT.read_text(encoding="utf-8"))
    assert page.PAGE.read_text(encoding="utf-8") == page.page(results), (
        "run `python benchmarks/speed_page.py`"
    )
    assert page.targets(results) in page.TARGETS.read_text(encoding="utf-8")


def test_what_is_not_reached_is_said(page: ModuleType):
    ways = {"nq": {"a/c": 2.4, "c/b": 1.15, "phases": {"forward": 0.8}}}
    assert page.targets({"ways": ways}).splitlines()[-3:] == [
        "| nq, a/c | at least 2.5 | 2.40 | **missed** |",
        "| nq, c/b | at most 1.15 | 1.15 |  |",
        "| nq, all but forward | at most 0.15 | 0.20 | **missed** |",
    ]
