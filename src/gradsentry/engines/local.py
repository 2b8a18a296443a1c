"""Scoring on this machine: in this process, or in several, each with a model on a GPU of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import torch

from gradsentry.corpus import Corpus, Sample
from gradsentry.engines.base import ModelSpec, Worker, delivered
from gradsentry.errors import ScoringError
from gradsentry.models.loading import LoadedModel, ModelFacts
from gradsentry.scoring import OnRow, score_samples, windows
from gradsentry.settings import ScoreSettings

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized
    from multiprocessing.synchronize import Lock

_AHEAD = 2  # windows that a worker has before it, so that it does not wait for the reader


@dataclass(frozen=True)
class InProcess:
    """The engine of one model that is loaded here. See `Engine`."""

    loaded: LoadedModel

    @property
    def model(self) -> ModelFacts:
        return self.loaded.facts

    def tables(
        self, corpus: Corpus, settings: ScoreSettings, done: Container[int], on_row: OnRow
    ) -> Iterator[pa.Table]:
        return score_samples(corpus, self.loaded, settings, done, on_row)


@dataclass(frozen=True)
class Processes:
    """The engine of several processes, each of which holds a model. See `Engine`.

    Attributes:
        model: What the model is.
        pool: The processes.
        count: How many they are.
    """

    model: ModelFacts
    pool: ProcessPoolExecutor
    count: int

    def tables(
        self, corpus: Corpus, settings: ScoreSettings, done: Container[int], on_row: OnRow
    ) -> Iterator[pa.Table]:
        running: set[Future[pa.Table]] = set()
        with _one_line():
            for window in windows(replace(sample, raw=None) for sample in corpus):
                known = {sample.number for sample in window if sample.number in done}
                for sample in window:
                    if sample.number in known:
                        on_row(sample.characters, 0)
                if len(known) == len(window):
                    continue
                running.add(self.pool.submit(_score, window, settings, known))
                if len(running) >= _AHEAD * self.count:
                    yield from _done(running, on_row)
            while running:
                yield from _done(running, on_row)


@contextmanager
def opened_processes(spec: ModelSpec, count: int) -> Iterator[Processes]:
    """Yields the engine of so many processes; its first model is loaded then."""
    context = multiprocessing.get_context("spawn")
    setting = (spec, count, context.Value("i", 0), context.Lock())
    pool = ProcessPoolExecutor(count, context, _begin, setting)
    try:
        with _one_line():
            facts = pool.submit(_facts).result()
        yield Processes(facts, pool, count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def gpus(device: str) -> int:
    """Returns how many GPUs of this machine a setting means; 0 where it means none, or one by its number."""
    return torch.cuda.device_count() if device in ("auto", "cuda") else 0


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise ScoringError(
            "a worker was killed, or had no memory left",
            mend="the same command goes on from here; with fewer --workers each has more memory",
        ) from None


def _done(running: set[Future[pa.Table]], on_row: OnRow) -> Iterator[pa.Table]:
    """Yields what is there, one at least, and takes it from what is running."""
    ready, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in ready:
        running.remove(future)
        yield delivered(future.result(), on_row)


_worker: Worker | None = None
"""That of this process; one of a pool has no other place for it."""
_problem: Exception | None = None
"""Why there is none: what is raised while a process begins would say no more than that it ended."""


def _begin(spec: ModelSpec, count: int, begun: Synchronized[int], lock: Lock) -> None:
    """Loads the model of one process of a pool, the n-th on the n-th GPU."""
    global _worker, _problem  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the one that waits for it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with lock:
        number = begun.value
        begun.value += 1
    found = gpus(spec.device)
    if found:
        spec = replace(spec, device=f"cuda:{number % found}")
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // count))
    try:
        _worker = Worker(spec.loaded())
    except Exception as error:  # whatever it is, the process that waits for it shall say it
        _problem = error


def _end_with_parent() -> None:
    """Ends the process when the one that began it was killed; a pool's would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _mine() -> Worker:
    if _worker is None:
        assert _problem is not None
        raise _problem
    return _worker


def _facts() -> ModelFacts:
    return _mine().loaded.facts


def _score(window: list[Sample], settings: ScoreSettings, done: set[int]) -> pa.Table:
    return _mine().score(window, settings, done)
