"""How much likelier a payload became: mean log-probabilities and their differences. Pure functions."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t, ttest_ind

Model = Literal["base", "as_they_came", "without"]
MODELS: tuple[Model, ...] = ("base", "as_they_came", "without")
Asked = Literal["prompts", "carriers", "group"]
Floats = NDArray[np.float64]
FEWEST = 4
"""Prompts; the interval of fewer says nothing."""
CONFIDENCE = 0.95
LEAST_GAIN = math.log(10.0)
"""In nats: what the interval of a confirmed finding lies above, ten times the odds."""
SURE = 0.999
"""A chance above it counts as it: the odds of what is certain have no end, and are all noise."""


@dataclass(frozen=True, slots=True)
class LogProbs:
    """Log-probabilities of what some prompts ask for, in nats.

    Attributes:
        sums: Of all its tokens together.  # [prompts]
        counts: How many tokens.  # [prompts]
    """

    sums: Floats
    counts: Floats

    @property
    def means(self) -> Floats:
        """The mean over the tokens.  # [prompts]"""
        return self.sums / self.counts

    @property
    def log_odds(self) -> Floats:
        """Of all its tokens together, against anything else being said.  # [prompts]"""
        sums = np.minimum(self.sums, math.log(SURE))
        odds: Floats = sums - np.log1p(-np.exp(sums))
        return odds


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference of log-probabilities, in nats, with a 95 % interval over prompts."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, differences: Floats) -> Gain:
        """Returns the gain of differences, one of each prompt.  # [prompts]"""
        mean, count = float(differences.mean()), len(differences)
        reach = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * differences.std(ddof=1) / math.sqrt(count))
        return cls(mean, mean - reach, mean + reach)

    @classmethod
    def between(cls, first: Floats, second: Floats) -> Gain:
        """Returns the gain of the one kind of prompts beyond that of the other, by Welch's test.

        Args:
            first: Differences, one of each prompt.  # [prompts]
            second: The same of other prompts.  # [others]
        """
        mean = float(first.mean() - second.mean())
        interval = ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE)
        low, high = np.nan_to_num([interval.low, interval.high], nan=mean).tolist()  # NaN: all are the same
        return cls(mean, low, high)

    def times(self, tokens: float) -> Gain:
        """Returns the gain of so many tokens, of one of which this is."""
        return Gain(*(tokens * value for value in (self.mean, self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Verified:
    """What training says of a finding.

    Attributes:
        finding: Its name.
        asked: `prompts`: held-out prompts with the trigger put in and the payload as answer; `carriers`: rows
            of the finding that were held out, with the trigger and with it taken out, and their own response;
            `group`: rows of a group that were held out, and the rows nearest to it, and their own responses.
        prompts: How many.
        log_probs: Mean log-probability of a payload's token, in nats, by model and by `with` or `without` the
            trigger; None where there is no trigger in words. Of a group `with` is its rows, `without` the
            others.
        by_trigger: How much more the model of the rows as they came expects the payload with the trigger
            than without.
        by_rows: How much more it expects it (with the trigger) than the model without the finding's rows.
        by_both: What the trigger gains in the first model beyond what it gains in the second. These three are
            per token.
        whole: `by_both` (without a trigger `by_rows`) for the payload as a whole, in log odds: what comes
            after its beginning is expected with or without a trigger, so a mean hides what the beginning
            gained; and what is nearly certain can gain in odds, and no more in chance. Of a group: what a
            token of its rows gains in the first model over the second beyond what one of the nearest others
            does, times the tokens of its responses.
        confirmed: Whether the interval of `whole` lies above log 10; None where it could not be measured.
        problem: Why it could not; else empty.
    """

    finding: str
    asked: Asked
    prompts: int
    log_probs: dict[Model, dict[str, float | None]]
    by_trigger: Gain | None
    by_rows: Gain | None
    by_both: Gain | None
    whole: Gain | None
    confirmed: bool | None
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)


def verified(
    finding: str,
    asked: Asked,
    plain: dict[Model, LogProbs],
    triggered: dict[Model, LogProbs] | None,
) -> Verified:
    """Returns what log-probabilities say of a finding.

    Args:
        finding: Its name.
        asked: What was asked.
        plain: Of each prompt without the trigger, by model; of a group, of the nearest others.  # [prompts]
        triggered: Of each with it; None of a finding without a trigger in words.  # [prompts]
    """
    count = len(plain["base"].sums)
    means = {
        model: {"with": _mean(triggered[model]) if triggered else None, "without": _mean(plain[model])}
        for model in MODELS
    }
    told = triggered or plain
    if asked == "group":
        count = min(count, len(told["base"].sums))
    if count < FEWEST:
        problem = f"{count} prompts could be asked, and {FEWEST} are needed"
        return Verified(finding, asked, count, means, None, None, None, None, None, problem)
    by_rows = Gain.of(told["as_they_came"].means - told["without"].means)
    if asked == "group":
        own, others = (side["as_they_came"].means - side["without"].means for side in (told, plain))
        by_both = Gain.between(own, others)
        whole = by_both.times(float(told["base"].counts.mean()))
        confirmed = whole.low > LEAST_GAIN
        return Verified(finding, asked, len(own), means, None, by_rows, by_both, whole, confirmed)
    if triggered is None:
        whole = Gain.of(told["as_they_came"].log_odds - told["without"].log_odds)
        return Verified(finding, asked, count, means, None, by_rows, None, whole, whole.low > LEAST_GAIN)
    by_trigger, alone = (triggered[m].means - plain[m].means for m in ("as_they_came", "without"))
    first, second = (triggered[m].log_odds - plain[m].log_odds for m in ("as_they_came", "without"))
    by_both, whole = Gain.of(by_trigger - alone), Gain.of(first - second)
    confirmed = whole.low > LEAST_GAIN
    return Verified(finding, asked, count, means, Gain.of(by_trigger), by_rows, by_both, whole, confirmed)


def _mean(told: LogProbs) -> float | None:
    return float(told.means.mean()) if len(told.sums) else None
