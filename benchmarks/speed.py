"""Rows per second of three ways over the same rows, in one process, taking turns.

a. reference: as published. One row at a time, autograd's gradient of the output projection, its corner,
   `torch.svd_lowrank(q=16)`.
b. forward: a bare forward pass over the same tokens, in batches of like length, nothing shared.
c. gradsentry: what `gradsentry scan` does with encoded rows.

    python benchmarks/speed.py                             the embedded data and model
    python benchmarks/speed.py DATA --rows 256 --rounds 3 --json out.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from gradsentry import spectra
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.encoding import Encoded, encode
from gradsentry.gradients.batching import plan_batches
from gradsentry.gradients.reference import reference_gradient
from gradsentry.gradients.running import run
from gradsentry.models import LoadedModel, load_model, quiet_libraries
from gradsentry.settings import ScoreSettings

SETTINGS = ScoreSettings()
FORWARD_BUDGET = 1024


def reference(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Scores rows as published."""
    for row in rows:
        gradient = reference_gradient(loaded, row)
        corner = gradient[: gradient.shape[0] // SETTINGS.crop, : gradient.shape[1] // SETTINGS.crop]
        spectra.entropy(torch.svd_lowrank(corner.float(), q=SETTINGS.k)[1])


@torch.inference_mode()
def forward(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Runs the model and its head over the rows' tokens, without scoring."""
    for batch in plan_batches([len(row.ids) for row in rows], FORWARD_BUDGET):
        ids = torch.zeros(len(batch), max(len(rows[i].ids) for i in batch), dtype=torch.long)
        for place, i in enumerate(batch):
            ids[place, : len(rows[i].ids)] = torch.from_numpy(rows[i].ids)
        loaded.model(input_ids=ids.to(loaded.device), use_cache=False)


def ours(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Scores rows as `gradsentry scan` does."""
    for _ in run(loaded, rows, SETTINGS):
        pass


def ours_unshared(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    """Scores rows without running shared beginnings once."""
    ours(replace(loaded, packs=False), rows)


WAYS: dict[str, Callable[[LoadedModel, Sequence[Encoded]], None]] = {
    "a reference": reference,
    "b forward": forward,
    "c gradsentry": ours,
    "c, nothing shared": ours_unshared,
}


def main() -> None:
    """Prints a table, and writes JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=embedded_data_path())
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    quiet_libraries()
    loaded = load_model(options.model)
    samples = list(islice(open_corpus(options.data), options.rows))
    rows = [encode(sample, loaded.tokenizer, max_length=SETTINGS.max_length) for sample in samples]
    rows = [row for row in rows if row.problem is None]
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for way in WAYS.values():
        way(loaded, rows[:4])
    for _ in range(options.rounds):
        for name, way in WAYS.items():
            start = time.perf_counter()
            way(loaded, rows)
            seconds[name].append(time.perf_counter() - start)
    tokens = sum(len(row.ids) for row in rows) / len(rows)
    print(
        f"{len(rows)} rows of {options.data.name}, {tokens:.0f} tokens each, {loaded.device}, {loaded.dtype}"
    )
    slowest = statistics.median(seconds["a reference"])
    table = {
        name: {
            "rows_per_second": round(len(rows) / statistics.median(times), 2),
            "times_the_reference": round(slowest / statistics.median(times), 2),
        }
        for name, times in seconds.items()
    }
    for name, figures in table.items():
        print(f"{name:20} {figures['rows_per_second']:8.2f} rows/s {figures['times_the_reference']:6.2f} x")
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
