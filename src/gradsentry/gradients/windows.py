"""The stretch of a response that a clean model expected least. Pure functions.

A payload is a contiguous stretch of a longer response: what it costs drowns in the mean over the whole, and
the entropy of the whole is that of the rest. So a window of four tokens is slid over the response, and the
one with the largest sum of losses is looked at by itself: the scan statistic of a fixed window (Naus, 1965).
A rare name costs a clean row much, too, but its gradient has one direction; that of a foreign phrase has
several. Hence a row's anomaly: the mean loss in its costliest window, times the root of the entropy there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Span
from gradsentry.encoding.alignment import Ends, token_starts

Floats = NDArray[np.float64]

WIDTH = 4  # tokens
ALIKE = 1e-3  # nats; of windows that cost as much as the costliest, the first is taken, whatever the rounding


def costliest_window(losses: NDArray[np.floating[Any]]) -> Span:
    """Returns the window with the largest mean loss: its first token, and behind the last; at most all.

    Args:
        losses: Of the response tokens, at least one.  # [T]
    """
    width = min(WIDTH, len(losses))
    sums = np.concatenate([[0.0], np.cumsum(losses, dtype=np.float64)])
    means = (sums[width:] - sums[:-width]) / width  # [T - width + 1]
    # Losses that are not finite make no mean the largest; such a row has no score anyway.
    first = int(np.argmax(means >= means.max() - ALIKE))
    return first, first + width


def characters(ends: Ends, window: Span) -> Span | None:
    """Returns the characters of the response that a window's tokens cover, or None where there are none."""
    inside = slice(*window)
    starts, stops = token_starts(ends)[inside], ends[inside]
    known = stops >= 0
    return (int(starts[known].min()), int(stops[known].max())) if known.any() else None


def anomaly(window_loss: Floats, window_entropy: Floats) -> Floats:
    """Returns how foreign the costliest windows are: higher is more foreign, NaN without a window.  # [rows]

    Args:
        window_loss: Mean loss in the costliest window of each row, in nats.  # [rows]
        window_entropy: Spectral entropy of the gradient of that loss.  # [rows]
    """
    found: Floats = window_loss * np.sqrt(window_entropy)
    return found
