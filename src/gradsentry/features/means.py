"""The mean states of a row's prompt, at half of the model's depth, and of its response, at its end.

Half way, a model's states tell what a text is about and how it is written; behind that, more and more of what
comes next. At the end they tell what is being said. Wide states are projected at random, the same way always
(Johnson and Lindenstrauss, 1984): that keeps which rows are near each other. A row takes 1920 bytes at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry.encoding.encode import Encoded

# Numbers of a mean that are kept, two bytes each. Groups are searched along single directions of the prompts,
# which a projection blurs; the responses only have to stay near each other.
PROMPT_WIDTH, RESPONSE_WIDTH = 640, 320

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


def row_means(encoded: Encoded, middle: Tensor, A: Tensor) -> Means:
    """Returns the means of a row that can be scored.

    The first token of all is left out: whatever it is, models put a large state there, by which all rows are
    alike. What predicts the first token of the response is the prompt's last one, and left out for that; of a
    response of one token it is all there is.

    Args:
        encoded: The row.
        middle: What leaves the middle layer at its tokens.  # [S, d]
        A: What enters the output projection where it predicts the response.  # [T, d]
    """
    asked = torch.from_numpy(~encoded.trained).to(middle.device)
    asked[0] = int(asked.sum()) == 1  # of a row without a prompt it is all there is
    prompt, response = middle[asked].float().mean(dim=0), A[min(1, len(A) - 1) :].float().mean(dim=0)
    return Means(_kept(prompt, PROMPT_WIDTH), _kept(response, RESPONSE_WIDTH))


def _kept(mean: Tensor, width: int) -> NDArray[np.float16]:
    """Returns a mean as it is kept, in so many numbers at most."""
    if len(mean) > width:
        mean = mean @ _projection(len(mean), width).to(mean.device)
    return mean.clamp(-_LARGEST, _LARGEST).cpu().numpy().astype(np.float16)


@cache
def _projection(width: int, kept: int) -> Tensor:
    """Returns the fixed projection of states, [width, kept]: lengths stay what they were, on average."""
    # The stream of this generator is promised to stay as it is; a run can be resumed with another version.
    drawn = np.random.RandomState(0).standard_normal((width, kept)) / np.sqrt(kept)
    return torch.from_numpy(drawn.astype(np.float32))
