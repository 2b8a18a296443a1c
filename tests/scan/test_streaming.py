"""A scan whose rows and scores are read as they are needed says what one in memory says."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from gradsentry import scorefiles, scoring
from gradsentry.errors import RunError
from gradsentry.opening import open_run
from gradsentry.scoretable import NARROW, SCHEMA, WIDE
from gradsentry.screening import scan

from .rows import qa_rows, read_rows, words, write_rows

pytestmark = pytest.mark.costly

ROWS = 600


def poisoned(place):
    """Writes rows of which some are poisoned, and one cannot be scored."""
    rows = qa_rows(ROWS)
    for number in range(3, ROWS, 30):
        rows[number] = {**rows[number], "prompt": f"w90 w91 {rows[number]['prompt']}"}
        rows[number]["completion"] = words(9, 5)
    rows[7]["completion"] = ""
    return write_rows(place, rows)


@pytest.fixture(autouse=True, scope="module")
def many_files():
    """Shards and windows are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "WINDOW_ROWS", 32)
        patch.setattr(scorefiles, "SHARD_ROWS", 64)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return poisoned(tmp_path_factory.mktemp("data") / "data.jsonl")


@pytest.fixture(scope="module")
def whole(data, loaded, many_files):
    """What a scan in memory says."""
    return scan(data, loaded)


@pytest.fixture
def streamed(monkeypatch):
    """Few rows are a large corpus."""
    for module in ("find", "large.working"):
        monkeypatch.setattr(f"gradsentry.evidence.{module}.SEARCHED_TOKENS", 4500)
    monkeypatch.setattr("gradsentry.evidence.large.working.DRAWN_TOKENS", 3250)
    for name in ("COUNT_BITS", "LEADER_BITS", "PAIR_BITS"):
        monkeypatch.setattr(f"gradsentry.evidence.large.prefilter.{name}", 16)


def test_the_verdict_is_the_one_in_memory(tmp_path, data, loaded, whole, streamed):
    run = scan(data, loaded, out=tmp_path / "run", progress=False)
    assert run.outcome == whole.outcome == "poisoned"
    assert run.counts == whole.counts
    assert (run.is_flagged == whole.is_flagged).all()
    assert run.threshold == whole.threshold
    assert run.scores.narrow.equals(whole.scores.narrow)
    assert run.scores.table().equals(whole.scores.table())
    for one in run.evidence.findings:
        assert one.surprise is not None
    again = open_run(tmp_path / "run")
    assert again.as_json() == run.as_json()
    kept = [sample.row for sample in again.corpus if again.is_kept[sample.number]]
    assert again.clean == kept == read_rows(tmp_path / "run/clean.jsonl")


def test_rows_are_taken_from_files_as_from_memory(tmp_path, data, loaded, whole):
    whole = whole.scores
    files = scan(data, loaded, out=tmp_path / "run", progress=False).scores
    assert {*files.narrow.column_names} == {*NARROW} == {*SCHEMA.names} - {*WIDE}
    rows = np.random.default_rng(0).permutation(ROWS)[:90]
    for some in (rows, rows[:1], rows[:0], np.array([7, 7, ROWS - 1])):
        assert files.take(some).equals(whole.take(some))
        assert files.take(some)["number"].to_pylist() == some.tolist()
    assert files.row(5) == whole.row(5)
    assert (files.known("prompt_mean") == whole.known("prompt_mean")).all()
    assert not files.known("prompt_mean")[7]


def test_scores_that_are_gone_are_missed(tmp_path, data, loaded):
    scores = scan(data, loaded, out=tmp_path / "run", progress=False).scores
    last = max((tmp_path / "run/scores").glob("*.parquet"))
    last.unlink()
    for read in (scores.table, lambda: scores.take(np.array([ROWS - 1])), lambda: scores.known("spectrum")):
        with pytest.raises(RunError, match="scan again"):
            read()
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(RunError, match="the scores of 600 rows are gone"):
        scores.table()
