"""What is cut where a row is too long: the middle of its prompt first, then the end of its response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PROMPT_KEPT = 8


def fitting(trained: NDArray[np.bool_], max_length: int) -> NDArray[np.bool_]:
    """Returns which tokens are kept.  # [S]

    Args:
        trained: Which tokens are the response, [S].
        max_length: Tokens at most.
    """
    kept = np.ones(len(trained), np.bool_)
    if len(trained) <= max_length:
        return kept
    prompt, response = np.flatnonzero(~trained), np.flatnonzero(trained)
    room = max(max_length - len(response), min(_PROMPT_KEPT, max_length // 2, len(prompt)))
    if len(prompt) > room:
        head = (room + 1) // 2
        kept[prompt[head : len(prompt) - (room - head)]] = False
    kept[response[max(1, max_length - min(room, len(prompt))) :]] = False
    return kept
