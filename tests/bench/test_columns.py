"""The page of the columns is that of the files that a benchmark writes, and what it says is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.specs import tiny_spec
from gradsentry.bench import Grid
from gradsentry.bench.columns import INTERVALS, POINT_COLUMNS, TEXT_COLUMNS, page, results_columns
from gradsentry.bench.pools import load_rows
from gradsentry.bench.results import read_points, read_records

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    spec = tiny_spec(folder, rows=20, bootstrap=5)
    Grid(spec, folder / "out").run()
    return spec, folder / "out"


def test_the_page_is_current():
    said = "run `python -m gradsentry.bench.columns > docs/results.md`"
    assert (Path(__file__).parents[2] / "docs/results.md").read_text(encoding="utf-8") == page(), said


def test_every_column_of_the_files_is_on_the_page(run):
    _, out = run
    assert pq.read_schema(out / "results.parquet").names == list(results_columns())
    assert pq.read_schema(out / "points.parquet").names == list(POINT_COLUMNS)
    assert pq.read_schema(out / "texts.parquet").names == list(TEXT_COLUMNS)
    assert INTERVALS in (out / "tables.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}" in page() for path in out.iterdir() if not path.name.startswith("."))


def test_the_page_makes_the_tables_again(run, tmp_path, monkeypatch):
    folder = run[1].parent
    spec = tiny_spec(folder, rows=20, bootstrap=0, seeds=[0, 1], rates=[0, 10, 50])
    Grid(spec, tmp_path / "runs/own", cache=run[1] / "features").run()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(page().partition("## tables.md")[2].partition("```python\n")[2].partition("```")[0], names)
    table, records = names["means"], read_records(tmp_path / "runs/own")
    assert len(names["cells"]) == len(records) == 3 * 3 * 2
    assert len(table) == 3 * 3
    for (data, attack, defence, rate), made in table.iterrows():
        seeds = [
            r
            for r in records
            if (r["data"], r["attack"], r["defence"], r["rate"]) == (data, attack, defence, rate)
        ]
        for metric in ("recall", "fpr", "auroc"):
            np.testing.assert_allclose(made[metric], np.mean([r[metric] for r in seeds]), rtol=1e-12)


def test_what_is_said_of_rows_and_flags_is_so(run):
    spec, out = run
    cells = {(one["attack"], one["rate"], one["defence"]): one for one in read_records(out)}
    of_defence: dict[str, list[dict[str, object]]] = {}
    for point in read_points(out, spec.plot_rate):
        of_defence.setdefault(point["defence"], []).append(point)
    assert set(of_defence) == {one.shown for one in spec.defences}
    everything = load_rows(spec.data[0])
    for defence, points in of_defence.items():
        cell = cells["badnets", spec.plot_rate, defence]
        assert sum(one["flagged"] for one in points) == cell["flagged"]
        rows = [one["row"] for one in points]
        assert len({*rows}) == len(rows) == cell["rows"]
        assert {(one["row"], one["poisoned"]) for one in points} == {
            (one["row"], one["poisoned"]) for one in of_defence["loss"]
        }
    lengths = {one["row"]: one["length"] for one in of_defence["response_length"] if not one["poisoned"]}
    words = {row: len(everything[row].response.split()) for row in lengths}
    assert np.ptp([lengths[row] - words[row] for row in lengths]) == 0  # a token a word, and one that ends it
