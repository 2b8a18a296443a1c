"""How fast a scan is on a GPU, at the shape of a 7B model with random weights, beside two other ways.

    python benchmarks/gpu.py --json benchmarks/gpu.json        on a machine with a GPU of 40 GB or more
    python benchmarks/gpu.py --smoke                           a small shape, on whatever there is

Ways, taking turns in one process on the same rows; medians over the rounds:

a. reference: as published. One row at a time, autograd's gradient of the output projection, its corner,
   `torch.svd_lowrank(q=16)`. It runs on a few of the rows, as a row's cost does not depend on the others.
b. forward: a bare forward pass over the same tokens, in batches of like length, nothing shared.
c. gradsentry: from token ids to losses, spectra and mean states, as a scan does; by phase too.

WebQA and Alpaca are rows of the shared data, as the tokens of the embedded model, modulo the vocabulary;
`long` rows are 2048 random tokens, a quarter of them response, which share nothing. The weights are random:
what a row costs does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speed_ways import CORPORA, PHASES, clocked, forward, peak_memory, read_rows, reference, wait
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.running import run
from gradsentry.models.embedded import embedded_model_path
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries, wrap_model
from gradsentry.settings import ScoreSettings

SETTINGS = ScoreSettings()
SHAPES: dict[str, dict[str, Any]] = {
    "7B": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
    "small": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
}
VOCABULARIES = {"7B": (32_000, 128_256), "small": (2_000, 4_000)}
# Milliseconds of a WebQA row at 7B on an H100; the share of the bare forward's rate where nothing is shared.
WANTED_MS, WANTED_SHARE = 2.0, 0.9


def main() -> None:
    """Prints a table for each vocabulary, and writes JSON where asked."""
    options = _options()
    quiet_libraries()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "shape": options.shape,
        "vocabularies": {},
    }
    texts = _texts(options)
    for vocabulary in VOCABULARIES[options.shape]:
        loaded = _model(options.shape, vocabulary, device)
        print(f"{options.shape}, {vocabulary} entries, {loaded.dtype}, {results['device']}")
        found = {}
        for name, rows in _rows(texts, vocabulary, options):
            print(f" {name}")
            found[name] = _measured(loaded, rows, options)
        results["vocabularies"][str(vocabulary)] = found
        del loaded
        torch.cuda.empty_cache()
    if not options.smoke:
        _wanted(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=512, help="of each corpus; an eighth of them of `long`")
    parser.add_argument("--reference-rows", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=["webqa", "alpaca"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a few rows and a small shape")
    options = parser.parse_args()
    options.shape, options.long = ("small", 256) if options.smoke else ("7B", 2048)
    if options.smoke:
        options.corpora, options.rows, options.reference_rows, options.rounds = ["embedded"], 16, 2, 1
    return options


def _texts(options: argparse.Namespace) -> dict[str, list[Encoded]]:
    """Returns rows of each corpus, as the tokens of the embedded model."""
    embedded = load_model("smollm2", device="cpu", dtype="float32")
    return {name: read_rows(name, options.rows, embedded).encoded for name in options.corpora}


def _rows(
    texts: dict[str, list[Encoded]], vocabulary: int, options: argparse.Namespace
) -> list[tuple[str, list[Encoded]]]:
    """Returns the rows of each kind, as tokens that the vocabulary has."""
    draw = np.random.default_rng(0)
    trained = np.arange(options.long) >= options.long * 3 // 4
    drawn = [
        Encoded(draw.integers(3, vocabulary, options.long), trained) for _ in range(max(2, options.rows // 8))
    ]
    known = [
        (name, [Encoded(one.ids % vocabulary, one.trained) for one in rows]) for name, rows in texts.items()
    ]
    return [*known, ("long", drawn)]


def _model(shape: str, vocabulary: int, device: torch.device) -> LoadedModel:
    """Returns a model of random weights, in bfloat16 on a GPU."""
    config = LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=False, **SHAPES[shape])
    torch.manual_seed(0)
    with device:
        made = LlamaForCausalLM._from_config(
            config, dtype=torch.bfloat16 if device.type == "cuda" else torch.float32
        )
    made.requires_grad_(False)
    return wrap_model(made, AutoTokenizer.from_pretrained(embedded_model_path()), name=shape)


def _measured(loaded: LoadedModel, rows: Sequence[Encoded], options: argparse.Namespace) -> dict[str, Any]:
    """Returns and prints what each way takes on some rows."""
    some = rows[:: max(1, len(rows) // options.reference_rows)]
    ways: dict[str, tuple[Sequence[Encoded], Callable[[Sequence[Encoded]], object]]] = {
        "a reference": (some, lambda rows: reference(loaded, rows)),
        "b forward": (rows, lambda rows: forward(loaded, rows)),
        "c gradsentry": (rows, lambda rows: _scored(loaded, rows)),
    }
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    peaks: defaultdict[str, float] = defaultdict(float)
    for measured in range(-1, options.rounds):  # the first one warms up
        for name, (of, way) in ways.items():
            with peak_memory(loaded.device) as peak:
                started = time.perf_counter()
                way(of)
                wait(loaded)
                spent = time.perf_counter() - started
            if measured >= 0:
                seconds[name].append(spent)
                peaks[name] = max(peaks[name], peak[0])
    table = {}
    for name, (of, _) in ways.items():
        spent, tokens = statistics.median(seconds[name]), sum(len(row.ids) for row in of)
        table[name] = {
            "ms_per_row": round(1000 * spent / len(of), 3),
            "tokens_per_second": round(tokens / spent),
            "peak_mb": peaks[name],
        }
    share = table["c gradsentry"]["tokens_per_second"] / table["b forward"]["tokens_per_second"]
    found = {
        "rows": len(rows),
        "tokens": round(sum(len(row.ids) for row in rows) / len(rows), 1),
        "responses": round(sum(row.n_response for row in rows) / len(rows), 1),
        "table": table,
        "of_forward": round(share, 3),
        "phases": _phases(loaded, rows),
    }
    _show(found)
    return found


def _scored(loaded: LoadedModel, rows: Sequence[Encoded]) -> None:
    for _, result in run(loaded, rows, SETTINGS):
        assert not isinstance(result, str), result


def _phases(loaded: LoadedModel, rows: Sequence[Encoded]) -> dict[str, float]:
    """Returns the share of each phase, from a run of its own, for a GPU is waited for at the end of each."""
    seconds: defaultdict[str, float] = defaultdict(float)
    started = time.perf_counter()
    with ExitStack() as stack:
        for phase, functions in PHASES.items():
            for module, name in functions:
                stack.enter_context(clocked(module, name, phase, seconds, loaded))
        _scored(loaded, rows)
    spent = time.perf_counter() - started
    shares = {phase: round(seconds[phase] / spent, 4) for phase in ("forward", "head", "spectrum")}
    return {**shares, "rest": round(1 - sum(shares.values()), 4)}


def _show(found: dict[str, Any]) -> None:
    print(f"  {found['rows']} rows of {found['tokens']} tokens, {found['responses']} of response")
    for name, figures in found["table"].items():
        print(
            f"    {name:14} {figures['ms_per_row']:9.3f} ms/row {figures['tokens_per_second']:9} tokens/s "
            f"{figures['peak_mb']:7.0f} MB"
        )
    print(f"    c's rate is {found['of_forward']:.2f} of b's; phases {found['phases']}")


def _wanted(results: dict[str, Any]) -> None:
    """Prints whether what was wanted is so."""
    for vocabulary, found in results["vocabularies"].items():
        share = found["long"]["of_forward"]
        print(
            f"{vocabulary}: {share:.2f} of the forward's rate on rows that share nothing",
            _met(share >= WANTED_SHARE),
        )
        if "webqa" in found:
            spent = found["webqa"]["table"]["c gradsentry"]["ms_per_row"]
            print(f"{vocabulary}: {spent:.2f} ms a WebQA row", _met(spent <= WANTED_MS))


def _met(met: bool) -> str:
    return f"(wanted {WANTED_SHARE} of it, {WANTED_MS} ms): {'met' if met else 'missed'}"


if __name__ == "__main__":
    main()
