"""Attention over a pack: many samples in one row of tokens, each seeing only itself.

A pack holds no padding; its layout says which keys each token sees (see `pack_layout`). Everything in a
transformer but attention treats tokens one by one, so nothing else has to know. `attend` takes the place of
the model's own attention while a pack runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradsentry.models.pack_layout import AttentionCall, AttentionPlan, Layout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_NAME = "gradsentry_packed"
# What changes attention, and is not done here; the model then runs padded batches.
_UNKNOWN = ("softcap", "s_aux", "sliding_window", "position_bias")


@dataclass(frozen=True, slots=True)
class Carried:
    """Keys and values of some first tokens, from the pack before.

    Attributes:
        ids: The tokens, [P].
        layers: Keys [P, heads, d_k] and values [P, heads, d_v] of each layer.
        middle: What left the middle layer, [P, d]; None where that is not taken.
    """

    ids: NDArray[np.int64]
    layers: tuple[tuple[Tensor, Tensor], ...]
    middle: Tensor | None = None


EMPTY = Carried(np.empty(0, np.int64), ())


@dataclass(slots=True)
class _Pass:
    """What a pack knows and keeps while it runs."""

    layout: Layout
    carried: Carried
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    # The keys and values of the last layer, where it runs in two steps; `asked` says that they are wanted.
    last: tuple[Tensor, Tensor] | None = None
    asked: bool = False


class _KeysKnown(Exception):  # noqa: N818
    """The last layer has gone as far as it need go for all tokens."""


_running: ContextVar[_Pass] = ContextVar("_running")


@contextmanager
def packed_attention(
    model: PreTrainedModel, layout: Layout, carried: Carried, last: nn.Module | None = None
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Lets a model run a pack; yields the keys and values that it keeps, a pair a layer.

    Args:
        model: The causal model.
        layout: Of the pack.
        carried: From the pack before.
        last: The model's last layer, if it is to run to its end for the wanted tokens alone.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, attend)
    before = model.config._attn_implementation
    run = _Pass(layout, carried)
    token = _running.set(run)
    model.set_attn_implementation(_NAME)
    try:
        with _in_two_steps(last, run) if last is not None else nullcontext():
            yield run.kept
    finally:
        model.set_attn_implementation(before)
        _running.reset(token)


@contextmanager
def _in_two_steps(layer: nn.Module, run: _Pass) -> Iterator[None]:
    """Lets a layer run to its end for the wanted tokens alone."""
    own = vars(layer).get("forward")  # a library may have put its own there
    layer.forward = partial(_for_wanted, layer.forward, run)
    try:
        yield
    finally:
        del layer.forward
        if own is not None:
            layer.forward = own


def _for_wanted(
    forward: Callable[..., object], run: _Pass, hidden: Tensor, *args: object, **options: object
) -> object:
    """Runs a layer for all tokens until their keys are known, then for the wanted ones; the others' are 0."""
    wanted, tokens = run.layout.wanted, hidden.shape[1]

    def pick(value: object) -> object:
        if isinstance(value, Tensor) and value.ndim > 1 and value.shape[1] == tokens:
            return value[:, wanted]
        return tuple(map(pick, value)) if isinstance(value, tuple) else value

    def spread(value: object) -> object:
        if isinstance(value, Tensor):
            return value.new_zeros(value.shape[0], tokens, *value.shape[2:]).index_copy_(1, wanted, value)
        return tuple(map(spread, value)) if isinstance(value, tuple) else value

    run.asked = True
    with suppress(_KeysKnown):
        forward(hidden, *args, **options)
    few = forward(pick(hidden), *map(pick, args), **{name: pick(value) for name, value in options.items()})
    return spread(few)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: object,
) -> tuple[Tensor, None]:
    """Returns attention's output for a pack, [1, N, heads, d_v]; the signature is that of transformers.

    Args:
        module: The layer's attention; not looked at.
        query: [1, heads, N, d_k].
        key: [1, key heads, N, d_k].
        value: [1, key heads, N, d_v].
        attention_mask: None: the layout says what is seen.
        scaling: Of the scores; None is the usual one.
        dropout: 0, as nothing trains.
        options: Whatever else the model hands to attention.

    Raises:
        ValueError: If the model wants attention of another kind.
    """
    wanted = [name for name in _UNKNOWN if options.get(name) is not None]
    if wanted or attention_mask is not None or dropout:
        raise ValueError(f"a pack's attention knows no {', '.join(wanted) or 'mask or dropout'}")
    run = _running.get()
    Q, K, V = (tensor[0].transpose(0, 1) for tensor in (query, key, value))  # [N, heads, d]
    if run.last is not None:
        return _attend(run.layout.few, Q, *run.last, scaling), None
    if run.carried.layers:
        known_K, known_V = run.carried.layers[len(run.kept)]
        K, V = torch.cat([known_K, K]), torch.cat([known_V, V])
    run.kept.append((K[run.layout.kept], V[run.layout.kept]))
    if run.asked:
        run.last = K, V
        raise _KeysKnown
    return _attend(run.layout.all, Q, K, V, scaling), None


def _attend(plan: AttentionPlan, Q: Tensor, K: Tensor, V: Tensor, scaling: float | None) -> Tensor:
    """Returns the output for every token that asks, [1, N, heads, d_v]."""
    outputs = torch.cat([_attend_call(call, Q, K, V, scaling) for call in plan.calls])
    return outputs[plan.order][None]


def _attend_call(call: AttentionCall, Q: Tensor, K: Tensor, V: Tensor, scaling: float | None) -> Tensor:
    """Returns the output for every query of a call, [n S, heads, d_v]."""
    rows, length = call.queries.shape
    heads, key_heads = Q.shape[1], K.shape[1]
    q = Q[call.queries].transpose(1, 2)  # [n, heads, S, d]
    k, v = K[call.keys].transpose(1, 2), V[call.keys].transpose(1, 2)  # [n, key heads, L, d]
    sdpa = torch.nn.functional.scaled_dot_product_attention
    if call.mask is None:
        out = sdpa(q, k, v, is_causal=True, scale=scaling, enable_gqa=heads != key_heads)
    else:
        # Heads that share keys stand behind one another as queries: no key is copied for them.
        folded = heads // key_heads
        q = q.reshape(rows, key_heads, folded * length, -1)
        out = sdpa(q, k, v, attn_mask=call.mask.repeat(1, 1, folded, 1), scale=scaling)
        out = out.reshape(rows, heads, length, -1)
    return out.transpose(1, 2).reshape(rows * length, heads, -1)
