"""Corpus -> score table, window by window.

A window is a fixed range of rows, within which is planned what runs together. So a row's score depends on its
window alone, and what an interrupted run scores later is what it would have scored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from gradsentry import spectra
from gradsentry.corpus.sample import Sample
from gradsentry.encoding.encode import Encoded, encode_all, unscored
from gradsentry.features.drawing import is_drawn
from gradsentry.gradients.head import HeadResult
from gradsentry.gradients.running import Result, losses_alone, run
from gradsentry.gradients.windows import characters
from gradsentry.models.loading import LoadedModel
from gradsentry.scoretable import SCHEMA, WINDOW_ROWS, Scores, in_order, named
from gradsentry.settings import ScoreSettings

# How much work is lost at most when a run is stopped: so many rows, or what took so long.
HELD_ROWS = 64
HELD_SECONDS = 30.0

OnRow = Callable[[int, int], None]
"""Told of each row that is done: how many characters it has, and what tokens it took, 0 if it was there."""


class Keeper(Protocol):
    """Where scores are kept as they come, so that they are not computed twice."""

    def __contains__(self, number: object) -> bool:
        """Returns whether the score of a row is there."""
        ...

    def add(self, table: pa.Table) -> None:
        """Keeps scores of some rows of one window."""
        ...

    def finish(self) -> Scores:
        """Returns all scores, in row order, when every row was added or there before."""
        ...


def score_table(samples: Iterable[Sample], loaded: LoadedModel, settings: ScoreSettings) -> pa.Table:
    """Returns the score table of all samples, a row for each, in order, with the columns of `SCHEMA`.

    A row that cannot be scored has the status `unscored` and its reason, and no score. A batch that does not
    fit in memory is run again in halves.

    Args:
        samples: The rows, in order, numbered from 0.
        loaded: The model.
        settings: Region, k, lengths and budget.
    """
    return gathered(score_samples(samples, loaded, settings), None).table()


def gathered(tables: Iterable[pa.Table], keeper: Keeper | None) -> Scores:
    """Returns one score table of several, in row order; they are kept as they come.

    Args:
        tables: Each of rows of one window.
        keeper: What is there already, and keeps what is scored now; None to keep it in memory.
    """
    if keeper is None:
        return Scores.of(in_order([*tables]))
    for table in tables:
        keeper.add(table)
    return keeper.finish()


def score_samples(
    samples: Iterable[Sample],
    loaded: LoadedModel,
    settings: ScoreSettings,
    done: Container[int] = (),
    on_row: OnRow | None = None,
) -> Iterator[pa.Table]:
    """Yields score tables of rows of one window, as they are scored. See `score_table`.

    Args:
        samples: The rows.
        loaded: The model.
        settings: The settings.
        done: The numbers of rows whose scores are there, and that are left out.
        on_row: Told of each row.
    """
    for window in windows(samples):
        yield from score_window(window, loaded, settings, done, on_row)


def windows(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Yields the rows window by window; the first is the first of one."""
    stream = iter(samples)
    while window := list(islice(stream, WINDOW_ROWS)):
        yield window


def score_window(
    window: Sequence[Sample],
    loaded: LoadedModel,
    settings: ScoreSettings,
    done: Container[int] = (),
    on_row: OnRow | None = None,
) -> Iterator[pa.Table]:
    """Yields score tables of rows of a window, as they are scored: all that any engine does for a score.

    Args:
        window: All rows of a window.
        loaded: The model.
        settings: The settings.
        done: The numbers of rows whose scores are there, and that are left out.
        on_row: Told of each row.
    """
    report = on_row or (lambda characters, tokens: None)
    known = {index for index, sample in enumerate(window) if sample.number in done}
    for index in sorted(known):
        report(window[index].characters, 0)
    if len(known) < len(window):
        yield from _in_time(_scored(window, loaded, settings, known, report))


def _scored(
    window: Sequence[Sample],
    loaded: LoadedModel,
    settings: ScoreSettings,
    known: Container[int],
    report: OnRow,
) -> Iterator[Mapping[str, object]]:
    """Yields the rows of the score table for those of a window that are not known, in the order they ran."""
    encoded = _encode(window, loaded, settings)
    for index, one in enumerate(encoded):
        if one.problem is not None and index not in known:
            report(window[index].characters, 0)
            yield _row(window[index], one, one.problem)
    bare = losses_alone(loaded, encoded, _read_alone(window, encoded, settings), settings, done=known)
    for index, result in run(loaded, encoded, settings, done=known):
        report(window[index].characters, len(encoded[index].ids))
        yield _row(window[index], encoded[index], result, bare.get(index))


def _read_alone(window: Sequence[Sample], encoded: Sequence[Encoded], settings: ScoreSettings) -> list[int]:
    """Returns the indices of the rows whose response is read without its prompt too."""
    if not settings.groups:
        return []
    return [
        index for index, one in enumerate(encoded) if one.problem is None and is_drawn(window[index].number)
    ]


def _in_time(rows: Iterable[Mapping[str, object]]) -> Iterator[pa.Table]:
    """Yields rows as tables, before too much is held."""
    held: list[Mapping[str, object]] = []
    since = time.monotonic()
    for row in rows:
        held.append(row)
        if len(held) == HELD_ROWS or time.monotonic() - since > HELD_SECONDS:
            yield pa.Table.from_pylist(held, schema=SCHEMA)
            held, since = [], time.monotonic()
    if held:
        yield pa.Table.from_pylist(held, schema=SCHEMA)


def _encode(window: Sequence[Sample], loaded: LoadedModel, settings: ScoreSettings) -> list[Encoded]:
    limit = min(settings.max_length, loaded.max_positions or settings.max_length)
    entries = loaded.head.weight.shape[0]
    encoded = encode_all(window, loaded.tokenizer, max_length=limit)
    # A tokenizer can hold more tokens than the model has weights for, and a row can spell one out.
    return [
        one
        if one.ids.max(initial=0) < entries
        else unscored(f"holds token {one.ids.max()}, unknown to the model")
        for one in encoded
    ]


def _row(
    sample: Sample, encoded: Encoded, result: Result | str, loss_alone: float | None = None
) -> dict[str, object]:
    """Returns a row of the score table."""
    reason = result if isinstance(result, str) else _not_finite(result.head)
    common = {
        **named(sample),
        "status": "unscored" if reason else "scored",
        "n_prompt": encoded.n_prompt,
        "n_response": encoded.n_response,
    }
    if reason or isinstance(result, str):
        return {**common, "reason": reason}
    head, means = result.head, result.means
    return {
        **common,
        "reason": f"{encoded.cut} tokens were cut to fit" if encoded.cut else "",
        "loss": float(head.losses.mean(dtype=np.float64)),
        "score": _entropy(head.values),
        "spectrum": head.values.astype(np.float32),
        "token_losses": np.minimum(head.losses, np.finfo(np.float16).max).astype(np.float16),
        "token_ends": encoded.ends,
        "window": head.window,
        "window_chars": characters(encoded.ends, head.window),
        "window_loss": float(head.losses[slice(*head.window)].mean(dtype=np.float64)),
        "window_entropy": _entropy(head.window_values),
        "prompt_mean": means and means.prompt,
        "response_mean": means and means.response,
        "loss_alone": loss_alone,
    }


def _entropy(values: NDArray[np.float64]) -> float:
    """Returns the entropy of a spectrum; 0 of one that is zero throughout."""
    return float(spectra.entropy(torch.from_numpy(values))) if values[0] > spectra.FLOOR else 0.0


def _not_finite(result: HeadResult) -> str:
    """Returns why a result is no score, or an empty text."""
    if not (np.isfinite(result.losses).all() and np.isfinite(result.values).all()):
        return "the model's logits are not finite"
    if result.values[0] <= spectra.FLOOR:
        return "the gradient is zero in the region"
    return ""
