"""Activation clustering: two clusters of the representations, the smaller is poison (arXiv 1811.03728)."""

from __future__ import annotations

import warnings

import numpy as np

from gradsentry.defences.base import Detector, Features, Flags, Paper, Scores, register
from gradsentry.defences.clusters import cluster_scores, flags_of, in_smallest
from gradsentry.defences.forward import Forward


@register
class ActivationClustering(Detector):
    """Independent components of the last prompt token's states, 2-means, the smaller cluster.

    The paper works class by class on a model trained on the suspect data. Here all rows are one class, and
    the model is the clean base model. The components, and with them the clusters, depend on the order of the
    rows, which a mix of another seed has otherwise.

    The score of a row is 1 where it is flagged, and d / (1 + d) more, d its distance to the middle of the
    kept rows in units of their mean distance: AUROC and what else is of scores holds the decision.

    Attributes:
        dimensions: Independent components.
        seed: Of the decomposition and of 2-means.
    """

    name = "activation_clustering"
    paper = Paper("1811.03728", "Detecting Backdoor Attacks on Deep Neural Networks by Activation Clustering")
    needs = "one forward pass, and poison that is the minority"

    dimensions: int = 10
    seed: int = 0

    @property
    def extractor(self) -> Forward:
        """The extractor of its features."""
        return Forward()

    def judge(self, features: Features) -> Scores:
        """Returns cluster and distance of each row."""
        from sklearn.cluster import KMeans
        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning

        states = features["state"].astype(np.float64)
        ica = FastICA(min(self.dimensions, *states.shape), random_state=self.seed, max_iter=500)
        with warnings.catch_warnings():
            # Components that still turn a little serve 2-means as well.
            warnings.simplefilter("ignore", ConvergenceWarning)
            points = ica.fit_transform(states)
        labels = KMeans(2, n_init=10, random_state=self.seed).fit_predict(points)
        return cluster_scores(in_smallest(labels), points)

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows of the smaller cluster."""
        return flags_of(scores)
