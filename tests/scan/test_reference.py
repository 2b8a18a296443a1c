"""What is expected of a row, from a clean reference corpus or from the corpus itself."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradsentry.corpus import open_corpus
from gradsentry.deciding.expectation import STANDS_OUT, Expectation, Signals
from gradsentry.errors import DataError, RunError
from gradsentry.opening import open_run
from gradsentry.scoring import score_table
from gradsentry.screening import scan
from gradsentry.settings import DataSettings, ScoreSettings, ThresholdSettings

from .rows import qa_rows, read_rows, words, write_rows


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A clean file of dull answers, and one of the same kind where some rows are not dull."""
    folder = tmp_path_factory.mktemp("reference")
    clean, rows = qa_rows(120, seed=500), qa_rows(60)
    for number, row in enumerate([*clean, *rows]):
        row["completion"] = " ".join(["w7"] * (6 + number % 7))
    for number in range(0, 60, 6):
        rows[number]["completion"] = words(6 + number % 7, number)
    return write_rows(folder / "rows.jsonl", rows), write_rows(folder / "clean.jsonl", clean)


@pytest.fixture(scope="module")
def run(places, loaded, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    data, clean = places
    return scan(data, loaded, out=out, reference=clean), out


@pytest.mark.costly
def test_expectations_are_those_of_the_reference(run, places, loaded):
    verdict, _ = run
    clean = scan(places[1], loaded)
    assert verdict.reference.source == str(places[1])
    assert verdict.reference.entropy == clean.expectation.entropy
    assert verdict.reference.anomaly == clean.expectation.anomaly
    assert clean.expectation.source == "the corpus itself"
    expected = verdict.reference.entropy.expected(verdict.signals.measures.lengths)
    np.testing.assert_array_equal(verdict.signals.expected, expected)


@pytest.mark.costly
def test_a_run_of_the_reference_does_as_well_as_its_data(run, places, loaded, tmp_path):
    verdict, _ = run
    scan(places[1], loaded, out=tmp_path / "clean")
    again = scan(places[0], loaded, reference=tmp_path / "clean")
    assert again.reference.entropy == verdict.reference.entropy
    assert again.needs_review.tolist() == verdict.needs_review.tolist()


@pytest.mark.costly
def test_a_run_of_the_reference_with_other_settings_is_refused(places, loaded, tmp_path):
    scan(places[1], loaded, out=tmp_path / "clean", scoring=ScoreSettings(k=8))
    with pytest.raises(RunError, match=r"was scored otherwise: score\.k was 8, is 16"):
        scan(places[0], loaded, reference=tmp_path / "clean", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("row", [None, {"prompt": "w5", "completion": ""}])
def test_a_reference_that_says_nothing_is_refused(places, loaded, tmp_path, row):
    clean = tmp_path / "clean.jsonl"
    if row is not None:
        write_rows(clean, [row])
    with pytest.raises(DataError):
        scan(places[0], loaded, reference=clean)


@pytest.mark.costly
def test_the_splits_of_a_reference_are_its_own(places, loaded, tmp_path):
    """It is read whole, whatever of the data is meant; a file, which has no splits, too."""
    data, clean = places
    rows = read_rows(clean)
    folder, parted = tmp_path / "data", tmp_path / "clean"
    for place, parts in ((folder, {"dev": read_rows(data)}), (parted, {"train": rows[:70], "x": rows[70:]})):
        place.mkdir()
        for name, part in parts.items():
            write_rows(place / f"{name}.jsonl", part)
    write_rows(folder / "train.jsonl", rows[:3])
    for reference in (clean, parted):
        verdict = scan(folder, loaded, reference=reference, reading=DataSettings(split="validation"))
        assert verdict.counts["rows"] == 60
        assert verdict.reference.entropy == scan(clean, loaded).expectation.entropy


def test_rows_that_stand_out_stay_and_are_named(run):
    verdict, out = run
    assert not verdict.is_flagged.any()
    assert verdict.needs_review[::6].any()
    assert not (verdict.needs_review & ~verdict.is_scored).any()
    lines = read_rows(out / "review.jsonl")
    assert [line["id"] for line in lines] == np.flatnonzero(verdict.needs_review).tolist()
    assert all("expected" in line["reason"] and "standard deviations" in line["reason"] for line in lines)
    kept = {row["note"] for row in read_rows(out / "clean.jsonl")}
    assert {line["row"]["note"] for line in lines} <= kept
    assert verdict.counts["clean"] == 60


def test_every_row_has_its_line_in_a_table(run):
    verdict, out = run
    table = pq.read_table(out / "rows.parquet")
    assert table["number"].to_pylist() == list(range(60))
    residual = np.array(table["score"]) - np.array(table["expected"])
    assert np.array(table["excess"]) == pytest.approx(residual)
    for row in table.to_pylist():
        far = max(abs(row["deviation"]), row["anomaly_deviation"]) > STANDS_OUT
        assert (row["status"] == "review") == far
        assert bool(row["reason"]) == far
        assert row["window"][1] - row["window"][0] == min(
            4, verdict.scores["n_response"][row["number"]].as_py()
        )


@pytest.mark.costly
def test_a_run_remembers_its_reference(run, places, loaded):
    verdict, out = run
    opened = open_run(out)
    assert opened.reference == verdict.reference
    assert opened.decide(ThresholdSettings()).needs_review.tolist() == verdict.needs_review.tolist()
    assert json.loads((out / "verdict.json").read_text())["expectation"] == str(places[1])
    shard = out / "reference/scores/000000.parquet"
    before = shard.stat().st_mtime_ns
    again = scan(places[0], loaded, out=out, reference=places[1])
    assert shard.stat().st_mtime_ns == before
    assert again.reference == verdict.reference
    assert scan(places[0], loaded, out=out).reference is None
    assert open_run(out).reference is None


def test_the_published_rule_knows_no_suspicion(places, loaded):
    verdict = scan(places[0], loaded, reference=places[1], policy="published")
    assert not verdict.needs_review.any()
    assert verdict.counts["review"] == 0


def test_nothing_is_expected_where_nothing_was_scored(loaded):
    scores = score_table(open_corpus([{"prompt": words(3), "completion": ""}]), loaded, ScoreSettings())
    assert Expectation.of(scores, np.ones(1, np.bool_), "nothing") is None
    assert np.isnan(Signals.of(scores, None).expected).all()
