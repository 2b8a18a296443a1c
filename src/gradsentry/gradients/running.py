"""Encoded samples -> results: the states of those that run together, and what is read off them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import torch

from gradsentry.encoding.encode import Encoded
from gradsentry.features.alone import alone
from gradsentry.features.means import Means, batch_means
from gradsentry.gradients.head import HeadResult, head_results, mean_losses
from gradsentry.gradients.states import read_states
from gradsentry.models.loading import LoadedModel
from gradsentry.models.passes import States
from gradsentry.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class Result:
    """What one pass says of a row.

    Attributes:
        head: Losses and spectra.
        means: Mean states; None where nobody asked, or the model does not show them.
    """

    head: HeadResult
    means: Means | None


def run(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    settings: ScoreSettings,
    *,
    done: Container[int] = (),
) -> Iterator[tuple[int, Result | str]]:
    """Yields each scorable sample's index with its result, or with the reason why there is none.

    Args:
        loaded: The model.
        encoded: The samples; those with a problem are passed over.
        settings: Region, k, token budget, and whether mean states are kept.
        done: Indices of samples that are not yielded; see `read_states`.
    """

    def read(rows: Sequence[int], states: States) -> list[Result]:
        batch = [encoded[row] for row in rows]
        heads = head_results(loaded.head, batch, states.wanted, crop=settings.crop, k=settings.k)
        if not states.middle:
            return [Result(head, None) for head in heads]
        A = torch.split(states.wanted, [one.n_response for one in batch])
        return [*map(Result, heads, batch_means(batch, states.middle, A))]

    ready = [index for index, one in enumerate(encoded) if one.problem is None]
    return read_states(loaded, encoded, ready, read, settings.token_budget, done=done, middle=settings.groups)


def losses_alone(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    rows: Sequence[int],
    settings: ScoreSettings,
    *,
    done: Container[int] = (),
) -> dict[int, float]:
    """Returns the mean loss of responses without their prompts, in nats, by the sample's index.

    Args:
        loaded: The model.
        encoded: The samples.
        rows: Indices of those that are read; all of them can be scored.
        settings: The token budget.
        done: Those of the rows that nobody asks for; see `read_states`.
    """
    bare = {row: alone(encoded[row], loaded.tokenizer) for row in rows}
    order = list(bare)

    def read(places: Sequence[int], states: States) -> list[float]:
        return mean_losses(loaded.head, [bare[order[place]] for place in places], states.wanted)

    known = [place for place, row in enumerate(order) if row in done]
    found = read_states(
        loaded, [*bare.values()], range(len(order)), read, settings.token_budget, done=set(known)
    )
    return {order[place]: loss for place, loss in found if not isinstance(loss, str)}
