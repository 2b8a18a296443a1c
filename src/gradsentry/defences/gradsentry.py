"""GradSentry as a detector: spectral entropy of the output projection's gradient, the published rule."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.defences.base import Bar, Detector, Features, Flags, Paper, Scores, register
from gradsentry.defences.forward import Forward, K
from gradsentry.settings import ThresholdSettings

PAPER = Paper("2605.26574", "GradSentry")


@register
class GradSentry(Detector):
    """The entropy of the k largest singular values of the gradient's corner; tau by the valley rule.

    Attributes:
        crop: The region, `G[: V // crop, : d // crop]`.
        k: How many singular values.
        tau: The fallback where the density has no valley.
    """

    name = "gradsentry"
    paper = PAPER
    needs = "one forward pass of the clean base model"

    crop: Literal[1, 4, 8, 16] = 8
    k: int = Field(default=16, ge=2, le=K)
    tau: float = Field(default=0.7, ge=0.0, le=1.0)

    @property
    def extractor(self) -> Forward:
        """The extractor of its features."""
        return Forward()

    def judge(self, features: Features) -> Scores:
        """Returns the entropy of each row's spectrum."""
        import torch

        from gradsentry import spectra

        values = torch.from_numpy(features[f"spectrum_{self.crop}"][:, : self.k])
        scores: Scores = spectra.entropy(values).numpy()
        return scores

    def tau_of(self, scores: Scores) -> Bar:
        """Returns tau, chosen by the published rule."""
        return valley(scores, self.tau)

    def decide(self, scores: Scores) -> Flags:
        """Returns which rows lie above tau."""
        return above(scores, self.tau_of(scores))


@register
class GradSentryFull(GradSentry):
    """The same on the whole gradient."""

    name = "gradsentry_full"

    crop: Literal[1, 4, 8, 16] = 1


def valley(scores: Scores, fallback: float = 0.7) -> Bar:
    """Returns the tau of the published rule; scores in [0, 1] or NaN."""
    chosen = choose_threshold(scores[np.isfinite(scores)], ThresholdSettings(tau=fallback))
    return Bar(chosen.tau, chosen.fallback)


def above(scores: Scores, bar: Bar) -> Flags:
    """Returns which scores, none of them negative, lie above a bar; NaN does not."""
    flags: Flags = np.nan_to_num(scores, nan=-1.0) > bar.tau
    return flags
