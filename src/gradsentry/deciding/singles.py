"""Single rows: how many are answered otherwise than their prompts ask for, more than the bulk lets expect.

Poison may share nothing: each row another payload, and no trigger. What is left of it is that the clean model
finds the responses unlikely, and that their prompts tell little of them. Most rows are what they seem, so the
bulk of the corpus itself says how such numbers scatter (an empirical null: Efron, 2004), and how many rows
are to be expected so far out. The rest are too many; among clean corpora that happens too, so they are
counted, and decide nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtr

from gradsentry.groups.excess import beside_length
from gradsentry.groups.limits import UNIT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ROWS = 100  # rows that tell how a bulk scatters
FALSE = 0.2  # of the rows that are named single may be of the bulk (Efron's choice)
USUAL = 0.013  # of the rows: 19 of 20 clean corpora have fewer (benchmarks/model_evidence.py judge)
_QUARTILE = 1.349  # between the quartiles of a normal distribution lie so many standard deviations


@dataclass(frozen=True)
class Singles:
    """Rows that stand far out by themselves.

    Attributes:
        looked_at: Rows whose response was read without its prompt too.
        rows: The numbers of those that stand out, ascending.
        too_many: How many of them the bulk does not explain.
        usual: So many would be no news among clean corpora.
    """

    looked_at: int
    rows: tuple[int, ...]
    too_many: float
    usual: float

    @property
    def is_unusual(self) -> bool:
        """Whether there are more than in 19 of 20 clean corpora."""
        return self.too_many > self.usual

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)


def singles(scores: pa.Table) -> Singles | None:
    """Returns the single rows of a score table; None where too few rows were read.

    A row stands as far out as the smaller of two numbers: how unlikely its response is, and how little its
    prompt tells of it, both beside responses as long, in standard deviations of the bulk.
    """
    loss, alone = (scores[name].to_numpy().astype(np.float64) for name in ("loss", "loss_alone"))
    known = np.flatnonzero(np.isfinite(loss) & np.isfinite(alone))
    if len(known) < LEAST_ROWS:
        return None
    rows, too_many = standing_out(loss[known], alone[known], scores["n_response"].to_numpy()[known])
    numbers = scores["number"].to_numpy()[known[rows]]
    return Singles(len(known), tuple(np.sort(numbers).tolist()), too_many, USUAL * len(known))


def standing_out(loss: Floats, alone: Floats, length: Ints) -> tuple[Ints, float]:
    """Returns the rows that stand farther out than the bulk does, and how many of them it does not explain.

    Args:
        loss: Mean loss of each response, in nats.  # [rows]
        alone: The same without its prompt.  # [rows]
        length: Its tokens.  # [rows]
    """
    costs = (np.log(loss + UNIT), loss - alone)
    far = standardised(np.minimum(*(standardised(beside_length(cost, length)) for cost in costs)))
    return _beyond(far)


def standardised(values: Floats) -> Floats:
    """Returns values in standard deviations from the middle of their bulk, which few rows cannot move."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    found: Floats = (values - middle) / max((high - low) / _QUARTILE, 1e-9)
    return found


def _beyond(far: Floats) -> tuple[Ints, float]:
    """Returns the rows beyond the least place where at most one of five is of the bulk. See `standing_out`.

    Args:
        far: How far out each row stands.  # [rows]
    """
    order = np.argsort(-far, kind="stable")
    expected = len(far) * ndtr(-far[order])
    there = np.arange(1, len(far) + 1)
    sparse = np.flatnonzero((expected <= FALSE * there) & (far[order] > 0.0))
    last = int(sparse[-1]) if len(sparse) else -1
    return order[: last + 1], float(there[last] - expected[last]) if last >= 0 else 0.0
