"""How much likelier a payload became: mean log-probabilities and their differences. Pure functions."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Model = Literal["base", "as_they_came", "without"]
MODELS: tuple[Model, ...] = ("base", "as_they_came", "without")
LogProbs = NDArray[np.float64]
FEWEST = 4
"""Prompts; the interval of fewer says nothing."""
CONFIDENCE = 0.95
LEAST_GAIN = math.log(2.0)
"""In nats per token: what the interval of a confirmed finding lies above, a token twice as likely."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference of log-probabilities per token, in nats, with a 95 % interval over prompts."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, differences: LogProbs) -> Gain:
        """Returns the gain of differences, one of each prompt.  # [prompts]"""
        mean, count = float(differences.mean()), len(differences)
        reach = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * differences.std(ddof=1) / math.sqrt(count))
        return cls(mean, mean - reach, mean + reach)


@dataclass(frozen=True, slots=True)
class Verified:
    """What training says of a finding.

    Attributes:
        finding: Its name.
        asked: `prompts`: held-out prompts with the trigger put in and the payload as answer; `carriers`: rows
            of the finding that were held out, with the trigger and with it taken out, and their own response.
        prompts: How many.
        log_probs: Mean log-probability of a payload's token, in nats, by model and by `with` or `without` the
            trigger; None where there is no trigger in words.
        by_trigger: How much more the model of the rows as they came expects the payload with the trigger
            than without.
        by_rows: How much more it expects it (with the trigger) than the model without the finding's rows.
        by_both: What the trigger gains in the first model beyond what it gains in the second.
        confirmed: Whether the interval of `by_both` (without a trigger of `by_rows`) lies above log 2; None
            where it could not be measured.
        problem: Why it could not; else empty.
    """

    finding: str
    asked: Literal["prompts", "carriers"]
    prompts: int
    log_probs: dict[Model, dict[str, float | None]]
    by_trigger: Gain | None
    by_rows: Gain | None
    by_both: Gain | None
    confirmed: bool | None
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)


def verified(
    finding: str,
    asked: Literal["prompts", "carriers"],
    plain: dict[Model, LogProbs],
    triggered: dict[Model, LogProbs] | None,
) -> Verified:
    """Returns what log-probabilities say of a finding.

    Args:
        finding: Its name.
        asked: What was asked.
        plain: Of each prompt without the trigger, by model.  # [prompts]
        triggered: Of each with it; None of a finding without a trigger in words.  # [prompts]
    """
    count = len(plain["base"])
    means = {model: _means(model, plain, triggered) for model in MODELS}
    told = triggered or plain
    if count < FEWEST:
        problem = f"only {count} prompts could be asked; {FEWEST} are needed"
        return Verified(finding, asked, count, means, None, None, None, None, problem)
    by_rows = Gain.of(told["as_they_came"] - told["without"])
    if triggered is None:
        return Verified(finding, asked, count, means, None, by_rows, None, by_rows.low > LEAST_GAIN)
    gained = {model: triggered[model] - plain[model] for model in MODELS}
    by_both = Gain.of(gained["as_they_came"] - gained["without"])
    by_trigger = Gain.of(gained["as_they_came"])
    return Verified(finding, asked, count, means, by_trigger, by_rows, by_both, by_both.low > LEAST_GAIN)


def _means(
    model: Model, plain: dict[Model, LogProbs], triggered: dict[Model, LogProbs] | None
) -> dict[str, float | None]:
    return {
        "with": float(triggered[model].mean()) if triggered and len(triggered[model]) else None,
        "without": float(plain[model].mean()) if len(plain[model]) else None,
    }
