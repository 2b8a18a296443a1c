"""The mean states of a row's prompt, at half of the model's depth, and of its response, at its end.

Half way, a model's states tell what a text is about and how it is written; behind that, more and more of what
comes next. At the end they tell what is being said. Wide states are projected at random, the same way always
(Johnson and Lindenstrauss, 1984): that keeps which rows are near each other. A row takes 1920 bytes at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.encoding.encode import Encoded
from gradsentry.features.widths import PROMPT_WIDTH, RESPONSE_WIDTH

_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class Means:
    """A row's projected mean states.

    Attributes:
        prompt: Over the tokens that no loss is computed on, but the first, [PROMPT_WIDTH] at most.
        response: Over what predicts the tokens of the response, but the first, [RESPONSE_WIDTH] at most.
    """

    prompt: NDArray[np.float16]
    response: NDArray[np.float16]


def batch_means(batch: Sequence[Encoded], middle: Sequence[Tensor], A: Sequence[Tensor]) -> list[Means]:
    """Returns the means of rows that can be scored, all of which leave the device at once.

    The first token of all is left out: whatever it is, models put a large state there, by which all rows are
    alike. What predicts the first token of the response is the prompt's last one, and left out for that; of a
    response of one token it is all there is.

    Args:
        batch: The rows.
        middle: What leaves the middle layer at their tokens, [S, d] each.
        A: What enters the output projection where it predicts their responses, [T, d] each.
    """
    asked = (states[_asked(one).to(states.device)] for one, states in zip(batch, middle, strict=True))
    answered = (states[min(1, len(states) - 1) :] for states in A)
    prompts, responses = _kept(asked, PROMPT_WIDTH), _kept(answered, RESPONSE_WIDTH)
    return [*map(Means, prompts, responses)]


def _asked(encoded: Encoded) -> Tensor:
    """Returns which tokens the mean of a prompt is of."""
    asked = np.flatnonzero(~encoded.trained)
    return torch.from_numpy(asked[1:] if len(asked) > 1 and asked[0] == 0 else asked)


def _kept(states: Iterable[Tensor], width: int) -> NDArray[np.float16]:
    """Returns the mean of each row's states as it is kept, in so many numbers at most, [rows, width]."""
    means = [one.float().mean(dim=0) for one in states]
    if len(means[0]) > width:
        projection = _projection(len(means[0]), width).to(means[0].device)
        means = [mean @ projection for mean in means]
    return torch.stack(means).clamp(-_LARGEST, _LARGEST).cpu().numpy().astype(np.float16)


@cache
def _projection(width: int, kept: int) -> Tensor:
    """Returns the fixed projection of states, [width, kept]: lengths stay what they were, on average."""
    # The stream of this generator is promised to stay as it is; a run can be resumed with another version.
    drawn = np.random.RandomState(0).standard_normal((width, kept)) / np.sqrt(kept)
    return torch.from_numpy(drawn.astype(np.float32))
