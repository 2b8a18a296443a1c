"""A forward pass: token ids in, what enters the output projection at the tokens that are asked for out.

Samples run either as a pack, without padding and with what they share run once, or, where a model's layers
look back in a way that a pack does not know (a sliding window, a recurrent state), padded on the right, which
a causal model cannot see. The projection itself is given nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradsentry.models.pack_layout import lay_out
from gradsentry.models.packed_attention import EMPTY, Carried, packed_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Up to this share of wanted tokens it is cheaper to run the last layer for them alone.
_FEW = 0.75

Ids = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class States:
    """What a pass shows of samples.

    Attributes:
        wanted: What enters the output projection at the wanted tokens, one sample after another, [N, d].
        middle: What leaves the middle layer at all tokens of each sample, [S, d] each; empty where that was
            not asked for, or is no such tensor.
    """

    wanted: Tensor
    middle: tuple[Tensor, ...] = ()


@torch.inference_mode()
def padded_pass(
    model: PreTrainedModel,
    projection: nn.Module,
    samples: Sequence[Ids],
    wanted: Sequence[Marks],
    *,
    middle: nn.Module | None = None,
) -> States:
    """Returns the states of samples.

    Args:
        model: The causal model.
        projection: Its output projection.
        samples: Token ids, [S] each.
        wanted: Which of them are asked for, [S] each.
        middle: The layer whose states are taken at all tokens, if any is.
    """
    shape = (len(samples), max(map(len, samples)))
    ids, marks = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    for row, (sample, marked) in enumerate(zip(samples, wanted, strict=True)):
        ids[row, : len(sample)] = sample
        marks[row, : len(sample)] = marked
    device = _device(projection)
    places = torch.from_numpy(np.flatnonzero(marks)).to(device)
    with _entering(projection, places) as taken, _leaving(middle, shape) as left:
        model(input_ids=torch.from_numpy(ids).to(device), use_cache=False)
    rows = zip(left[0], samples, strict=True) if left else ()
    return States(taken[0], tuple(hidden[: len(sample)] for hidden, sample in rows))


@torch.inference_mode()
def packed_pass(
    model: PreTrainedModel,
    projection: nn.Module,
    samples: Sequence[Ids],
    wanted: Sequence[Marks],
    shared: Sequence[int],
    *,
    carried: Carried = EMPTY,
    kept: int = 0,
    last: nn.Module | None = None,
    middle: nn.Module | None = None,
) -> tuple[States, Carried]:
    """Returns the states of samples, and what the next pack can go on from.

    Args:
        model: The causal model.
        projection: Its output projection.
        samples: Token ids, [S] each.
        wanted: Which of them are asked for, [S] each; none of those that are shared.
        shared: How many first tokens each has in common with the sample before it, and the first with what is
            carried.
        carried: The beginning of the first sample, from the pack before.
        kept: How many first tokens of the last sample the next pack begins with.
        last: The model's last layer, if it may run to its end for the wanted tokens alone.
        middle: The layer whose states are taken at all tokens, if any is.
    """
    device = _device(projection)
    layout = lay_out(samples, wanted, shared, carried=len(carried.ids), kept=kept, device=device)
    few = len(layout.wanted) <= _FEW * len(layout.ids)
    with (
        _entering(projection, layout.wanted) as taken,
        packed_attention(model, layout, carried, last if few else None) as layers,
        _leaving(middle, (1, len(layout.ids))) as left,
    ):
        model(input_ids=layout.ids[None], position_ids=layout.positions[None], use_cache=False)
    tokens: tuple[Tensor, ...] = ()
    if left and (carried.middle is not None) == bool(len(carried.ids)):
        hidden = left[0][0] if carried.middle is None else torch.cat([carried.middle, left[0][0]])
        tokens = tuple(hidden[path] for path in layout.paths)
    following = EMPTY
    if kept:
        following = Carried(samples[-1][:kept], tuple(layers), tokens[-1][:kept] if tokens else None)
    return States(taken[0], tokens), following


def _device(projection: nn.Module) -> torch.device:
    weight = projection.weight
    assert isinstance(weight, Tensor)
    return weight.device


@contextmanager
def _entering(projection: nn.Module, positions: Tensor) -> Iterator[list[Tensor]]:
    """Takes what enters the projection at some places of the flat batch, and leaves it nothing to do."""
    taken: list[Tensor] = []

    def take(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = args[0]  # [B, S, d]
        taken.append(hidden.reshape(-1, hidden.shape[-1])[positions])
        return (hidden[:, :0], *args[1:])

    handle = projection.register_forward_pre_hook(take)
    try:
        yield taken
    finally:
        handle.remove()


@contextmanager
def _leaving(layer: nn.Module | None, shape: tuple[int, int]) -> Iterator[list[Tensor]]:
    """Takes what leaves a layer, [B, S, d], if it has that form; nothing where there is no layer."""
    taken: list[Tensor] = []

    def take(_: nn.Module, args: object, output: object) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if isinstance(hidden, Tensor) and hidden.shape[:-1] == shape:
            taken.append(hidden)

    handle = None if layer is None else layer.register_forward_hook(take)
    try:
        yield taken
    finally:
        if handle is not None:
            handle.remove()


def last_layer(model: PreTrainedModel) -> nn.Module | None:
    """Returns the last of the model's layers, or None where they are not plain to see."""
    layers = _stack(model)
    return None if layers is None else layers[-1]


def middle_layer(model: PreTrainedModel) -> nn.Module | None:
    """Returns the layer at half of the model's depth; None where it is not plain to see, or is the last."""
    layers = _stack(model)
    return layers[len(layers) // 2 - 1] if layers is not None and len(layers) > 1 else None


def _stack(model: PreTrainedModel) -> nn.ModuleList | None:
    stacks = [one for one in model.modules() if isinstance(one, nn.ModuleList) and len(one) == _layers(model)]
    return stacks[0] if len(stacks) == 1 else None


def packs(model: PreTrainedModel, projection: nn.Module, last: nn.Module | None) -> bool:
    """Whether the model gives the same for samples in packs as for padded ones, tried on a few tokens.

    Args:
        model: The causal model.
        projection: Its output projection.
        last: See `packed_pass`.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    entries = int(model.config.get_text_config().vocab_size)
    first, second, third = (np.arange(start, start + 9) % entries for start in (1, 20, 40))
    second[:4], third[:6] = first[:4], second[:6]
    samples = [first, second, third]
    # A gap among them, as in a dialogue.
    wanted = [np.isin(np.arange(9), (6, 8))] * 3
    before = model.config._attn_implementation
    try:
        # What looks back over part of the row only may show it beyond the few tokens tried here.
        if any(type(layer) is not DynamicLayer for layer in DynamicCache(config=model.config).layers):
            return False
        whole = padded_pass(model, projection, samples, wanted).wanted.float()
        head, carried = packed_pass(model, projection, samples[:2], wanted[:2], [0, 4], kept=6, last=last)
        tail, _ = packed_pass(model, projection, samples[2:], wanted[2:], [6], carried=carried, last=last)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, KeyError):
        # A model that cannot run in this form runs in another.
        return False
    if model.config._attn_implementation != before or len(carried.layers) != _layers(model):
        return False
    room = 1e-4 if _dtype(projection) in (torch.float32, torch.float64) else 3e-2
    difference = (torch.cat([head.wanted, tail.wanted]).float() - whole).abs().max()
    return bool(difference <= room * whole.abs().max().clamp_min(1e-6))


def _dtype(projection: nn.Module) -> torch.dtype:
    weight = projection.weight
    assert isinstance(weight, Tensor)
    return weight.dtype


def _layers(model: PreTrainedModel) -> int:
    return int(model.config.get_text_config().num_hidden_layers)
