"""Scoring on a Ray cluster, by Ray Data: stretches of the data are read, and actors score their windows.

    stretches -> read them (tasks) -> windows -> score them (actors that hold the model) -> score tables, here

The driver keeps the run directory: it writes what comes as any engine's does, so a run that was begun on a
cluster can be finished on one machine. A worker that dies is replaced, and what it was given is done again.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import sys
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data
from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy
from ray.exceptions import RayError

from gradsentry.corpus import Corpus
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.remote import copied
from gradsentry.corpus.streams import make_folder
from gradsentry.engines.base import ModelSpec, Worker, delivered
from gradsentry.errors import DataError, GradSentryError, ScoringError, SettingsError, first_line
from gradsentry.models import embedded
from gradsentry.models.loading import ModelFacts
from gradsentry.scoretable import WINDOW_ROWS
from gradsentry.scoring import OnRow, windows
from gradsentry.settings import EngineSettings, ScoreSettings

# Stretches for each worker: enough for all to end together; few, for each reads past what is before it.
_STRETCHES = 4

Batch = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """The engine of a Ray cluster. See `base.Engine`.

    Attributes:
        model: What the model is.
        spec: How workers load it.
        workers: How many hold it.
        gpus: GPUs of each.
    """

    model: ModelFacts
    spec: ModelSpec
    workers: int
    gpus: float

    def tables(
        self, corpus: Corpus, settings: ScoreSettings, done: Container[int], on_row: OnRow
    ) -> Iterator[pa.Table]:
        missing, known = _missing(corpus, done, on_row)
        if not missing:
            return
        reading = {
            "corpus": ray.put(corpus),
            "sha256": corpus.sha256(),
            "folder": str(Path.cwd()),
            "known": known,
        }
        scoring = {"spec": self.spec, "expected": self.model, "settings": settings}
        scored = (
            ray.data.from_items(_stretches(missing, _STRETCHES * self.workers))
            .map_batches(
                _read,
                batch_size=1,
                fn_kwargs=reading,
                num_cpus=0,  # it takes little, and must not wait for an actor to end
                compute=TaskPoolStrategy(self.workers),
            )
            .map_batches(
                _Scorer,
                batch_size=1,
                fn_constructor_kwargs=scoring,
                num_cpus=1,
                num_gpus=self.gpus,
                compute=ActorPoolStrategy(size=self.workers),
            )
        )
        with _one_line():
            for batch in scored.iter_batches(batch_size=1, batch_format="numpy", prefetch_batches=0):
                yield delivered(_table(batch["table"][0]), on_row)


@contextmanager
def opened_ray(spec: ModelSpec, settings: EngineSettings) -> Iterator[Cluster]:
    """Yields the engine of the cluster that `RAY_ADDRESS` names or this machine is of, else of itself alone.

    Raises:
        SettingsError: If the cluster cannot be reached, or has fewer GPUs than a worker is to have.
    """
    mine = not ray.is_initialized()
    _connect(settings)
    _quiet()
    try:
        has = ray.cluster_resources()
        each = settings.gpus_per_worker
        each = min(1.0, has.get("GPU", 0.0)) if each is None else each
        if each > has.get("GPU", 0.0):
            raise SettingsError(
                f"the cluster has {has.get('GPU', 0.0):g} GPUs", where="--gpus-per-worker", mend="give fewer"
            )
        by_default = has["GPU"] // each if each else 1
        workers = settings.workers or max(1, int(by_default))
        if spec.name != embedded.NAME and Path(spec.name).exists():  # workers begin in a folder of their own
            spec = replace(spec, name=str(Path(spec.name).absolute()))
        with _one_line():
            facts = ray.remote(_facts).options(num_cpus=1, num_gpus=each).remote(spec)
            model: ModelFacts = ray.get(facts)
        yield Cluster(model, spec, workers, each)
    finally:
        if mine:
            ray.shutdown()


def _connect(settings: EngineSettings) -> None:
    """Joins a cluster, or begins one on this machine that nobody else joins and that ends with us."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Its core writes of what it mends by itself to stderr, past all loggers of Python.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray").setLevel(logging.ERROR)  # it is told below when it has begun
    quietly = {"log_to_driver": False, "logging_level": logging.ERROR, "ignore_reinit_error": True}
    processors = max(os.cpu_count() or 1, settings.workers or 1)
    try:
        with _sigterm_as_it_was(), _unsaid():
            # Not `address="auto"`, which joins any, also the one that another scan here began and will end.
            if ray.is_initialized() or "RAY_ADDRESS" in os.environ:
                ray.init(**quietly)
                return
            try:
                ray.init(num_cpus=processors, include_dashboard=False, **quietly)
            except ValueError:  # where `ray start` was run, that says how many processors there are
                ray.init(**quietly)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SettingsError(
            f"no Ray cluster can be reached ({first_line(error)})",
            where="--engine ray",
            mend="check RAY_ADDRESS, and that Ray has one version everywhere; `ray stop` ends a broken one",
        ) from None
    except Exception as error:  # Ray raises no less where a process of its own did not begin
        raise ScoringError(
            f"Ray does not start ({first_line(error)})",
            where="--engine ray",
            mend="run it again when the machine is less busy; Ray's logs say more",
        ) from None


@contextmanager
def _unsaid() -> Iterator[None]:
    """Drops what is written to stderr: Ray's core says there at which level it logs."""
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _sigterm_as_it_was() -> Iterator[None]:
    """Takes SIGTERM back from Ray, which makes it an exit with code 15 that is none of ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:  # it came in between
        signal.signal(signal.SIGTERM, before)
        signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _quiet() -> None:
    """Lets Ray Data print nothing, and hand on each window as it comes."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    # Blocks are merged up to this size, and a worker is given blocks.
    context.target_max_block_size = 1


@contextmanager
def _one_line() -> Iterator[None]:
    """Turns what went wrong on a worker into what it means here."""
    try:
        yield
    except RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, GradSentryError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        if isinstance(cause, GradSentryError):
            # Ray derives a class of its own from that of an error.
            kinds = (kind for kind in type(cause).__mro__ if kind.__module__ == GradSentryError.__module__)
            raise next(kinds)(cause.what, where=cause.where, mend=cause.mend) from None
        raise ScoringError(
            f"a worker of the Ray cluster failed ({first_line(error)})",
            mend="the same command goes on from here; Ray's logs say more",
        ) from None


def _missing(
    corpus: Corpus, done: Container[int], on_row: OnRow
) -> tuple[list[int], dict[int, frozenset[int]]]:
    """Returns the windows that lack a score, and of these, which of their rows have one."""
    missing: list[int] = []
    known: dict[int, frozenset[int]] = {}
    for number, window in enumerate(windows(replace(sample, raw=None) for sample in corpus)):
        there = [sample for sample in window if sample.number in done]
        for sample in there:
            on_row(sample.characters, 0)
        if len(there) < len(window):
            missing.append(number)
            if there:
                known[number] = frozenset(sample.number for sample in there)
    return missing, known


def _stretches(missing: list[int], count: int) -> list[dict[str, int]]:
    """Returns ranges of windows that lack a score, about so many, each of windows that follow each other."""
    longest = max(1, len(missing) // count)
    found: list[dict[str, int]] = []
    for number in missing:
        last = found[-1] if found else None
        if last and number == last["stop"] and number - last["start"] < longest:
            last["stop"] += 1
        else:
            found.append({"start": number, "stop": number + 1})
    return found


def _facts(spec: ModelSpec) -> ModelFacts:
    return spec.loaded().facts


_checked: set[str] = set()
"""The data that this process has seen to be those of the run."""


def fetched(corpus: Corpus) -> Corpus:
    """Returns a corpus; what the driver copied from a URL is copied anew on a machine that lacks the copy."""
    if isinstance(corpus, FileCorpus) and "://" in corpus.name and not corpus.named[0].exists():
        make_folder(corpus.named[0].parent)
        shutil.move(copied(corpus.name), corpus.named[0])
    return corpus


def refuse_other(corpus: Corpus, sha256: str) -> None:
    """Raises a `DataError` where a worker reads other data than the driver; the same are read once."""
    if sha256 not in _checked and corpus.sha256() != sha256:
        raise DataError(
            "a worker reads other data under this name", where=corpus.name, mend="give all machines the same"
        )
    _checked.add(sha256)


def _read(
    batch: Batch, corpus: ray.ObjectRef[Corpus], sha256: str, folder: str, known: dict[int, frozenset[int]]
) -> Iterator[Batch]:
    """Yields the windows of a stretch, each with the rows that are done, on a worker."""
    with suppress(OSError):
        os.chdir(folder)  # what is named by a relative path is meant from there
    rows = fetched(ray.get(corpus))
    refuse_other(rows, sha256)
    for start, stop in zip(batch["start"], batch["stop"], strict=True):
        samples = rows.between(int(start) * WINDOW_ROWS, int(stop) * WINDOW_ROWS)
        for number, window in enumerate(windows(replace(one, raw=None) for one in samples), int(start)):
            yield {"window": np.array([pickle.dumps((window, known.get(number, frozenset())))], dtype=object)}


class _Scorer:
    """An actor that holds the model."""

    def __init__(self, spec: ModelSpec, expected: ModelFacts, settings: ScoreSettings) -> None:
        self._worker = Worker(spec.loaded(), expected)
        self._settings = settings

    def __call__(self, batch: Batch) -> Batch:
        # Bytes of `_read`, which Ray brought here; Arrow has no form for rows of any kind.
        window, known = pickle.loads(batch["window"][0])  # noqa: S301
        table = self._worker.score(window, self._settings, known)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return {"table": np.array([sink.getvalue().to_pybytes()], dtype=object)}


def _table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
