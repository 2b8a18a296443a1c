"""Where the samples of a pack stand in its row of tokens, and which calls compute their attention.

What a sample begins with as the one before it does stands in the pack once: its path names the places of its
tokens, those it shares and its own. Samples of like length share a call, padded to the longest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Scores (a query against a key) that one more call costs as much as.
_CPU_CALL, _GPU_CALL = 1 << 11, 1 << 20
# Keys that one call copies together at most.
_KEYS_OF_A_CALL = 1 << 15


@dataclass(frozen=True, slots=True)
class AttentionCall:
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
class AttentionPlan:
    """How the attention of some tokens is computed.

    Attributes:
        calls: The calls.
        order: Where each token's output stands among those of all calls.
    """

    calls: tuple[AttentionCall, ...]
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
    all: AttentionPlan
    wanted: Tensor
    few: AttentionPlan
    kept: Tensor
    paths: tuple[Tensor, ...]


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
        all=_plan(paths, everything, device),
        wanted=move([path[own] - carried for path, own in zip(paths, few, strict=True)]),
        few=_plan(paths, few, device),
        kept=move([path[:kept]]),
        paths=tuple(move([path]) for path in paths),
    )


def _plan(
    paths: Sequence[NDArray[np.int64]], positions: Sequence[NDArray[np.int64]], device: torch.device
) -> AttentionPlan:
    """Returns the attention of tokens at some positions of each sample, which stand one after another."""
    starts = [0, *accumulate(map(len, positions))]
    order, calls, done = np.zeros(starts[-1], np.int64), [], 0
    call_cost = _GPU_CALL if device.type == "cuda" else _CPU_CALL
    for members in _together([*map(len, positions)], [*map(len, paths)], call_cost):
        chosen = [positions[i] for i in members]
        queries, asks = _padded([np.arange(starts[i], starts[i + 1]) for i in members])
        keys, _ = _padded([paths[i] for i in members])
        calls.append(
            AttentionCall(
                torch.from_numpy(queries).to(device),
                torch.from_numpy(keys).to(device),
                _mask(chosen, keys.shape[1], device),
            )
        )
        order[queries[asks]] = done + np.flatnonzero(asks)
        done += asks.size
    return AttentionPlan(tuple(calls), torch.from_numpy(order).to(device))


def _together(asking: Sequence[int], lengths: Sequence[int], call_cost: int) -> Iterator[list[int]]:
    """Yields which samples share a call: longest first, while padding costs less than a call of its own."""
    members: list[int] = []
    queries = keys = 0
    for i in sorted(range(len(asking)), key=lambda i: (-asking[i], -lengths[i], i)):
        longest, rows = max(keys, lengths[i]), len(members) + 1
        wasted = queries * (rows * longest - len(members) * keys) - asking[i] * lengths[i]
        if members and (wasted > call_cost or rows * longest > _KEYS_OF_A_CALL):
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
