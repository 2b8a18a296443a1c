"""Wherever rows are scored, and whichever worker dies, the same bytes come out."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import scorefiles
from gradsentry.corpus import open_corpus
from gradsentry.engines.base import Worker
from gradsentry.errors import DataError, ModelError, ScoringError, SettingsError
from gradsentry.models.named import refuse_no_model
from gradsentry.scoretable import WINDOW_ROWS
from gradsentry.screening import scan
from gradsentry.settings import EngineSettings, ScoreSettings

from .rows import qa_rows, write_rows
from .test_killed import contents

# Windows are those of real runs, for workers in other processes know of no others; a shard holds one.
ROWS = 2 * WINDOW_ROWS + 300
TWO = EngineSettings(workers=2)
RAY = EngineSettings(name="ray", workers=2)
FLOAT32 = ScoreSettings(dtype="float32")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As many threads as each of two workers has: sums of more are rounded otherwise."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.fixture(scope="module", autouse=True)
def small_shards():
    """Several shards of few rows: they are written here, whoever scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorefiles, "SHARD_ROWS", WINDOW_ROWS)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rows = qa_rows(ROWS)
    rows[600]["completion"] = ""
    return write_rows(tmp_path_factory.mktemp("data") / "data.jsonl", rows)


@pytest.fixture(scope="module")
def whole(data, model_path, tmp_path_factory):
    """The files of a run that one process made, and that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    scan(data, model_path, out=out, scoring=FLOAT32, progress=False)
    return contents(out)


def workers(named: str) -> list[int]:
    """Returns the processes below this one whose command line holds a word, by when they began."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if any(named in part for part in one.cmdline()):
                found.append(one)
    return [one.pid for one in sorted(found, key=psutil.Process.create_time)]


class Killing:
    """Kills one of the workers when so many rows are done, and keeps the last step."""

    def __init__(self, named: str, rows: int) -> None:
        self.named, self.rows, self.killed, self.last = named, rows, 0, None

    def __call__(self, step) -> None:
        self.last = step
        if step.done >= self.rows and not self.killed:
            self.killed = workers(self.named)[-1]
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.costly
def test_two_processes_give_the_same_and_where_one_is_killed_it_is_said(data, model_path, whole, tmp_path):
    killing = Killing("spawn_main", 512)
    with pytest.raises(ScoringError) as caught:
        scan(data, model_path, out=tmp_path / "run", scoring=FLOAT32, engine=TWO, progress=killing)
    assert caught.value.line().startswith("a worker was killed, or had no memory left; the same command goes")
    assert 512 <= killing.last.done < ROWS
    steps = []
    verdict = scan(data, model_path, out=tmp_path / "run", scoring=FLOAT32, engine=TWO, progress=steps.append)
    assert verdict.manifest["rows_resumed"] >= 512
    assert steps[-1].done == steps[-1].total == ROWS
    assert steps[-1].share == 1.0
    found = contents(tmp_path / "run")
    assert {name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)} == set()
    assert not workers("spawn_main")


@pytest.fixture
def cluster():
    """A cluster of this machine, which is gone afterwards."""
    ray = pytest.importorskip("ray")
    yield ray
    ray.shutdown()


class Stop(Exception):  # noqa: N818
    """A scan is stopped from within."""


@pytest.mark.costly
@pytest.mark.timeout(600)
def test_a_ray_cluster_goes_on_from_one_process_and_replaces_a_worker_that_is_killed(
    data, model_path, whole, tmp_path, cluster
):
    def stop(step):
        if step.done > 700:
            raise Stop

    with pytest.raises(Stop):
        scan(data, model_path, out=tmp_path / "run", scoring=FLOAT32, progress=stop)
    killing = Killing("_Scorer", 900)
    verdict = scan(data, model_path, out=tmp_path / "run", scoring=FLOAT32, engine=RAY, progress=killing)
    assert killing.killed
    assert killing.last.done == ROWS
    assert killing.last.share == 1.0
    assert 600 < verdict.manifest["rows_resumed"] <= 700
    assert contents(tmp_path / "run") == whole
    assert not cluster.is_initialized()


def test_a_worker_that_reads_other_data_says_so():
    engine = pytest.importorskip("gradsentry.engines.ray")
    corpus = open_corpus(qa_rows(9))
    engine.refuse_other(corpus, corpus.sha256())
    with pytest.raises(DataError, match="rows: a worker reads other data under this name; give all"):
        engine.refuse_other(corpus, "0" * 64)


def test_a_worker_on_another_machine_fetches_what_the_driver_copied_from_a_url(tmp_path):
    engine = pytest.importorskip("gradsentry.engines.ray")
    fsspec = pytest.importorskip("fsspec")
    url = "memory://engines/data.jsonl"
    with fsspec.open(url, "wb") as stream:
        stream.write(write_rows(tmp_path / "data.jsonl", qa_rows(9)).read_bytes())
    corpus = open_corpus(url)
    sha256, copy = corpus.sha256(), corpus.named[0]
    shutil.rmtree(copy.parent)
    assert engine.fetched(corpus).sha256() == sha256
    written = copy.stat().st_mtime_ns
    assert [one.number for one in engine.fetched(corpus).between(2, 5)] == [2, 3, 4]
    assert copy.stat().st_mtime_ns == written


def test_a_model_named_like_a_folder_here_is_the_embedded_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smollm2").mkdir()
    refuse_no_model("smollm2")
    with pytest.raises(ModelError, match=r"the directory holds no config\.json"):
        refuse_no_model("./smollm2")


def test_sigterm_is_left_to_whoever_had_it():
    """Ray takes it, and makes it an exit with code 15."""
    engine = pytest.importorskip("gradsentry.engines.ray")
    before = signal.getsignal(signal.SIGTERM)
    with engine._sigterm_as_it_was():
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
    assert signal.getsignal(signal.SIGTERM) == before
    came = []
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))

    def struck():
        with engine._sigterm_as_it_was():
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
            signal.raise_signal(signal.SIGTERM)

    try:
        with pytest.raises(SystemExit):
            struck()
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_worker_with_another_model_is_refused(loaded):
    assert Worker(loaded, loaded.facts).loaded is loaded
    for other in ({"fingerprint": "0" * 64}, {"dtype": "bfloat16"}):
        with pytest.raises(ModelError, match=r"one worker has it as float32, .* another as "):
            Worker(loaded, replace(loaded.facts, **other))


@pytest.mark.parametrize("engine", [RAY, TWO])
def test_a_model_that_is_loaded_stays_where_it_is(loaded, engine):
    with pytest.raises(SettingsError, match="a loaded model stays in its process; give its path"):
        scan(qa_rows(9), loaded, engine=engine)


@pytest.mark.costly
def test_a_model_that_is_broken_is_the_same_line_from_a_worker(tmp_path):
    (tmp_path / "config.json").write_text("{}")  # what shows without it no worker is asked
    lines = []
    for engine in (EngineSettings(), TWO):
        with pytest.raises(ModelError) as caught:
            scan(qa_rows(9), str(tmp_path), engine=engine)
        lines.append(caught.value.line())
    assert lines[0] == lines[1]


@given(st.sets(st.integers(0, 200), min_size=1), st.integers(1, 20))
def test_stretches_hold_each_window_that_lacks_a_score_once(missing, count):
    ray = pytest.importorskip("gradsentry.engines.ray")
    found = ray._stretches(sorted(missing), count)
    assert [n for one in found for n in range(one["start"], one["stop"])] == sorted(missing)
    assert max(one["stop"] - one["start"] for one in found) <= max(1, len(missing) // count)
