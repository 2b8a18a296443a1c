"""The grid: what is computed once, what a crash leaves, what a failure does, and what a lock gives back."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from bench.specs import FLOORS, tiny_spec, write_data
from gradsentry.bench import Grid, Spec
from gradsentry.bench.cells import BESIDE, VERSION
from gradsentry.bench.extractor_trial import ROWS
from gradsentry.bench.features import FeatureStore
from gradsentry.bench.pools import Mix, build_pool, draw_rows, drawn_places, load_rows
from gradsentry.bench.results import read_points, read_records
from gradsentry.bench.spec import Ablations, DataSpec
from gradsentry.corpus import Sample
from gradsentry.defences import DETECTORS, Extractor, Features, RowExtractor
from gradsentry.defences.base import Detector, Flags, Scope, Scores
from gradsentry.defences.forward import Forward
from gradsentry.defences.graceful import Coordinates, LowFrequencies
from gradsentry.defences.reading import Reading
from gradsentry.errors import RunError, SettingsError
from gradsentry.models.loading import LoadedModel
from models.tiny import tiny

pytestmark = pytest.mark.costly

CALLS: list[str] = []


class CountingRows(RowExtractor):
    """Features of single rows that say how often they were read."""

    name = "counting_rows"

    def of_reading(self, reading: Reading) -> Features:
        CALLS.append("row")
        return {"length": np.array(len(reading.targets), float)}


class Counting(Extractor):
    """Features of a pool or a mix that say how often they were computed."""

    name = "counting"
    kind: Scope

    @property
    def scope(self) -> Scope:
        return self.kind

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        CALLS.append(self.kind)
        return {"length": np.array([len(sample.response) for sample in samples], float)}


class Counted(Detector):
    """A detector by the characters of the response."""

    name = "counted"
    paper = None
    needs = "nothing"
    kind: Scope = "row"
    broken: bool = False

    @property
    def extractor(self) -> Extractor:
        return CountingRows() if self.kind == "row" else Counting(kind=self.kind)

    def judge(self, features: Features) -> Scores:
        if self.broken:
            raise RuntimeError("no such | luck\nat all")
        return features["length"]

    def decide(self, scores: Scores) -> Flags:
        return scores > np.median(scores)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "counted", Counted)
    CALLS.clear()


@pytest.fixture
def plots() -> None:
    """Lets runs draw their plots, which takes longer than all else; test_plots.py draws some alone."""


@pytest.fixture(autouse=True)
def no_other_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "plots" not in request.fixturenames:
        monkeypatch.setattr("gradsentry.bench.results.draw_plots", lambda *_: None)


def without_cost(records: list[dict[str, object]]) -> list[dict[str, object]]:
    """Returns records that can be compared: NaN is None, and time and memory are left out."""
    return [
        {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in record.items()
            if key not in ("seconds_per_row", "cpu_seconds_per_row", "peak_mb")
        }
        for record in records
    ]


def test_every_cell_has_a_record_and_every_file_is_written(tmp_path: Path, plots: None):
    spec = tiny_spec(tmp_path, ablations={"k": [4, 8], "crop": [1], "samples": [10]})
    result = Grid(spec, tmp_path / "out").run()
    assert result.computed == len(result.records) == 3 * 3 + 4
    assert not result.failed
    records = read_records(tmp_path / "out")
    assert without_cost(records) == without_cost(
        [{k: v for k, v in one.items() if k not in BESIDE} for one in result.records]
    )
    at_half = next(r for r in records if r["rate"] == 50 and r["defence"] == "gradsentry")
    assert (at_half["rows"], at_half["poisoned"]) == (30, 15)
    assert at_half["recall_low"] <= at_half["recall"] <= at_half["recall_high"]
    # What a spec may set, and nothing that speaks of another rate than the cell's.
    assert json.loads(at_half["attack_settings"]) == {
        "where": "question",
        "payload": "w80 w81 w82 w83",
        "placement": "append",
        "trigger": ["w90"],
        "words": 1,
    }
    # tau is in the defence's own scores, and what lies above it is what is flagged.
    points = read_points(tmp_path / "out")
    for record in (one for one in records if one["study"] == "grid"):
        rows = [
            one for one in points if all(one[key] == record[key] for key in ("defence", "rate", "attack"))
        ]
        assert [one["flagged"] for one in rows] == [one["score"] > record["tau"] for one in rows]
        assert isinstance(record["tau_is_fallback"], bool)
    clean = next(r for r in records if r["rate"] == 0 and r["defence"] == "gradsentry")
    assert math.isnan(clean["recall"])
    assert clean["fpr"] >= 0
    assert len(read_points(tmp_path / "out")) == 3 * 3 * 30
    assert len(read_points(tmp_path / "out", 10)) == 3 * 30
    plots = {file.name for file in (tmp_path / "out" / "plots").iterdir()}
    stems = ("recall", "fpr", "roc", "length", "ablation_k", "ablation_crop", "ablation_samples")
    assert plots == {f"{stem}.{suffix}" for stem in stems for suffix in ("png", "svg")}
    assert "**" in (tmp_path / "out" / "tables.md").read_text()


def test_features_are_computed_once_for_all_rates_and_attacks(tmp_path: Path):
    counted = [
        {"name": "counted", "label": kind, "settings": {"kind": kind}} for kind in ("row", "pool", "mix")
    ]
    spec = tiny_spec(
        tmp_path,
        attacks=["badnets", "addsent"],
        rates=[10, 20, 50],
        defences=[*counted, *FLOORS],
    )
    spec = spec.model_copy(update={"ablations": Ablations(samples=(10, 20))})
    Grid(spec, tmp_path / "out").run()
    # Every version of the 30 rows once, the clean ones once more to see what that costs by itself, and a few
    # before all to see that it can be used.
    assert {kind: CALLS.count(kind) for kind in ("row", "pool", "mix")} == {
        "row": 3 * 30 + 30 + ROWS,
        "pool": 2 + 2,  # and whether the mix alone gives the same
        "mix": 6,
    }


def test_of_a_defence_that_is_given_few_rows_few_are_read(tmp_path: Path):
    few = {"name": "counted", "rows": 5}
    spec = tiny_spec(tmp_path, rates=[20], seeds=[0, 1], defences=[few, *FLOORS])
    result = Grid(spec, tmp_path / "out").run()
    assert {one["rows"] for one in result.records if one["defence"] == "counted"} == {5}
    drawn = {place for seed in (0, 1) for place in drawn_places(30, seed, 5)}
    # Each that a mix may draw, clean and poisoned; all clean ones for their cost; those tried before.
    assert CALLS.count("row") == 2 * len(drawn) + 30 + ROWS


def test_tables_say_of_how_many_rows_a_metric_of_scores_is(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        Counted, "judge", lambda self, features: np.where(np.arange(30) < 10, np.nan, features["length"])
    )
    spec = tiny_spec(tmp_path, rates=[10], defences=["counted", *FLOORS])
    result = Grid(spec, tmp_path / "out").run()
    assert {one["defence"]: one["scored"] for one in result.records} == {
        "counted": 20,
        "response_length": 30,
        "loss": 30,
    }
    said = [
        line
        for line in (tmp_path / "out/tables.md").read_text().splitlines()
        if "has a score of only" in line
    ]
    assert len(said) == 1
    told = "`counted` has a score of only some of the rows in 1 of the mixes, at the least of 20 of 30: "
    assert said[0].startswith(told)


def test_what_several_defences_want_of_a_row_is_read_once(tmp_path: Path):
    several = [{"name": "counted", "label": f"of {rows}", "rows": rows} for rows in (10, 20)]
    spec = tiny_spec(tmp_path, rates=[20], defences=["counted", *several, *FLOORS])
    Grid(spec, tmp_path / "out").run()
    assert CALLS.count("row") == 2 * 30 + 30 + ROWS


def test_a_statistic_over_the_rows_that_says_it_is_of_a_pool_is_told_of(tmp_path: Path, monkeypatch, caplog):
    counted = {"name": "counted", "settings": {"kind": "pool"}}
    spec = tiny_spec(tmp_path, rates=[10, 50], defences=[counted, *FLOORS])
    Grid(spec, tmp_path / "right").run()
    assert not caplog.messages

    def centred(self: Counting, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        lengths = np.array([len(sample.response) for sample in samples], float)
        return {"length": lengths / lengths.mean()}

    monkeypatch.setattr(Counting, "__call__", centred)
    Grid(spec, tmp_path / "wrong").run()
    (said,) = caplog.messages
    assert said.startswith("counted, words, badnets at 10 %: scores change with rows outside of the mix")


def test_what_was_read_of_a_row_serves_another_spec_that_holds_it(tmp_path: Path):
    spec = tiny_spec(tmp_path, rates=[50], defences=["counted", *FLOORS])
    Grid(spec, tmp_path / "few", cache=tmp_path / "cache").run()
    CALLS.clear()
    more = spec.model_copy(update={"rates": (50.0, 80.0), "seeds": (0, 1)})
    Grid(more, tmp_path / "more", cache=tmp_path / "cache").run()
    assert not CALLS


def test_rows_that_are_read_together_have_the_features_of_rows_read_alone(tmp_path: Path):
    loaded = tiny("llama")
    samples = draw_rows(load_rows(DataSpec(name="words", source=write_data(tmp_path))), 12, 0, loaded)
    store = FeatureStore(tmp_path / "features")
    store.prepare([(Forward(), samples[:7]), (LowFrequencies(), samples)], loaded)
    pool = build_pool(samples, None, 0)
    mix = Mix(np.array([5, 11, 0]), np.zeros(3, bool), 0)
    together = store.of_mix(Forward(), pool, mix, loaded).features
    alone = [Forward()([samples[row]], loaded) for row in mix.rows]
    for name, values in together.items():
        np.testing.assert_allclose(values, np.concatenate([one[name] for one in alone]), atol=1e-5)
    points = store.of_mix(Coordinates(), pool, mix, loaded).features["coordinates"]
    corners = np.concatenate([LowFrequencies()([samples[row]], loaded)["corner"] for row in mix.rows])
    np.testing.assert_allclose(distances(points), distances(corners), rtol=1e-3)


def distances(points: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def test_a_second_run_computes_nothing_and_a_new_rate_that_alone(tmp_path: Path):
    spec = tiny_spec(tmp_path)
    first = Grid(spec, tmp_path / "out").run()
    again = Grid(spec, tmp_path / "out").run()
    assert again.computed == 0
    assert json.dumps(again.records) == json.dumps(first.records)
    more = spec.model_copy(update={"rates": (*spec.rates, 20.0)})
    assert Grid(more, tmp_path / "out").run().computed == 3


def test_cells_of_an_earlier_version_are_judged_again_from_the_features_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kinds = [
        {"name": "counted", "label": kind, "settings": {"kind": kind}} for kind in ("row", "pool", "mix")
    ]
    spec = tiny_spec(tmp_path, defences=[*kinds, *FLOORS], rates=[0, 10])
    with monkeypatch.context() as before:
        before.setattr("gradsentry.bench.cells.VERSION", VERSION - 1)
        first = Grid(spec, tmp_path / "out").run()
    CALLS.clear()
    again = Grid(spec, tmp_path / "out").run()
    assert again.computed == len(again.records) == first.computed
    assert without_cost(again.records) == without_cost(first.records)
    assert CALLS == ["pool"]  # whether the mix alone gives the same


def test_a_failing_cell_is_shown_and_tried_again(tmp_path: Path):
    broken = {"name": "counted", "settings": {"broken": True}}
    spec = tiny_spec(tmp_path, defences=[broken, *FLOORS], rates=[10, 50])
    result = Grid(spec, tmp_path / "out").run()
    for record in result.failed:
        assert record["error"].startswith("RuntimeError: no such | luck (bench/cells.py:")
    assert len(result.failed) == len(result.failures) == 2
    assert sum(record["status"] == "done" for record in result.records) == 4
    assert math.isnan(result.failed[0]["recall"])
    tables = (tmp_path / "out" / "tables.md").read_text()
    assert "| failed | RuntimeError: no such \\| luck (" in tables
    assert "| badnets | counted | failed | failed |" in tables
    # What failed is tried again, and is not counted as measured.
    CALLS.clear()
    again = Grid(spec, tmp_path / "out").run()
    assert (result.computed, again.computed, len(again.failed)) == (4, 0, 2)


def test_results_of_an_earlier_run_are_kept_where_this_one_fails(tmp_path: Path, plots: None):
    out, files = tmp_path / "out", ("tables.md", "results.parquet", "points.parquet", "plots/recall.png")
    good = tiny_spec(tmp_path, defences=["counted", *FLOORS], rates=[10, 50])
    assert Grid(good, out).run().earlier is None
    before = {name: (out / name).read_bytes() for name in files}
    broken = {"name": "counted", "settings": {"broken": True}}
    bad = tiny_spec(tmp_path, defences=[broken, *FLOORS], rates=[10, 50])
    result = Grid(bad, out).run()
    assert result.earlier == out / "earlier" / "001"
    assert {name: (result.earlier / name).read_bytes() for name in files} == before
    assert all((out / name).read_bytes() != before[name] for name in files)
    # A legend tells of a defence that has no line.
    assert "counted (2 of 2 cells failed)" in text_of(out / "plots" / "recall.svg")
    assert "counted (1 of 1 cells failed)" in text_of(out / "plots" / "roc.svg")
    # What had no result before is not lost, and what is good again is there without being measured.
    assert Grid(bad, out).run().earlier is None
    mended = Grid(good, out).run()
    assert (mended.computed, mended.earlier) == (0, None)
    assert (out / "tables.md").read_bytes() == before["tables.md"]


def text_of(plot: Path) -> str:
    """Returns the texts of a plot, which it names in comments beside their shapes."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", plot.read_text()))


def test_missing_data_fails_its_cells_or_skips_them_where_it_is_optional(tmp_path: Path):
    here = tiny_spec(tmp_path).data[0].model_dump()
    gone = {"name": "gone", "source": str(tmp_path / "gone.jsonl")}
    for optional, status in ((False, "failed"), (True, "skipped")):
        spec = tiny_spec(tmp_path, data=[here, gone | {"optional": optional}], rates=[10])
        result = Grid(spec, tmp_path / "out").run()
        assert {r["status"] for r in result.records if r["data"] == "gone"} == {status}
        assert {r["status"] for r in result.records if r["data"] == "words"} == {"done"}


def test_a_lock_reruns_to_the_same_results_and_refuses_other_data(tmp_path: Path):
    first = Grid(tiny_spec(tmp_path), tmp_path / "one").run()
    lock = tmp_path / "one" / "spec.lock.yaml"
    locked = Spec.read_yaml(lock)
    assert locked.locked is not None
    assert locked.locked.versions["torch"]
    again = Grid(locked, tmp_path / "two").run()
    assert again.computed == len(again.records)
    assert without_cost(again.records) == without_cost(first.records)
    assert yaml.safe_load((tmp_path / "two" / "spec.lock.yaml").read_text()) == yaml.safe_load(
        lock.read_text()
    )
    data = Path(locked.data[0].source)
    data.write_text(data.read_text().replace("w5 ", "w6 ", 1))
    with pytest.raises(SettingsError, match="data set words is not the one"):
        Grid(locked, tmp_path / "three").run()


def test_a_directory_in_use_or_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        Grid(tiny_spec(tmp_path), tmp_path / "file")


def test_after_a_kill_the_run_goes_on_to_the_same_results(tmp_path: Path):
    spec = tiny_spec(tmp_path, bootstrap=400)  # a third of a second a cell, in which it can be killed
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(spec.model_dump(mode="json")))
    cells = tmp_path / "out" / "cells"
    command = [sys.executable, "-m", "gradsentry.cli", "bench", str(file), "--out", str(tmp_path / "out")]
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.argv = {command[2:]!r}; from gradsentry.cli import main; main()",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    while killed.poll() is None and len(list(cells.glob("*.json"))) < 3:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = len(list(cells.glob("*.json")))
    result = Grid(spec, tmp_path / "out").run()
    assert 3 <= kept < len(result.records)
    assert result.computed == len(result.records) - kept
    whole = Grid(spec, tmp_path / "whole").run()
    assert without_cost(result.records) == without_cost(whole.records)
