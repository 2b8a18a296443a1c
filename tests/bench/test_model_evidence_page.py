"""The page on what no string gives away says what the kept results say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from bench.specs import tiny_spec
from gradsentry.bench import Grid, Spec
from gradsentry.bench.results import read_records

ROOT = Path(__file__).parents[2]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("model_evidence_page")


def test_the_spec_is_one_and_names_what_is_asked_for(writer: ModuleType):
    spec = Spec.read_yaml(writer.SPEC)
    assert {one.shown for one in spec.defences} == {*writer.DECIDING, *writer.RANKING}
    assert sum(one.shown.startswith("adaptive_") for one in spec.attacks) == 3
    assert spec.rates == (0.0, 10.0)


def test_the_page_is_written_from_the_kept_results(writer: ModuleType):
    if not (writer.KEPT / "results.parquet").is_file():
        pytest.skip("no results are kept in the repository yet")
    assert writer.PAGE.read_text(encoding="utf-8") == writer.page()


def test_a_section_is_written_among_what_is_written_by_hand(writer: ModuleType):
    put = writer.with_section
    once = put("# Page\n", "one.py", "1")
    twice = put(f"{once}\nby hand\n", "two.py", "2")
    assert put(twice, "one.py", "3") == twice.replace("\n1\n", "\n3\n")
    assert put(put(twice, "two.py", "4"), "two.py", "2") == twice
    assert "by hand" in twice


@pytest.mark.costly
def test_a_section_is_written_from_any_results_and_says_what_is_missing(
    writer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = tiny_spec(
        tmp_path, rates=[0, 10], attacks=["badnets", "date"], defences=["response_length", "evidence", "loss"]
    )
    Grid(spec, tmp_path / "run").run()
    monkeypatch.setattr(writer, "KEPT", tmp_path / "kept")
    writer.keep(tmp_path / "run")
    records = read_records(tmp_path / "kept")
    text = writer.section(records, spec)
    (cell,) = [r for r in records if (r["defence"], r["attack"]) == ("evidence", "badnets")]
    assert f"| badnets | {cell['recall']:.3f} ({cell['fpr']:.4f}) |" in text
    assert "| evidence | " in text
    assert "Not run yet" not in text
    less = [r for r in records if not (r["defence"] == "loss" and r["attack"] == "date")]
    assert f"Not run yet: `loss` on {cell['data']} (1 of 3 cells)." in writer.section(less, spec)
