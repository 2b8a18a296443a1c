"""The texts that a benchmark writes are those that it judged, and what was named stands in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.specs import FLOORS, tiny_spec
from gradsentry.bench import Grid
from gradsentry.bench.columns import NAMED_KEYS, page
from gradsentry.corpus import Sample
from gradsentry.defences import DETECTORS, Detector, Extractor, Features, Flags, Scores, Strings
from gradsentry.defences.base import Scope
from gradsentry.models.loading import LoadedModel

pytestmark = pytest.mark.costly

TRIGGERS = ["w90", "w91"]
JUDGED: list[list[tuple[str, str]]] = []


class Heard(Extractor):
    """Which rows hold the first trigger; notes what it was given."""

    name = "heard"

    @property
    def scope(self) -> Scope:
        return "mix"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        JUDGED.append([(sample.prompt, sample.response) for sample in samples])
        return {"holds": np.array([TRIGGERS[0] in sample.prompt for sample in samples], float)}


class Hearing(Detector):
    """A defence that names a trigger, and flags no row."""

    name = "hearing"
    needs = "nothing"

    @property
    def extractor(self) -> Extractor:
        return Heard()

    def judge(self, features: Features) -> Scores:
        return features["holds"]

    def decide(self, scores: Scores) -> Flags:
        return np.zeros(len(scores), bool)

    def named(self, features: Features) -> tuple[Strings, ...]:
        return (Strings((TRIGGERS[0],), None, tuple(np.flatnonzero(features["holds"]).tolist())),)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the directory of a run with poisoned rows and decoys."""
    monkeypatch.setitem(DETECTORS, "hearing", Hearing)
    monkeypatch.setattr("gradsentry.bench.results.draw_plots", lambda *_: None)
    JUDGED.clear()
    file = tmp_path / "alpaca.jsonl"
    rows = [{"instruction": f"w{i} w2", "input": f"w3 w{i}", "output": f"w{i} w5"} for i in range(6, 46)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    both = {"name": "cba", "settings": {"trigger": TRIGGERS, "payload": "w80 w81"}}
    spec = tiny_spec(
        tmp_path,
        data=[{"name": "words", "source": str(file)}],
        attacks=[both],
        defences=["hearing", *FLOORS],
        rates=[0, 10, 20],
        seeds=[0, 1],
    )
    out = tmp_path / "runs/own"
    assert not Grid(spec, out).run().failed
    first = {name: (out / name).read_bytes() for name in ("texts.parquet", "named.jsonl")}
    assert not Grid(spec, out).run().computed
    assert {name: (out / name).read_bytes() for name in first} == first
    return out


def test_the_texts_of_each_mix_are_those_that_the_defence_was_given(out: Path):
    points, texts = (pd.read_parquet(out / f"{name}.parquet") for name in ("points", "texts"))
    cells = points[points.defence == "hearing"].groupby(["attack", "rate", "seed"], sort=False)
    by_version = {(one.row, one.version): (one.prompt, one.response) for one in texts.itertuples()}
    assert len(by_version) == len(texts)
    assert [len(rows) for _, rows in cells] == [30] * 6
    for judged, (_, rows) in zip(JUDGED, cells, strict=True):
        assert judged == [by_version[one.row, one.version] for one in rows.itertuples()]
        assert [*(rows.version == "poisoned")] == [*rows.poisoned]
    assert {*points.version} == {"clean", "poisoned", "decoy"}


def test_the_page_reads_what_was_missed_and_what_was_named(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(out.parents[1])
    names: dict[str, Any] = {}
    exec(page().partition("## texts.parquet")[2].partition("```python\n")[2].partition("```")[0], names)
    missed = names["missed"][names["missed"].defence == "hearing"]
    assert len(missed) == 2 * (3 + 6)
    for one in missed.itertuples():
        assert all(trigger in one.prompt for trigger in TRIGGERS)
        assert not any(trigger in one.prompt_before for trigger in TRIGGERS)
        assert "w80 w81" in one.response
        assert one.response != one.response_before
    assert [*names["named"]] == list(NAMED_KEYS)
    texts = {(one.row, one.version): one.prompt for one in names["texts"].itertuples()}
    cell = ["attack", "rate", "seed"]
    points = names["points"].groupby(cell)
    mixes = {key: dict(zip(one.row, one.version, strict=True)) for key, one in points}
    lines = [json.loads(line) for line in (out / "named.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 6
    for line in lines:
        mix = mixes[tuple(line[key] for key in cell)]
        assert line["triggers"] == TRIGGERS[:1]
        assert line["payload"] is None
        held = {row for row, version in mix.items() if TRIGGERS[0] in texts[row, version]}
        assert {*line["rows"]} == held
    assert any(line["rows"] for line in lines)
