"""Within a batch the processor does not wait for the device, but to fetch results, and not once a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gradsentry.gradients.running import run
from gradsentry.models.families import Sharing
from gradsentry.settings import ScoreSettings
from models.tiny import tiny

from .drawn import drawn_sample

# What a GPU would be waited for: a number read, a shape that depends on values.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal")


class Waits(TorchDispatchMode):
    """Counts the operations for which a GPU is waited."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").split(".")[0]
        indices = args[1] if name.startswith("index") and len(args) > 1 else ()
        masks = isinstance(indices, list | tuple) and any(
            isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in indices
        )
        if name in WAITING or masks:
            self.found[f"{name} by a mask" if masks else name] += 1
        return func(*args, **(kwargs or {}))


def test_what_is_waited_for_is_counted():
    values = torch.arange(4.0)
    for waiting in (lambda: values[values > 1], lambda: float(values[0]), values.nonzero):
        with Waits() as waits:
            waiting()
        assert waits.found
    others = torch.zeros(2)
    with Waits() as waits:
        values[values > 1] = others
    assert waits.found


@pytest.fixture
def fetched(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes that were fetched from the device."""
    shapes: list[tuple[int, ...]] = []
    fetch = torch.Tensor.cpu

    def cpu(tensor, *args, **kwargs):
        shapes.append(tuple(tensor.shape))
        return fetch(tensor, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    return shapes


@pytest.mark.parametrize("sharing", [Sharing(packs=True, pads=True), Sharing(packs=False, pads=True)])
@pytest.mark.parametrize("kind", ["llama", "gemma2-softcap"])
def test_a_batch_is_not_waited_for_row_by_row(kind, sharing, fetched):
    loaded = replace(tiny(kind), sharing=replace(sharing, packs=sharing.packs and tiny(kind).sharing.packs))
    counts = []
    for rows in (4, 32):
        batch = [drawn_sample(seed, 9, 6) for seed in range(rows)]
        fetched.clear()
        with Waits() as waits:
            results = dict(run(loaded, batch, ScoreSettings(token_budget=1000)))
        assert len(results) == rows
        assert not waits.found
        counts.append(len(fetched))
    assert counts[0] == counts[1]
