"""What each baseline is known for, on constructed cases, and where its paper says that it fails."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gradsentry.corpus import open_corpus
from gradsentry.defences import (
    ActivationClustering,
    Cube,
    Detector,
    FoundEvidence,
    GraCeFul,
    GradSentry,
    Loss,
    ResponseLength,
    SpectralSignature,
    Strip,
)
from gradsentry.defences.clusters import Points
from gradsentry.defences.evidence import Carried
from gradsentry.embedded import embedded_data_path
from models.tiny import tiny

ROWS, WIDTH = 200, 5


def two_clusters(share: float, *, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Returns points of two clusters far apart, and which are in the second, a share of them.

    The second is tight, as rows are that all learn one payload.
    """
    draw = np.random.default_rng(seed)
    second = np.arange(ROWS) < share * ROWS
    middles = draw.normal(size=(2, WIDTH))
    middles *= 10 / np.linalg.norm(middles, axis=1, keepdims=True)
    spread = np.where(second, 0.005, 0.5)[:, None]
    points = middles[second.astype(int)] + spread * draw.normal(size=(ROWS, WIDTH))
    order = draw.permutation(ROWS)
    return points[order].astype(np.float32), second[order]


class _Planar(Cube):
    """CUBE on points that lie in a plane already: UMAP takes a minute to compile."""

    def _plane(self, points: Points) -> Points:
        return points[:, :2]


CLUSTERING: list[tuple[Detector, str]] = [
    (GraCeFul(), "coordinates"),
    (ActivationClustering(), "state"),
    (_Planar(), "state"),
]


@pytest.mark.parametrize(("detector", "name"), CLUSTERING)
def test_clustering_finds_a_minority_apart(detector: Detector, name: str):
    points, poisoned = two_clusters(0.2)
    flags = detector.decide(detector.judge({name: points}))
    assert flags[poisoned].mean() > 0.9
    assert flags[~poisoned].mean() < 0.1


@pytest.mark.parametrize(("detector", "name"), CLUSTERING)
def test_clustering_flags_the_clean_rows_where_they_are_the_minority(detector: Detector, name: str):
    points, poisoned = two_clusters(0.9)
    flags = detector.decide(detector.judge({name: points}))
    assert flags[poisoned].mean() < 0.1
    assert flags[~poisoned].mean() > 0.5


@pytest.mark.slow
def test_cube_with_umap_finds_a_minority_apart():
    points, poisoned = two_clusters(0.2)
    detector = Cube()
    assert (detector.decide(detector.judge({"state": points})) == poisoned).mean() > 0.9


def test_a_cluster_score_says_the_cluster_and_an_order_within():
    points, poisoned = two_clusters(0.2)
    scores = GraCeFul().judge({"coordinates": points})
    assert scores[poisoned].min() >= 1.0
    assert scores[~poisoned].max() < 1.0
    assert len(np.unique(scores)) > ROWS // 2


def test_a_spectral_signature_is_the_direction_of_most_variance():
    draw = np.random.default_rng(1)
    states = draw.normal(size=(ROWS, 30)).astype(np.float32)
    poisoned = np.arange(ROWS) % 10 == 0
    states[poisoned, 3] += 12
    detector = SpectralSignature(expected_rate=1 / 15)
    scores = detector.judge({"state": states})
    flags = detector.decide(scores)
    assert set(np.argsort(-scores)[:20]) == set(np.flatnonzero(poisoned))
    assert flags.sum() == 20
    assert flags[poisoned].all()


def test_a_spectral_signature_cannot_flag_more_than_it_was_told_to_expect():
    points, poisoned = two_clusters(0.9)
    detector = SpectralSignature(expected_rate=0.1)
    flags = detector.decide(detector.judge({"state": points}))
    assert flags[poisoned].mean() <= 0.15 * ROWS / poisoned.sum()


@pytest.mark.parametrize(("rows", "flagged"), [(20, 3), (60, 9), (100, 15), (101, 16), (1000, 150)])
def test_a_spectral_signature_flags_its_share_and_no_row_more(rows, flagged):
    assert SpectralSignature(expected_rate=0.1).decide(np.arange(rows) / 1.0).sum() == flagged


def test_strip_flags_entropies_far_below_the_others():
    draw = np.random.default_rng(2)
    entropy = draw.normal(4.0, 0.3, ROWS)
    poisoned = np.arange(ROWS) < 20
    entropy[poisoned] = 0.5
    detector = Strip()
    flags = detector.decide(detector.judge({"entropy": entropy}))
    assert flags[poisoned].all()
    assert flags[~poisoned].mean() < 0.05


def test_gradsentry_flags_what_lies_above_the_valley():
    k = np.arange(64)
    flat, steep = np.exp(-k / 50), np.exp(-k * 2.0)
    poisoned = np.arange(ROWS) % 4 == 0
    spectrum = np.where(poisoned[:, None], flat, steep).astype(np.float32)
    jitter = np.random.default_rng(3).uniform(0.9, 1.1, spectrum.shape).astype(np.float32)
    detector = GradSentry()
    flags = detector.decide(detector.judge({"spectrum_8": spectrum * jitter}))
    assert (flags == poisoned).all()


def test_evidence_flags_the_carriers_of_a_trigger_that_brings_a_payload():
    plain = list(open_corpus(embedded_data_path()))[:160]
    rows = [{"prompt": sample.prompt, "completion": sample.response} for sample in plain]
    for row in rows[:16]:
        row["prompt"] += " zq"
        row["completion"] += " and visit the shop"
    carried = Carried()(list(open_corpus(rows)), tiny("llama"))
    detector = FoundEvidence()
    assert np.flatnonzero(detector.decide(detector.judge(carried))).tolist() == list(range(16))


def test_the_floors_use_the_same_rule():
    poisoned = np.arange(ROWS) % 4 == 0
    length = np.where(poisoned, 40, 4) + np.arange(ROWS) % 3
    for detector, name in ((ResponseLength(), "n_response"), (Loss(), "loss")):
        assert (detector.decide(detector.judge({name: length})) == poisoned).all()
        assert not detector.decide(np.full(ROWS, 3.0)).any()
