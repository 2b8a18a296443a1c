"""How fast a scan is, beside the published way and a bare forward pass, and how its cost grows.

    python benchmarks/speed.py --json benchmarks/speed.json       everything; some twenty minutes on two cores
    python benchmarks/speed.py --parts ways --corpora webqa       one part; --json adds to what the file holds
    python benchmarks/speed.py --smoke                            everything, on a few rows

Ways, taking turns in one process, on the same rows; medians over the rounds:

a. reference: as published. One row at a time, autograd's gradient of the output projection, its corner,
   `torch.svd_lowrank(q=16)`. It runs on every n-th row, as a row's cost does not depend on the others.
b. forward: a bare forward pass over the same tokens, in batches of like length, nothing shared.
c. gradsentry: all that `gradsentry scan` does to score rows, from text to a shard of scores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from machine import processor
from speed_growth import head_growth, padding, rows_growth, start_up, thresholds
from speed_profile import profiled
from speed_ways import CORPORA, PHASES, Rows, forward, ours, peak_memory, read_rows, reference

from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries

PARTS = ("ways", "profile", "rows", "head", "thresholds", "startup", "padding")
PROFILED = 48
T = TypeVar("T")
GPU = torch.cuda.is_available()


def main() -> None:
    """Prints tables, and writes JSON where asked."""
    options = _options()
    torch.set_num_threads(options.threads)
    quiet_libraries()
    loaded = load_model(options.model, dtype=options.dtype)
    results: dict[str, Any] = {}
    if options.json and options.json.is_file():
        results = json.loads(options.json.read_text(encoding="utf-8"))
    results["machine"] = {
        "processor": processor(),
        "threads": options.threads,
        "device": torch.cuda.get_device_name() if GPU else "cpu",
        "torch": torch.__version__,
        "model": options.model,
    }
    for part in options.parts:
        print(f"\n{part}")
        found = _part(part, loaded, options)
        results[part] = {**results.get(part, {}), **found} if part in ("ways", "profile") else found
        if part != "ways":
            _show(found)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=["webqa", "nq", "alpaca"])
    parser.add_argument("--rows", type=int, help="of each corpus; by default 512 of WebQA, 128 of the others")
    parser.add_argument("--reference-rows", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a few rows of the embedded data")
    options = parser.parse_args()
    if options.smoke:
        options.corpora, options.rows, options.reference_rows, options.rounds = ["embedded"], 8, 2, 1
        options.growth = [20, 40]
        options.parts = [part for part in options.parts if part != "padding"]
    return options


def _part(part: str, loaded: LoadedModel, options: argparse.Namespace) -> Any:  # noqa: ANN401  (plain data, for JSON)
    small = options.smoke
    match part:
        case "ways" | "profile":
            measure = _ways if part == "ways" else _profiled
            kind = "" if loaded.dtype == torch.float32 else f" {loaded.dtype}".replace("torch.", "")
            return {f"{name}{kind}": measure(name, loaded, options) for name in options.corpora}
        case "rows":
            rows = read_rows(options.corpora[0], 8 if small else 512, loaded)
            return rows_growth(loaded, options.growth, rows)
        case "head":
            lengths = [4, 16] if small else [4, 16, 64, 256, 1024, 2048]
            vocabularies = [2000, 4000] if small else [32_000, 64_000, 128_000, 256_000]
            return head_growth(lengths, vocabularies, (64, 4000) if small else (4096, 256_000), loaded.device)
        case "thresholds":
            return thresholds([10_000] if small else [1_000_000, 10_000_000])
        case "startup":
            return start_up(1 if small else 5)
        case _:
            return padding(loaded, 2048)


def _ways(corpus: str, loaded: LoadedModel, options: argparse.Namespace) -> dict[str, Any]:
    """Returns and prints rows per second of each way, ours by phase, and peak memory."""
    rows = read_rows(corpus, options.rows or (512 if corpus == "webqa" else 128), loaded)
    some = rows.encoded[:: max(1, len(rows.encoded) // options.reference_rows)]
    padded = replace(loaded, sharing=replace(loaded.sharing, packs=False))
    work: dict[str, tuple[int, Callable[[], dict[str, float] | None]]] = {
        "a reference": (len(some), lambda: reference(loaded, some)),
        "b forward": (len(rows.encoded), lambda: forward(loaded, rows.encoded)),
        "c gradsentry": (len(rows.encoded), lambda: ours(loaded, rows.samples)),
        "c, padded": (len(rows.encoded), lambda: ours(padded, rows.samples)),
    }
    rates: dict[str, list[float]] = {name: [] for name in work}
    peaks: dict[str, float] = {}
    phases: list[dict[str, float]] = []
    _warm_up(loaded, rows)
    for _ in range(options.rounds):
        for name, (count, run) in work.items():
            with peak_memory(loaded.device) as peak:
                seconds, found = _clock(run)
            rates[name].append(count / seconds)
            peaks[name] = max(peaks.get(name, 0.0), peak[0])
            if name == "c gradsentry" and found is not None:
                phases.append(found)
    table = {
        name: {
            "rows_per_second": round(statistics.median(found), 3),
            "rounds": [round(rate, 3) for rate in found],
            "peak_mb": peaks[name],
        }
        for name, found in rates.items()
    }
    result = {
        "rows": len(rows.encoded),
        "tokens": round(rows.tokens, 1),
        "responses": round(rows.responses, 1),
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "table": table,
        "a/c": round(_ratio(rates["c gradsentry"], rates["a reference"]), 2),
        "c/b": round(_ratio(rates["b forward"], rates["c gradsentry"]), 2),
        "phases": _shares(phases),
    }
    print(f"{corpus}: {len(rows.encoded)} rows of {rows.tokens:.0f} tokens, {loaded.device}, {loaded.dtype}")
    for name, figures in table.items():
        print(f"  {name:14} {figures['rows_per_second']:8.2f} rows/s {figures['peak_mb']:8.0f} MB")
    print(f"  a/c {result['a/c']}  c/b {result['c/b']}  phases {result['phases']}")
    return result


def _profiled(corpus: str, loaded: LoadedModel, options: argparse.Namespace) -> dict[str, float]:
    return profiled(loaded, read_rows(corpus, options.rows or PROFILED, loaded))


def _warm_up(loaded: LoadedModel, rows: Rows) -> None:
    reference(loaded, rows.encoded[:1])
    forward(loaded, rows.encoded[:4])
    ours(loaded, rows.samples[:4])


def _clock(run: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    found = run()
    return time.perf_counter() - started, found


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Returns the median over rounds: what slows the machine slows both in the same round."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def _shares(phases: Sequence[dict[str, float]]) -> dict[str, float]:
    """Returns each phase's share of our time; `rest` is what none of them holds."""
    shares = {
        name: statistics.median(found.get(name, 0.0) / found["all"] for found in phases)
        for name in (*PHASES, "write")
    }
    return {name: round(share, 4) for name, share in {**shares, "rest": 1 - sum(shares.values())}.items()}


def _show(found: dict[str, object] | list[object]) -> None:
    for line in found.items() if isinstance(found, dict) else found:
        print(" ", line)


if __name__ == "__main__":
    main()
