"""Encoded samples -> results: the states of those that run together, and what the head makes of them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from torch import Tensor

from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.head import HeadResult, head_results
from gradsentry.gradients.states import read_states
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import ScoreSettings


def run(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    settings: ScoreSettings,
    *,
    done: Container[int] = (),
) -> Iterator[tuple[int, HeadResult | str]]:
    """Yields each scorable sample's index with its result, or with the reason why there is none.

    Args:
        loaded: The model.
        encoded: The samples; those with a problem are passed over.
        settings: Region, k and token budget.
        done: Indices of samples that are not yielded; see `read_states`.
    """

    def read(rows: Sequence[int], A: Tensor) -> list[HeadResult]:
        return head_results(loaded.head, [encoded[i] for i in rows], A, crop=settings.crop, k=settings.k)

    ready = [index for index, one in enumerate(encoded) if one.problem is None]
    return read_states(loaded, encoded, ready, read, settings.token_budget, done=done)
