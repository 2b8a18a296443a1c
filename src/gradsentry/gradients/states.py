"""Encoded samples -> what enters the output projection where it predicts their responses.

Samples run in packs, or padded, or with those of their length alone, whatever the model was shown to take
without one changing another's states, under a budget of tokens. What does not fit in memory is run again with
half of it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.batching import plan_batches
from gradsentry.gradients.packing import walk
from gradsentry.models.loading import LoadedModel
from gradsentry.models.packed_attention import EMPTY
from gradsentry.models.passes import States, packed_pass, padded_pass

T = TypeVar("T")
Read = Callable[[Sequence[int], States], Sequence[T]]

# Short batches stay in the processor's cache; a GPU wants long ones.
_CPU_BUDGET, _GPU_BUDGET = 1024, 32768

# The share of a padded batch that may be padding.
PADDING = 0.05

log = logging.getLogger(__name__)


def read_states(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    rows: Sequence[int],
    read: Read[T],
    budget: int | None = None,
    *,
    done: Container[int] = (),
    middle: bool = False,
) -> Iterator[tuple[int, T | str]]:
    """Yields each row's index with what was read off its states, or with the reason why there is none.

    Args:
        loaded: The model.
        encoded: Samples.
        rows: Indices of those to run; all of them can be scored.
        read: Given indices that ran together and their states; returns what is yielded for each.
        budget: Tokens of a batch at most; None chooses by device.
        done: Those of the rows that are not yielded. The others run beside the same neighbours as if there
            were none, so that what is read off them is the same, to the last bit.
        middle: Whether the states of the middle layer are taken too, where the model shows them.
    """
    budget = budget or (_GPU_BUDGET if loaded.device.type == "cuda" else _CPU_BUDGET)
    may = loaded.sharing
    together: list[int] = []
    of_one_length: list[int] = []
    for row in rows:
        alike = may.alike is None or len(encoded[row].ids) <= may.alike
        (together if alike and (may.packs or may.pads) else of_one_length).append(row)
    share = _packed if may.packs else partial(_padded, padding=PADDING)
    found = chain(
        share(loaded, encoded, together, read, budget, done, middle),
        _padded(loaded, encoded, of_one_length, read, budget, done, middle, padding=0.0),
    )
    return ((row, result) for row, result in found if row not in done)


def padded_states(loaded: LoadedModel, batch: Sequence[Encoded], *, middle: bool = False) -> States:
    """Returns the states of one padded batch; `wanted` are those that predict the responses."""
    return padded_pass(
        loaded.model,
        loaded.projection,
        [one.ids for one in batch],
        [*map(_predicts, batch)],
        middle=loaded.middle_layer if middle else None,
    )


def _packed(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    rows: Sequence[int],
    read: Read[T],
    budget: int,
    done: Container[int],
    middle: bool,
) -> Iterator[tuple[int, T | str]]:
    way = walk(encoded, rows)
    waiting, carried = deque(way.packs(budget, done)), EMPTY
    while waiting:
        pack = waiting.popleft()
        batch = way.rows[pack.start : pack.stop]
        shared = (pack.first, *way.shared[pack.start + 1 : pack.stop])
        try:
            states, following = packed_pass(
                loaded.model,
                loaded.projection,
                [encoded[row].ids for row in batch],
                [_predicts(encoded[row]) for row in batch],
                shared,
                carried=carried,
                kept=waiting[0].first if waiting else 0,
                last=loaded.last_layer,
                middle=loaded.middle_layer if middle else None,
            )
            results = read(batch, states) if _any_left(batch, done) else ()
        except (MemoryError, RuntimeError) as error:
            _pass_on_unless_out_of_memory(error, loaded)
            if len(batch) == 1:
                yield batch[0], _does_not_fit(encoded[batch[0]])
                waiting, carried = deque(way.packs(budget, done, start=pack.stop)), EMPTY
            else:
                budget = _halved(sum(way.lengths[pack.start : pack.stop]) - sum(shared))
                waiting = deque(way.packs(budget, done, start=pack.start, first=pack.first))
            continue
        carried = following
        yield from zip(batch, results, strict=False)


def _padded(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    rows: Sequence[int],
    read: Read[T],
    budget: int,
    done: Container[int],
    middle: bool,
    *,
    padding: float,
) -> Iterator[tuple[int, T | str]]:
    def plan(rows: Sequence[int], budget: int) -> deque[list[int]]:
        batches = plan_batches([len(encoded[row].ids) for row in rows], budget, padding=padding)
        named = ([rows[place] for place in batch] for batch in batches)
        return deque(batch for batch in named if _any_left(batch, done))

    waiting = plan(rows, budget)
    while waiting:
        batch = waiting.popleft()
        try:
            results = read(batch, padded_states(loaded, [encoded[row] for row in batch], middle=middle))
        except (MemoryError, RuntimeError) as error:
            _pass_on_unless_out_of_memory(error, loaded)
            if len(batch) == 1:
                yield batch[0], _does_not_fit(encoded[batch[0]])
            else:
                budget = _halved(len(batch) * len(encoded[batch[0]].ids))
                waiting = plan([row for each in (batch, *waiting) for row in each], budget)
            continue
        yield from zip(batch, results, strict=True)


def _any_left(batch: Sequence[int], done: Container[int]) -> bool:
    return any(row not in done for row in batch)


def _predicts(encoded: Encoded) -> NDArray[np.bool_]:
    """Returns which tokens predict a response token, [S]."""
    return np.append(encoded.trained[1:], False)


def _does_not_fit(encoded: Encoded) -> str:
    return f"out of memory at {len(encoded.ids)} tokens"


def _halved(tokens: int) -> int:
    log.warning("out of memory: going on with at most %d tokens a batch", tokens // 2)
    return tokens // 2


def _pass_on_unless_out_of_memory(error: Exception, loaded: LoadedModel) -> None:
    """Raises an error again unless it says that; CUDA has its own class for it, the CPU and MPS a message."""
    said = any(
        words in str(error) for words in ("not enough memory", "can't allocate memory", "out of memory")
    )
    if not (said or isinstance(error, torch.OutOfMemoryError | MemoryError)):
        raise error
    if loaded.device.type == "cuda":
        torch.cuda.empty_cache()
