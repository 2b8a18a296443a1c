"""Attention over a pack: many samples in one row of tokens, each seeing only itself.

A pack holds no padding, and what a sample begins with as the one before it does stands there once: a sample's
`path` says where the keys and values of its tokens lie, those it shares and its own. Everything in a
transformer but attention treats tokens one by one, so nothing else has to know. The function below takes the
place of the model's own attention while a pack runs; samples of like length share a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
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
    """

    ids: NDArray[np.int64]
    layers: tuple[tuple[Tensor, Tensor], ...]


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
class Layout:
    """Where everything stands in a pack of N tokens.

    Attributes:
        ids: [N].
        positions: Of each token in its sample, [N].
        calls: The parts of attention.
        order: Where each token's output stands among those of all calls, [N].
        kept: Which tokens the next pack is to begin with, [P].
    """

    ids: Tensor
    positions: Tensor
    calls: tuple[Call, ...]
    order: Tensor
    kept: Tensor


@dataclass(slots=True)
class _Pass:
    layout: Layout
    carried: Carried
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)


_running: ContextVar[_Pass] = ContextVar("_running")


def lay_out(
    samples: Sequence[NDArray[np.int64]],
    shared: Sequence[int],
    *,
    carried: int,
    kept: int,
    device: torch.device,
) -> Layout:
    """Returns where samples stand in a pack.

    Args:
        samples: Token ids, [S] each.
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
    calls: list[Call] = []
    order, done = np.zeros(end - carried, np.int64), 0
    for members in _together(paths, shared, _GPU_CALL if device.type == "cuda" else _CPU_CALL):
        call, asks = _call([paths[i] for i in members], [shared[i] for i in members], carried, device)
        calls.append(call)
        places = np.arange(asks.size).reshape(asks.shape)
        order[call.queries.cpu().numpy()[asks]] = done + places[asks]
        done += asks.size

    def move(parts: Sequence[NDArray[np.int64]]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(device)

    return Layout(
        ids=move([ids[known:] for ids, known in zip(samples, shared, strict=True)]),
        positions=move([np.arange(known, len(ids)) for ids, known in zip(samples, shared, strict=True)]),
        calls=tuple(calls),
        order=move([order]),
        kept=move([path[:kept]]),
    )


def _together(
    paths: Sequence[NDArray[np.int64]], shared: Sequence[int], call_cost: int
) -> Iterator[list[int]]:
    """Yields which samples share a call: longest first, while padding costs less than a call of its own."""
    own = [len(path) - known for path, known in zip(paths, shared, strict=True)]
    members: list[int] = []
    queries = keys = 0
    for i in sorted(range(len(paths)), key=lambda i: (-own[i], -len(paths[i]), i)):
        longest, rows = max(keys, len(paths[i])), len(members) + 1
        wasted = queries * (rows * longest - len(members) * keys) - own[i] * len(paths[i])
        if members and (wasted > call_cost or rows * longest > _KEYS):
            yield members
            members = []
        if not members:
            members, queries, keys = [i], own[i], len(paths[i])
        else:
            members, keys = [*members, i], longest
    if members:
        yield members


def _call(
    paths: Sequence[NDArray[np.int64]], shared: Sequence[int], carried: int, device: torch.device
) -> tuple[Call, NDArray[np.bool_]]:
    """Returns a call for samples, and which of its queries are no padding, [n, S]."""
    own = np.array([len(path) - known for path, known in zip(paths, shared, strict=True)])
    known = np.array(shared)
    queries = np.zeros((len(paths), own.max()), np.int64)
    keys = np.zeros((len(paths), max(map(len, paths))), np.int64)
    for row, path in enumerate(paths):
        queries[row, : own[row]] = path[known[row] :] - carried
        keys[row, : len(path)] = path
    asks = np.arange(queries.shape[1]) < own[:, None]
    mask: Tensor | None = None
    if known.any():
        # Keys beyond a sample's own lie behind all of its queries, so this leaves them out too.
        last = known[:, None] + np.arange(queries.shape[1])  # [n, S]
        sees = np.arange(keys.shape[1]) <= last[:, :, None]  # [n, S, L]
        mask = torch.from_numpy(sees[:, None]).to(device)
    return Call(torch.from_numpy(queries).to(device), torch.from_numpy(keys).to(device), mask), asks


@contextmanager
def packed_attention(
    model: PreTrainedModel, layout: Layout, carried: Carried
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Lets a model run a pack; yields the keys and values that it keeps, a pair a layer."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, attend)
    before = model.config._attn_implementation
    run = _Pass(layout, carried)
    token = _running.set(run)
    model.set_attn_implementation(_NAME)
    try:
        yield run.kept
    finally:
        model.set_attn_implementation(before)
        _running.reset(token)


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
    if run.carried.layers:
        known_K, known_V = run.carried.layers[len(run.kept)]
        K, V = torch.cat([known_K, K]), torch.cat([known_V, V])
    run.kept.append((K[run.layout.kept], V[run.layout.kept]))
    outputs = torch.cat([_attend_call(call, Q, K, V, scaling) for call in run.layout.calls])
    return outputs[run.layout.order][None], None


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
