"""What our time is spent on, by kind of operation, beside the rate that a bare matrix product reaches."""

from __future__ import annotations

import time

import torch
from speed_ways import Rows, ours
from torch.profiler import ProfilerActivity, profile

from gradsentry.models.loading import LoadedModel

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")
TOKENS, REPEATS = 512, 30


def profiled(loaded: LoadedModel, rows: Rows) -> dict[str, float]:
    """Returns the shares of matrix products, attention and all else, and the rates of the products.

    `rate` is what the products of a scan reach, `bare` what one of the model's own shape reaches by itself;
    both in 10^9 operations a second.
    """
    ours(loaded, rows.samples[:4])
    on_gpu = loaded.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities, with_flops=True) as found:
        ours(loaded, rows.samples)
    spent = {"products": 0.0, "attention": 0.0, "other": 0.0}
    operations = 0
    for event in found.key_averages():
        seconds = (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6
        kind = "products" if event.key in PRODUCTS else "attention" if "attention" in event.key else "other"
        spent[kind] += seconds
        operations += event.flops if event.key in PRODUCTS else 0
    total = sum(spent.values())
    shares = {name: round(seconds / total, 3) for name, seconds in spent.items()}
    return {**shares, "rate": round(operations / spent["products"] / 1e9, 1), "bare": round(_bare(loaded), 1)}


@torch.inference_mode()
def _bare(loaded: LoadedModel) -> float:
    """Returns the rate of the matrix product of a layer's first projection after attention."""
    config = loaded.model.config.get_text_config()
    shape = (config.intermediate_size, config.hidden_size)
    weight = torch.randn(shape, device=loaded.device, dtype=loaded.dtype)
    states = torch.randn(TOKENS, shape[1], device=loaded.device, dtype=loaded.dtype)
    torch.nn.functional.linear(states, weight)
    started = time.perf_counter()
    for _ in range(REPEATS):
        torch.nn.functional.linear(states, weight)
    if loaded.device.type == "cuda":
        torch.cuda.synchronize()
    return 2 * TOKENS * weight.numel() * REPEATS / (time.perf_counter() - started) / 1e9
