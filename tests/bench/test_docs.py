"""The page on the benchmark says what the kept results say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from bench.specs import tiny_spec
from gradsentry.bench import Grid
from gradsentry.bench.results import read_points, read_records
from gradsentry.bench.tables import number, rate_table, summary_table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("benchmark_page")


@pytest.fixture
def page(writer: ModuleType) -> ModuleType:
    if not (writer.KEPT / "results.parquet").is_file():
        pytest.skip("no results of benchmarks/reduced.yaml are kept in the repository yet")
    return writer


def test_a_page_is_written_from_any_results(
    writer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rates = [0, 1, 10, 50, 90]
    Grid(tiny_spec(tmp_path, rates=rates, ablations={"k": [4], "crop": [1]}), tmp_path / "run").run()
    monkeypatch.setattr(writer, "KEPT", tmp_path / "kept")
    writer.keep(tmp_path / "run")
    text = writer.page()
    grid = [record for record in read_records(tmp_path / "kept") if record["study"] == "grid"]
    assert summary_table(grid, 10.0) in text
    assert "GradSentry's recall from 1 to 90 % is at least 0.99 in" in text
    assert "What has not been run" in text
    points = read_points(tmp_path / "kept")
    writer.keep(tmp_path / "run")  # the same cells again take the place of those
    assert (writer.page(), read_points(tmp_path / "kept")) == (text, points)
    assert str(tmp_path) not in text.replace(str(tmp_path / "model"), "")


def test_the_page_is_written_from_the_kept_results(page: ModuleType):
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), (
        "run `python benchmarks/benchmark_page.py write`"
    )


def test_its_tables_are_those_of_the_results(page: ModuleType):
    text = page.PAGE.read_text(encoding="utf-8")
    grid = [record for record in read_records(page.KEPT) if record["study"] == "grid"]
    for data in {record["data"] for record in grid}:
        here = [record for record in grid if record["data"] == data]
        for table in (summary_table(here, 10.0), rate_table(here, "recall"), rate_table(here, "fpr")):
            assert table in text


def test_the_section_on_evidence_holds_every_cell_of_its_results(page: ModuleType):
    if not (page.KEPT_EVIDENCE / "results.parquet").is_file():
        pytest.skip("no results of benchmarks/evidence.yaml are kept in the repository yet")
    text = page.PAGE.read_text(encoding="utf-8").partition("## Evidence on more attacks")[2]
    records = [r for r in read_records(page.KEPT_EVIDENCE) if r["defence"] == "evidence"]
    assert {r["status"] for r in records} == {"done"}
    for record in records:
        if record["attack"] == "none":
            assert f"| {record['data']} | {record['rows']} | {record['flagged']} |" in text
        else:
            line = text.partition(f"| {record['data']} | {record['attack']} |")[2].partition("\n")[0]
            assert number(record["recall"]) in line


def test_every_plot_it_shows_is_there(page: ModuleType):
    for name in page.PLOTS:
        assert (page.KEPT / f"{name}.png").is_file()
