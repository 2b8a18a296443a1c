"""A scan that is stopped goes on where it was, and ends in the bytes of one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gradsentry import scorefiles, scoring
from gradsentry.corpus import Corpus, open_corpus
from gradsentry.errors import RunError, ScoringError
from gradsentry.models.families import Sharing
from gradsentry.models.loading import LoadedModel
from gradsentry.opening import open_run
from gradsentry.scoretable import WINDOW_ROWS
from gradsentry.scoring import HELD_ROWS, score_table
from gradsentry.screening import scan
from gradsentry.settings import ScoreSettings
from gradsentry.store import RunDirectory

from .rows import Rows, qa_rows, read_rows, words, write_rows

pytestmark = pytest.mark.costly

# Windows, what is held, and shards, so small that few rows make several: with `small_sizes`.
WINDOW, HELD, SHARD = 64, 16, 256
ROWS = SHARD + 300
# What an undisturbed run and a resumed one have in common: all but the times, which the report shows too.
SAME = ("clean.jsonl", "flagged.jsonl", "review.jsonl", "unscored.jsonl", "rows.parquet", "evidence.json")


def long_beginnings(rows: Rows) -> Rows:
    """Returns the rows behind one of two long prompts, which many of them share: packs carry it on."""
    stems = [words(120, seed) for seed in (1, 2)]
    return [{**row, "prompt": f"{stems[number % 2]} {row['prompt']}"} for number, row in enumerate(rows)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "data.jsonl", qa_rows(ROWS))


@contextmanager
def small_sizes() -> Iterator[None]:
    """Scores in windows and shards of few rows, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "WINDOW_ROWS", WINDOW)
        patch.setattr(scoring, "HELD_ROWS", HELD)
        patch.setattr(scorefiles, "SHARD_ROWS", SHARD)
        yield


@pytest.fixture
def small() -> Iterator[None]:
    with small_sizes():
        yield


@pytest.fixture(scope="module")
def whole(data, loaded, tmp_path_factory) -> Path:
    """A run that nothing interrupted, in small sizes."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    with small_sizes():
        scan(data, loaded, out=out)
    return out


def shards(run: Path) -> list[Path]:
    return sorted((run / "scores").glob("*.parquet"))


def parts(run: Path) -> list[Path]:
    return sorted((run / "scores/parts").glob("*.parquet"))


def kept(run: Path) -> int:
    """Returns how many rows are on the disk."""
    return sum(pq.read_metadata(file).num_rows for file in (*shards(run), *parts(run)))


def contents(run: Path) -> dict[str, bytes]:
    files = [*shards(run), *(run / name for name in (*SAME, "verdict.json"))]
    return {file.name: file.read_bytes() for file in files}


@contextmanager
def started(data: Path, model: str, run: Path) -> Iterator[subprocess.Popen[str]]:
    # A job that runs in the background ignores Ctrl-C, and hands that on to what it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    sizes = f"scoring.WINDOW_ROWS, scoring.HELD_ROWS, scorefiles.SHARD_ROWS = {WINDOW}, {HELD}, {SHARD}"
    start = f"{heed}; from gradsentry import scorefiles, scoring; {sizes}"
    start = f"{start}; from gradsentry.cli import main; main()"
    command = [sys.executable, "-c", start, "scan", str(data), "-m", model, "-o", str(run), "--quiet"]
    command += ["--dtype", "float32"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process


def stopped(data: Path, model: str, run: Path, how: signal.Signals, rows: int) -> tuple[int, str]:
    """Starts a scan, sends it a signal when so many rows are kept; returns its code and what it said."""
    with started(data, model, run) as process:
        while True:
            assert process.poll() is None, process.communicate()
            try:
                if kept(run) >= rows:
                    break
            except OSError:
                pass  # a part went, because its shard came
            time.sleep(0.001)
        process.send_signal(how)
        _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.mark.parametrize(
    ("how", "rows", "code", "said"),
    [
        pytest.param(signal.SIGKILL, SHARD - 20, -9, "", marks=pytest.mark.slow),  # as in test_killed.py
        (
            signal.SIGINT,
            WINDOW + 1,
            130,
            "gradsentry: stopped; the same command with the same --out goes on from here\n",
        ),
    ],
)
def test_a_run_goes_on_where_it_was_stopped(
    small, data, model_path, loaded, whole, tmp_path, how, rows, code, said
):
    run = tmp_path / "run"
    assert stopped(data, model_path, run, how, rows) == (code, said)
    there = kept(run)
    assert rows <= there < ROWS
    assert not (run / "verdict.json").exists()
    with pytest.raises(RunError):
        open_run(run)

    verdict = scan(data, loaded, out=run)

    assert verdict.manifest["rows_resumed"] == there
    assert contents(run) == contents(whole)
    assert not list(run.rglob("*.part"))
    assert not (run / "scores/parts").exists()


class Stop(Exception):  # noqa: N818
    """A scan is stopped from within."""


def scored(place: Path, corpus: Corpus, model: LoadedModel, stop: int = sys.maxsize) -> dict[str, bytes]:
    """Scores a corpus, or so many rows of it, into a run; returns the bytes of its files."""
    run = RunDirectory.create_or_resume(place, {"of": corpus.sha256()})
    files = run.score_files()
    files.resume()
    fresh = 0

    def on_row(characters: int, tokens: int) -> None:
        nonlocal fresh
        fresh += tokens > 0
        if fresh > stop:
            raise Stop

    scoring.gathered(
        scoring.score_samples(corpus, model, ScoreSettings(token_budget=400), files, on_row), files
    )
    return {file.name: file.read_bytes() for file in (*shards(place), *parts(place))}


@pytest.mark.parametrize(
    ("sharing", "shared"),
    [
        (Sharing(packs=True, pads=True), True),
        pytest.param(Sharing(packs=True, pads=True, alike=8), False, marks=pytest.mark.slow),
        (Sharing(packs=False, pads=True), False),
    ],
    ids=["packs", "packs and one length", "padded"],
)
def test_wherever_it_is_stopped_the_same_bytes_come_out(loaded, tmp_path, monkeypatch, sharing, shared):
    """Stopped after each so many rows, in one process; with long beginnings, which packs carry on."""
    monkeypatch.setattr(scoring, "HELD_ROWS", 7)
    monkeypatch.setattr(scoring, "WINDOW_ROWS", 2 * WINDOW)
    model = replace(loaded, sharing=sharing)
    rows = qa_rows(3 * WINDOW)
    rows[5]["completion"] = ""
    corpus = open_corpus(long_beginnings(rows) if shared else rows)
    whole = scored(tmp_path / "whole", corpus, model)
    draw, stops = random.Random(shared), 0
    while True:
        left, before = draw.randrange(1, 50), kept(tmp_path / "run")
        try:
            again = scored(tmp_path / "run", corpus, model, left)
            break
        except Stop:
            stops += 1
            assert kept(tmp_path / "run") >= before + left - 7
    assert stops > 3
    assert again == whole


def test_no_more_than_64_rows_are_lost(loaded, tmp_path):
    for stop in (65, 300, 511, 600):
        run = tmp_path / str(stop)

        def after(step, stop=stop):
            if step.done > stop:
                raise Stop

        with pytest.raises(Stop):
            scan(qa_rows(700), loaded, out=run, progress=after)
        assert stop - HELD_ROWS <= kept(run) <= stop


def test_what_takes_long_is_kept_sooner(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "HELD_SECONDS", 0.0)

    def after(step):
        if step.done > 20:
            raise Stop

    with pytest.raises(Stop):
        scan(qa_rows(60), loaded, out=tmp_path / "run", progress=after)
    assert kept(tmp_path / "run") == 20


def test_a_little_is_run_again_for_what_packs_carry(loaded, monkeypatch):
    """Of a window, all but the last rows of which are there, few packs run."""
    corpus = open_corpus(long_beginnings(qa_rows(WINDOW_ROWS)))
    settings = ScoreSettings(token_budget=400)
    undisturbed = score_table(corpus, loaded, settings)
    tokens: list[int] = []
    handle = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: tokens.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        score_table(corpus, loaded, settings)
        every = sum(tokens)
        tokens.clear()
        ran = [
            number
            for table in scoring.score_samples(corpus, loaded, settings, range(WINDOW_ROWS - 9))
            for number in table["number"].to_pylist()
        ]
    finally:
        handle.remove()
    assert sorted(ran) == list(range(WINDOW_ROWS - 9, WINDOW_ROWS))
    assert sum(tokens) < every
    again = score_table(corpus, loaded, settings)
    assert again.equals(undisturbed)


def test_shards_that_are_gone_are_scored_again_in_the_same_bytes(small, data, loaded, whole):
    before = contents(whole)
    for name in ("000000.parquet", "000001.parquet"):
        (whole / "scores" / name).unlink()
        with pytest.raises(RunError, match="a shard of scores is missing; scan again"):
            open_run(whole)
        verdict = scan(data, loaded, out=whole)
        assert 0 < verdict.manifest["rows_resumed"] < ROWS
        assert contents(whole) == before
    assert verdict.counts["rows"] == ROWS


def test_a_finished_run_is_not_scored_again(small, data, loaded, whole):
    before = {file: file.stat().st_mtime_ns for file in shards(whole)}
    steps = []
    verdict = scan(data, loaded, out=whole, progress=steps.append)
    assert {file: file.stat().st_mtime_ns for file in shards(whole)} == before
    assert verdict.manifest["rows_resumed"] == ROWS
    assert steps[-1].done == steps[-1].total == ROWS
    assert all(step.rate is None for step in steps)


def test_other_settings_and_other_data_are_refused(small, data, loaded, whole, tmp_path):
    with pytest.raises(RunError) as caught:
        scan(data, loaded, out=whole, scoring=ScoreSettings(crop=4, max_length=100))
    assert "score.crop was 8, is 4; score.max_length was 2048, is 100; name" in caught.value.line()
    other = write_rows(tmp_path / "other.jsonl", qa_rows(40))
    with pytest.raises(RunError, match="holds a run of other data"):
        scan(other, loaded, out=whole)


@pytest.fixture
def small_disk(tmp_path):
    """A file system with hardly any room."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(small, data, loaded, whole, small_disk):
    run = small_disk / "run"
    with pytest.raises(ScoringError) as caught:
        scan(data, loaded, out=run)
    assert caught.value.line().endswith(": the disk is full; free some room and run it again")
    there = kept(run)
    assert there > 0
    assert not list(run.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert scan(data, loaded, out=run).manifest["rows_resumed"] == there
    assert contents(run) == contents(whole)
    assert len(read_rows(run / "clean.jsonl")) + len(read_rows(run / "flagged.jsonl")) == ROWS
