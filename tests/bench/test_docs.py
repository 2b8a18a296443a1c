"""The page on the benchmark says what the kept results say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from bench.specs import tiny_spec, write_data
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


@pytest.mark.slow
def test_a_page_is_written_from_any_results(
    writer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "more").mkdir()
    changes = {
        "data": [{"name": "words", "source": write_data(tmp_path / "more", 60)}],
        "rows": 60,
        "rates": [0, 1, 10, 90],
        "ablations": {"k": [4], "crop": [1]},
    }
    Grid(tiny_spec(tmp_path, **changes), tmp_path / "run").run()
    monkeypatch.setattr(writer, "KEPT", tmp_path / "kept")
    writer.keep(tmp_path / "run")
    pages = writer.pages()
    grid = [record for record in read_records(tmp_path / "kept") if record["study"] == "grid"]
    (data,) = {record["data"] for record in grid}
    assert summary_table(grid, 10.0) in pages[writer.PARTS / f"{data}.md"]
    overview = pages[writer.PAGE]
    assert "GradSentry's score has a recall of at least 0.99 from 1 to 90 % in" in overview
    assert "What has not been run" in overview
    assert f"[{data}](benchmark/{data}.md)" in overview
    points = read_points(tmp_path / "kept")
    writer.keep(tmp_path / "run")  # the same cells again take the place of those
    assert (writer.pages(), read_points(tmp_path / "kept")) == (pages, points)
    text = "".join(pages.values())
    assert str(tmp_path) not in text.replace(str(tmp_path / "model"), "")


def test_the_pages_are_written_from_the_kept_results(page: ModuleType):
    said = "run `python benchmarks/benchmark_page.py write`"
    written = page.pages()
    assert {page.PAGE, *page.PARTS.glob("*.md")} == {*written}, said
    for place, text in written.items():
        assert place.read_text(encoding="utf-8") == text, said
    assert page.HOW.read_text(encoding="utf-8") == page.how_it_works(), said


def test_what_is_read_first_is_short(page: ModuleType):
    assert page.PAGE.stat().st_size < 15_000
    assert max(place.stat().st_size for place in page.PARTS.glob("*.md")) < 30_000


def test_the_tables_are_those_of_the_results(page: ModuleType):
    grid = [record for record in read_records(page.KEPT) if record["study"] == "grid"]
    for data in {record["data"] for record in grid}:
        here = [record for record in grid if record["data"] == data]
        text = (page.PARTS / f"{data}.md").read_text(encoding="utf-8")
        for table in (summary_table(here, 10.0), rate_table(here, "recall"), rate_table(here, "fpr")):
            assert table in text


def test_means_are_of_the_attacks_that_were_run(page: ModuleType):
    grid = [record for record in read_records(page.KEPT) if record["study"] == "grid"]
    ours = [r for r in grid if (r["data"], r["defence"], r["rate"]) == ("gsm8k", "evidence", 10.0)]
    mean = sum(r["recall"] for r in ours) / len(ours)
    line = page.PAGE.read_text(encoding="utf-8").partition("| [gsm8k]")[2].partition("\n")[0]
    assert f"| {number(mean, 2)} / " in line
    assert f"| {len(ours)} |" in line


def test_the_page_on_evidence_holds_every_cell_of_its_results(page: ModuleType):
    if not (page.KEPT_EVIDENCE / "results.parquet").is_file():
        pytest.skip("no results of benchmarks/evidence.yaml are kept in the repository yet")
    text = (page.PARTS / "evidence.md").read_text(encoding="utf-8")
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
