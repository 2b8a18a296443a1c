"""The floors: response length and loss. A defence that does not beat them has found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import (
    Bar,
    Detector,
    Extractor,
    Features,
    Flags,
    Paper,
    RowExtractor,
    Scope,
    Scores,
    register,
)
from gradsentry.defences.gradsentry import above, valley
from gradsentry.defences.reading import Reading, encode_all

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel


class Lengths(Extractor):
    """`n_response`, the count of response tokens; no forward pass is made."""

    name = "lengths"

    @property
    def scope(self) -> Scope:
        """The count depends on the row alone."""
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        return {"n_response": np.array([one.n_response for one in encode_all(samples, loaded)], np.float32)}


class Floor(Detector):
    """The base: a number of the row, and the same rule for tau as the published one.

    The rule works on [0, 1], so log(1 + score) is put there, from the least to the greatest.
    """

    paper: ClassVar[Paper | None] = None

    def tau_of(self, scores: Scores) -> Bar | None:
        """Returns the valley of log(1 + score), as a score; None where all scores are the same."""
        logs = np.log1p(np.maximum(scores, 0.0))
        low, high = (np.nanmin(logs), np.nanmax(logs)) if np.isfinite(logs).any() else (0.0, 0.0)
        if low == high:
            return None
        found = valley((logs - low) / (high - low))
        return replace(found, tau=float(np.expm1(low + found.tau * (high - low))))

    def decide(self, scores: Scores) -> Flags:
        """Returns which rows lie above the valley of log(1 + score)."""
        bar = self.tau_of(scores)
        return np.zeros(len(scores), np.bool_) if bar is None else above(scores, bar)


@register
class ResponseLength(Floor):
    """The number of response tokens."""

    name = "response_length"
    needs = "a tokenizer"

    @property
    def extractor(self) -> Lengths:
        """The extractor of its features."""
        return Lengths()

    def judge(self, features: Features) -> Scores:
        """Returns the number of response tokens of each row."""
        return features["n_response"].astype(np.float64)


class MeanLoss(RowExtractor):
    """`loss`, the mean loss of the response's tokens, in nats."""

    name = "mean_loss"

    def of_reading(self, reading: Reading) -> Features:
        """Returns the features of one row."""
        return {"loss": reading.losses().double().mean().cpu().numpy()}


@register
class Loss(Floor):
    """The mean loss on the response's tokens."""

    name = "loss"
    needs = "one forward pass of the clean base model"

    @property
    def extractor(self) -> MeanLoss:
        """The extractor of its features."""
        return MeanLoss()

    def judge(self, features: Features) -> Scores:
        """Returns the mean loss of each row, in nats."""
        return features["loss"].astype(np.float64)
