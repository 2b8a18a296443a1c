"""What bfloat16 and int8 gain on a processor, and what they do to H.

    python benchmarks/precision.py --threads 1

The same rows of the shared data with the embedded model in float32, in bfloat16, and with its linear layers
in int8, but for the head, by the library's dynamic quantisation. Seconds are the process's own, medians over
three rounds that take turns, so that what else the machine does counts little. H is held against float32's.

`gradsentry scan` refuses the int8 model: its layers scale their input by the largest number of a whole batch,
so that a row's score would depend on its neighbours. Here that refusal is passed by.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from speed_ways import read_rows
from transformers import PreTrainedModel

from gradsentry import spectra
from gradsentry.gradients.running import Result, run
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries
from gradsentry.models.passes import last_layer, middle_layer
from gradsentry.settings import ScoreSettings

ROUNDS = 3


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rows", type=int, default=96, help="of WebQA; a quarter of them of Alpaca")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    quiet_libraries()
    whole = load_model("smollm2", dtype="float32", device="cpu")
    half = load_model("smollm2", dtype="bfloat16", device="cpu")
    models = {"float32": whole, "bfloat16": half, "int8": _int8(whole)}
    print(
        "| corpus | weights | seconds a row | times float32 | error of H, mean | largest | rank correlation |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for corpus, count in (("webqa", options.rows), ("alpaca", options.rows // 4)):
        rows = read_rows(corpus, count, whole).encoded
        seconds: dict[str, list[float]] = {name: [] for name in models}
        found: dict[str, NDArray[np.float64]] = {}
        for _ in range(ROUNDS):
            for name, loaded in models.items():
                started = time.process_time()
                results = dict(run(loaded, rows, ScoreSettings()))
                seconds[name].append((time.process_time() - started) / len(rows))
                found[name] = np.array([_entropy(results[place]) for place in range(len(rows))])
        for name, H in found.items():
            spent, error = statistics.median(seconds[name]), np.abs(H - found["float32"])
            gain = statistics.median(seconds["float32"]) / spent
            ranks = np.corrcoef([one.argsort().argsort() for one in (H, found["float32"])])[0, 1]
            print(
                f"| {corpus} | {name} | {spent:.3f} | {gain:.1f} "
                f"| {error.mean():.4f} | {error.max():.4f} | {ranks:.4f} |"
            )


def _int8(loaded: LoadedModel) -> LoadedModel:
    """Returns the model with linear layers in int8, taken for one that was probed."""
    model = copy.deepcopy(loaded.model)
    head = model.get_output_embeddings()
    linear = (
        name for name, one in model.named_modules() if isinstance(one, torch.nn.Linear) and one is not head
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = dict.fromkeys(linear, torch.ao.quantization.default_dynamic_qconfig)
        quantise: Callable[..., PreTrainedModel] = torch.ao.quantization.quantize_dynamic
        made = quantise(model, settings, dtype=torch.qint8)
    return replace(
        loaded,
        model=made,
        projection=made.get_output_embeddings(),
        last_layer=last_layer(made),
        middle_layer=middle_layer(made),
    )


def _entropy(result: Result | str) -> float:
    assert isinstance(result, Result), result
    return float(spectra.entropy(torch.from_numpy(result.head.values)))


if __name__ == "__main__":
    main()
