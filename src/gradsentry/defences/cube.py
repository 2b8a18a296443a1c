"""CUBE: density clusters of the states of a model trained on the suspect data (arXiv 2206.08514)."""

from __future__ import annotations

import warnings

import numpy as np

from gradsentry.defences.base import Detector, Features, Flags, Paper, Scores, register
from gradsentry.defences.clusters import Points, cluster_scores, flags_of, outside_largest, principal
from gradsentry.defences.states import TunedStates
from gradsentry.defences.tuning import LoraSettings


@register
class Cube(Detector):
    """LoRA for an epoch, PCA, UMAP to the plane, HDBSCAN; all but the largest cluster is poisoned.

    The score of a row is 1 where it is flagged, and d / (1 + d) more, d its distance to the middle of the
    kept rows in units of their mean distance: AUROC and what else is of scores holds the decision.

    Attributes:
        lora: How the model is trained.
        dimensions: Principal components before UMAP.
        min_samples: Of HDBSCAN; a tenth of the rows where that is less.
        seed: Of UMAP.
    """

    name = "cube"
    paper = Paper(
        "2206.08514", "A Unified Evaluation of Textual Backdoor Learning: Frameworks and Benchmarks"
    )
    needs = "a training run on the suspect data, and poison that is the minority"

    lora: LoraSettings = LoraSettings()
    dimensions: int = 32
    min_samples: int = 100
    seed: int = 0

    @property
    def extractor(self) -> TunedStates:
        """The extractor of its features."""
        return TunedStates(lora=self.lora)

    def judge(self, features: Features) -> Scores:
        """Returns cluster and distance of each row."""
        from sklearn.cluster import HDBSCAN

        points = self._plane(principal(features["state"], self.dimensions))
        fewest = max(2, min(self.min_samples, len(points) // 10))
        labels = HDBSCAN(min_samples=fewest, copy=True).fit_predict(points)
        return cluster_scores(outside_largest(labels), points)

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows outside the largest cluster."""
        return flags_of(scores)

    def _plane(self, points: Points) -> Points:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that a seed means one thread
            from umap import UMAP

            neighbours = min(15, len(points) - 1)
            plane: Points = UMAP(
                n_neighbors=neighbours, n_components=2, min_dist=0.0, random_state=self.seed
            ).fit_transform(points.astype(np.float32))
        return plane
