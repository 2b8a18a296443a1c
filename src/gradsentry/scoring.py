"""Corpus -> score table, shard by shard.

A shard is a fixed range of rows. Its content depends on nothing but those rows: batches are planned within
it, so a resumed run computes the same numbers as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from gradsentry import spectra
from gradsentry.corpus.sample import Sample
from gradsentry.encoding.encode import Encoded, encode_all, unscored
from gradsentry.gradients.head import HeadResult
from gradsentry.gradients.running import run
from gradsentry.gradients.windows import characters
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import ScoreSettings

SHARD_ROWS = 512

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("n_prompt", pa.int32(), nullable=False),
        pa.field("n_response", pa.int32(), nullable=False),
        pa.field("loss", pa.float32()),
        pa.field("score", pa.float64()),
        pa.field("spectrum", pa.list_(pa.float32())),
        pa.field("token_losses", pa.list_(pa.float16())),
        pa.field("token_ends", pa.list_(pa.int32())),
        pa.field("window", pa.list_(pa.int32())),
        pa.field("window_chars", pa.list_(pa.int32())),
        pa.field("window_loss", pa.float32()),
        pa.field("window_entropy", pa.float64()),
    ]
)


def score_samples(
    samples: Iterable[Sample],
    loaded: LoadedModel,
    settings: ScoreSettings,
    *,
    done: Container[int] = (),
    on_rows: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, pa.Table]]:
    """Yields (shard number, score table with the columns of `SCHEMA`), a row for each sample, in order.

    A row that cannot be scored has the status `unscored` and its reason, and no score. A batch that does not
    fit in memory is run again in halves.

    Args:
        samples: The rows, in order, numbered from 0.
        loaded: The model.
        settings: Region, k, lengths and budget.
        done: Shards that are skipped: they are on the disk already.
        on_rows: Called with the number of rows that are done, after each batch and each skipped shard.
    """
    report = on_rows or (lambda rows: None)
    stream, rows = iter(samples), 0
    for shard in count():
        window = list(islice(stream, SHARD_ROWS))
        if not window:
            return
        if shard not in done:
            encoded = _encode(window, loaded, settings)
            results: dict[int, HeadResult | str] = {
                index: one.problem for index, one in enumerate(encoded) if one.problem is not None
            }
            for index, result in run(loaded, encoded, settings):
                results[index] = result
                report(rows + len(results))
            yield shard, _table(window, encoded, results)
        rows += len(window)
        report(rows)


def score_table(samples: Iterable[Sample], loaded: LoadedModel, settings: ScoreSettings) -> pa.Table:
    """Returns the score table of all samples at once. See `score_samples`."""
    tables = [table for _, table in score_samples(samples, loaded, settings)]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def finite_scores(scores: pa.Table) -> NDArray[np.float64]:
    """Returns the scores of the rows that have one."""
    values: NDArray[np.float64] = scores["score"].drop_null().to_numpy()
    return values


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


def _table(
    window: Sequence[Sample], encoded: Sequence[Encoded], results: Mapping[int, HeadResult | str]
) -> pa.Table:
    rows = [
        _row(sample, one, results[index])
        for index, (sample, one) in enumerate(zip(window, encoded, strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(sample: Sample, encoded: Encoded, result: HeadResult | str) -> dict[str, object]:
    """Returns a row of the score table."""
    reason = result if isinstance(result, str) else _not_finite(result)
    common = {
        "number": sample.number,
        # Half a surrogate pair, which JSON can escape and Arrow cannot hold, becomes text.
        "id": str(sample.id).encode("utf-8", "backslashreplace").decode(),
        "split": sample.split or None,
        "status": "unscored" if reason else "scored",
        "n_prompt": encoded.n_prompt,
        "n_response": encoded.n_response,
    }
    if reason or isinstance(result, str):
        return {**common, "reason": reason}
    return {
        **common,
        "reason": f"{encoded.cut} tokens were cut to fit" if encoded.cut else "",
        "loss": float(result.losses.mean(dtype=np.float64)),
        "score": _entropy(result.values),
        "spectrum": result.values.astype(np.float32),
        "token_losses": np.minimum(result.losses, np.finfo(np.float16).max).astype(np.float16),
        "token_ends": encoded.ends,
        "window": result.window,
        "window_chars": characters(encoded.ends, result.window),
        "window_loss": float(result.losses[slice(*result.window)].mean(dtype=np.float64)),
        "window_entropy": _entropy(result.window_values),
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
