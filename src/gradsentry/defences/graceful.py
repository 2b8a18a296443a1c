"""GraCeFul: clustering of gradients in the frequency domain (arXiv 2412.02454).

G = D^T A / T, so its 2-D DCT is `DCT(D)^T DCT(A) / T`, the transforms along the vocabulary and along the
hidden size; both are cut to their low frequencies before they are multiplied. What is kept of a row is then
(V / 8)(d / 8) numbers, on the disk. All that follows depends on inner products alone, so the Gram matrix of
the rows is formed block by block and decomposed once: it gives each row coordinates in which every subset of
the rows has the distances, and so the principal components, of its gradients.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from gradsentry.defences.base import (
    Detector,
    Features,
    Flags,
    Paper,
    PoolExtractor,
    RowExtractor,
    Scores,
    register,
)
from gradsentry.defences.clusters import cluster_scores, flags_of, in_smallest, principal
from gradsentry.defences.reading import Reading
from gradsentry.errors import DataError

MAX_ROWS = 10_000
"""The Gram matrix and the clustering's distances are N x N: 800 MB each at this many rows."""

_COLUMNS = 1 << 14


class LowFrequencies(RowExtractor):
    """The corner of the gradient's 2-D DCT: `corner`, [V // crop * d // crop].

    Attributes:
        crop: The corner kept of the transform, `[: V // crop, : d // crop]`.
    """

    name = "low_frequencies"
    version = 2

    crop: int = 8

    def of_reading(self, reading: Reading) -> Features:
        """Returns the features of one row."""
        rows, columns = (max(1, side // self.crop) for side in reading.head.weight.shape)
        return {"corner": low_frequencies(reading, rows, columns).ravel()}


class Coordinates(PoolExtractor):
    """Points with the distances of the gradients' low frequencies: `coordinates`, [N, N at most]."""

    name = "coordinates"

    @property
    def of(self) -> LowFrequencies:
        """The low frequencies of each row."""
        return LowFrequencies()

    def related(self, features: Mapping[str, NDArray[np.floating]]) -> Features:
        """Returns the rows' coordinates.

        Raises:
            DataError: If there are more rows than the N x N matrices are meant for.
        """
        corners = features["corner"]
        if len(corners) > MAX_ROWS:
            raise DataError(f"graceful takes {MAX_ROWS} rows at most, not {len(corners)}", mend="sample them")
        return {"coordinates": _coordinates(corners).astype(np.float32)}


def low_frequencies(reading: Reading, rows: int, columns: int) -> NDArray[np.float32]:
    """Returns the first rows and columns of the gradient's 2-D DCT (type II, orthonormal)."""
    D = scipy.fft.dct(reading.factor().cpu().numpy(), axis=1, norm="ortho")[:, :rows]  # [T, rows]
    A = scipy.fft.dct(reading.states.cpu().numpy(), axis=1, norm="ortho")[:, :columns]  # [T, columns]
    corner: NDArray[np.float32] = D.T @ A / np.float32(len(D))
    return corner


def _coordinates(kept: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns points with the rows' distances: X with X X^T the Gram matrix about the rows' mean."""
    gram = np.zeros((len(kept), len(kept)))
    for start in range(0, kept.shape[1], _COLUMNS):
        block = kept[:, start : start + _COLUMNS]
        block = block - block.mean(axis=0)
        gram += block @ block.T
    values, vectors = np.linalg.eigh(gram)
    real = values > values[-1] * 1e-9
    points: NDArray[np.float64] = (vectors[:, real] * np.sqrt(values[real]))[:, ::-1]
    return points


@register
class GraCeFul(Detector):
    """PCA, standardising, and two clusters by average linkage on cosine; the smaller one is poisoned.

    The score of a row is 1 where it is flagged, and d / (1 + d) more, d its distance to the middle of the
    kept rows in units of their mean distance: AUROC and what else is of scores holds the decision.

    Attributes:
        dimensions: Principal components.
    """

    name = "graceful"
    paper = Paper(
        "2412.02454",
        "Gracefully Filtering Backdoor Samples for Generative Large Language Models without Retraining",
    )
    needs = "one forward pass of the clean base model, N x N memory, and poison that is the minority"

    dimensions: int = 32

    @property
    def extractor(self) -> Coordinates:
        """The extractor of its features."""
        return Coordinates()

    def judge(self, features: Features) -> Scores:
        """Returns cluster and distance of each row."""
        from sklearn.cluster import AgglomerativeClustering
        from sklearn.preprocessing import StandardScaler

        points = StandardScaler().fit_transform(principal(features["coordinates"], self.dimensions))
        labels = AgglomerativeClustering(2, metric="cosine", linkage="average").fit_predict(points)
        return cluster_scores(in_smallest(labels), points)

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows of the smaller cluster."""
        return flags_of(scores)
