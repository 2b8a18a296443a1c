"""Spectral signatures: outliers along the top singular vector of the representations (arXiv 1811.00636)."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from gradsentry.defences.base import Detector, Features, Flags, Paper, Scores, register
from gradsentry.defences.forward import Forward


@register
class SpectralSignature(Detector):
    """The squared projection of a row's centred state on the top singular vector of all.

    The paper works class by class on a model trained on the suspect data, and is told the poison rate. Here
    all rows are one class, the model is the clean base model, and the rate is a guess.

    Attributes:
        expected_rate: The share of rows thought to be poisoned; 1.5 times as many are flagged.
    """

    name = "spectral_signature"
    paper = Paper("1811.00636", "Spectral Signatures in Backdoor Attacks")
    needs = "one forward pass, and a guess of the poison rate"

    expected_rate: float = Field(default=0.1, gt=0.0, le=0.5)

    @property
    def extractor(self) -> Forward:
        """The extractor of its features."""
        return Forward()

    def judge(self, features: Features) -> Scores:
        """Returns the squared projection of each row."""
        states = features["state"].astype(np.float64)
        centred = states - states.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        scores: Scores = np.square(centred @ axes[0])
        return scores

    def decide(self, scores: Scores) -> Flags:
        """Returns the top 1.5 times the expected share."""
        flags = np.zeros(len(scores), np.bool_)
        # Rounded first: 15.000000000000002 rows, as 1.5 * 0.1 * 100 comes out, are 15.
        removed = min(len(scores), math.ceil(round(1.5 * self.expected_rate * len(scores), 9)))
        order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
        flags[order[:removed]] = True
        return flags & np.isfinite(scores)
