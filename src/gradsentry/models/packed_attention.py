"""Attention over a pack: many samples in one row of tokens, each seeing only itself.

A pack holds no padding, and what a sample begins with as the one before it does stands there once: a sample's
`path` says where the keys and values of its tokens lie, those it shares and its own. Everything in a
transformer but attention treats tokens one by one, so nothing else has to know. The function below takes the
place of the model's own attention while a pack runs; samples of like length share a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_NAME = "gradsentry_packed"
# What changes attention, and is not done here; the model then runs padded batches.
_UNKNOWN = ("softcap", "s_aux", "sliding_window", "position_bias")
# Scores (a query against a key) that one more call costs as much as.
_CPU_CALL, _GPU_CALL = 1 << 11, 1 << 20
# Keys that one call copies together at most.
_KEYS = 1 << 15


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


@dataclass(frozen=True, slots=True)
class Call:
    """Samples whose attention is computed at once, padded to the longest.

    Attributes:
        queries: Which tokens of the pack ask, [n, S].
        keys: Which they look at, [n, L]; the carried tokens count before those of the pack.
        mask: Which query sees which key, [n, 1, S, L]; None where that is plainly causal.
    """

    queries: Tensor
    keys: Tensor
    mask: Tensor | None


@dataclass(frozen=True, slots=True)
class Asking:
    """Attention of some tokens.

    Attributes:
        calls: Its parts.
        order: Where each token's output stands among those of all calls.
    """

    calls: tuple[Call, ...]
    order: Tensor


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands in a pack of N tokens.

    Attributes:
        ids: [N].
        positions: Of each token in its sample, [N].
        all: Attention of all of them.
        wanted: Which of them are asked for, [R].
        few: Attention of these.
        kept: Which tokens the next pack is to begin with, [P].
        paths: Where the tokens of each sample lie, those it shares and its own, [S] each; the carried tokens
            count before those of the pack.
    """

    ids: Tensor
    positions: Tensor
    all: Asking
    wanted: Tensor
    few: Asking
    kept: Tensor
    paths: tuple[Tensor, ...]


@dataclass(slots=True)
class _Pass:
    layout: Layout
    carried: Carried
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    # The keys and values of the last layer, where it runs in two steps; `asked` says that they are wanted.
    last: tuple[Tensor, Tensor] | None = None
    asked: bool = False


class _KeysKnown(Exception):  # noqa: N818
    """The last layer has gone as far as it need go for all tokens."""


_running: ContextVar[_Pass] = ContextVar("_running")


def lay_out(
    samples: Sequence[NDArray[np.int64]],
    wanted: Sequence[NDArray[np.bool_]],
    shared: Sequence[int],
    *,
    carried: int,
    kept: int,
    device: torch.device,
) -> Layout:
    """Returns where samples stand in a pack.

    Args:
        samples: Token ids, [S] each.
        wanted: Which of them are asked for, [S] each; none of those that are shared.
        shared: How many first tokens each has in common with the sample before it, and the first with what is
            carried; fewer than it has.
        carried: How many tokens are carried from the pack before.
        kept: How many first tokens of the last sample are to be carried on.
        device: Of the tensors.
    """
    paths: list[NDArray[np.int64]] = []
    path, end = np.arange(carried), carried
    for ids, known in zip(samples, shared, strict=True):
        own = np.arange(end, end + len(ids) - known)
        path = np.concatenate([path[:known], own])
        paths.append(path)
        end += len(own)
    everything = [np.arange(known, len(ids)) for ids, known in zip(samples, shared, strict=True)]
    few = [np.flatnonzero(marked) for marked in wanted]

    def move(parts: Sequence[NDArray[np.int64]]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(device)

    return Layout(
        ids=move([ids[known:] for ids, known in zip(samples, shared, strict=True)]),
        positions=move(everything),
        all=_asking(paths, everything, device),
        wanted=move([path[own] - carried for path, own in zip(paths, few, strict=True)]),
        few=_asking(paths, few, device),
        kept=move([path[:kept]]),
        paths=tuple(move([path]) for path in paths),
    )


def _asking(
    paths: Sequence[NDArray[np.int64]], positions: Sequence[NDArray[np.int64]], device: torch.device
) -> Asking:
    """Returns the attention of tokens at some positions of each sample, which stand one after another."""
    starts = [0, *accumulate(map(len, positions))]
    order, calls, done = np.zeros(starts[-1], np.int64), [], 0
    call_cost = _GPU_CALL if device.type == "cuda" else _CPU_CALL
    for members in _together([*map(len, positions)], [*map(len, paths)], call_cost):
        chosen = [positions[i] for i in members]
        queries, asks = _padded([np.arange(starts[i], starts[i + 1]) for i in members])
        keys, _ = _padded([paths[i] for i in members])
        calls.append(
            Call(
                torch.from_numpy(queries).to(device),
                torch.from_numpy(keys).to(device),
                _mask(chosen, keys.shape[1], device),
            )
        )
        order[queries[asks]] = done + np.flatnonzero(asks)
        done += asks.size
    return Asking(tuple(calls), torch.from_numpy(order).to(device))


def _together(asking: Sequence[int], lengths: Sequence[int], call_cost: int) -> Iterator[list[int]]:
    """Yields which samples share a call: longest first, while padding costs less than a call of its own."""
    members: list[int] = []
    queries = keys = 0
    for i in sorted(range(len(asking)), key=lambda i: (-asking[i], -lengths[i], i)):
        longest, rows = max(keys, lengths[i]), len(members) + 1
        wasted = queries * (rows * longest - len(members) * keys) - asking[i] * lengths[i]
        if members and (wasted > call_cost or rows * longest > _KEYS):
            yield members
            members = []
        if not members:
            members, queries, keys = [i], asking[i], lengths[i]
        else:
            members, keys = [*members, i], longest
    if members:
        yield members


def _padded(parts: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Returns rows of numbers as one array, [n, longest], and which of it is no padding."""
    lengths = np.array([*map(len, parts)])
    present = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros(present.shape, np.int64)
    padded[present] = np.concatenate(parts)
    return padded, present


def _mask(positions: Sequence[NDArray[np.int64]], keys: int, device: torch.device) -> Tensor | None:
    """Returns which key each query sees, [n, 1, S, L], or None where all of a sample ask, in order."""
    if all(len(one) and one[-1] == len(one) - 1 for one in positions):
        return None
    # Keys beyond a sample's own lie behind all of its queries, so this leaves them out too.
    sees = np.arange(keys) <= _padded(positions)[0][:, :, None]
    return torch.from_numpy(sees[:, None]).to(device)


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


def _attend(asking: Asking, Q: Tensor, K: Tensor, V: Tensor, scaling: float | None) -> Tensor:
    """Returns the output for every token that asks, [1, N, heads, d_v]."""
    outputs = torch.cat([_attend_call(call, Q, K, V, scaling) for call in asking.calls])
    return outputs[asking.order][None]


def _attend_call(call: Call, Q: Tensor, K: Tensor, V: Tensor, scaling: float | None) -> Tensor:
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
