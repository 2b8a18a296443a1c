"""What the model says of a row, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradsentry.deciding.expectation import STANDS_OUT, Signals


def signal_clauses(signals: Signals, number: int, row: Mapping[str, Any]) -> list[str]:
    """Returns what the model says of a row beside what is expected at its length, in clauses.

    Args:
        signals: Of all rows.
        number: Which row.
        row: Its line of the score table.
    """
    tokens, score = row["n_response"], row["score"]
    expected = signals.expected[number]
    known = f", where {expected:.2f} is expected" if np.isfinite(expected) else ""
    parts = [f"score {score:.2f}{known} at {tokens} tokens"]
    if abs(signals.deviation[number]) > STANDS_OUT:
        parts[0] += f" ({_far(signals.deviation[number])})"
    if signals.anomaly_deviation[number] > STANDS_OUT and row["window_chars"]:
        first, last = row["window_chars"]
        parts.append(
            f"the clean model expected characters {first} to {last} of the response least: anomaly "
            f"{signals.measures.anomaly[number]:.1f} ({_far(signals.anomaly_deviation[number])}), "
            f"mean loss {row['window_loss']:.1f} a token"
        )
    return parts


def _far(deviations: float) -> str:
    return f"{abs(deviations):.1f} standard deviations {'above' if deviations > 0 else 'below'}"
