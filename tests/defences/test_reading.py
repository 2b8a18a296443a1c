"""What is read off a forward pass, against the oracle and against the scan."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from gradsentry.corpus import open_corpus
from gradsentry.defences import GradSentry, GradSentryFull, Loss, ResponseLength
from gradsentry.defences.forward import CROPS, Forward
from gradsentry.defences.graceful import Coordinates, low_frequencies
from gradsentry.defences.reading import encode_all, read
from gradsentry.gradients.reference import reference_gradient
from gradsentry.scoring import score_table
from gradsentry.settings import ScoreSettings
from models.tiny import tiny

ROWS = [
    {"prompt": f"w{i} w7 w9", "completion": " ".join(f"w{5 + (i * j) % 80}" for j in range(1, 3 + i))}
    for i in range(3, 9)
]
SAMPLES = list(open_corpus(ROWS))


@pytest.mark.parametrize("kind", ["llama", "phi-bias", "gemma2-softcap", "cohere-scale", "opt-projection"])
def test_the_factors_multiply_to_autograds_gradient(kind: str):
    loaded = tiny(kind)
    encoded = encode_all(SAMPLES, loaded)
    for row, reading in read(loaded, encoded):
        gradient = reference_gradient(loaded, encoded[row])
        product = reading.factor().T @ reading.states / len(reading.targets)
        np.testing.assert_allclose(product, gradient, atol=2e-6)


def test_low_frequencies_are_the_corner_of_the_gradients_transform():
    loaded = tiny("llama")
    encoded = encode_all(SAMPLES, loaded)
    for row, reading in read(loaded, encoded):
        whole = scipy.fft.dctn(reference_gradient(loaded, encoded[row]).numpy(), norm="ortho")
        np.testing.assert_allclose(low_frequencies(reading, 12, 4), whole[:12, :4], atol=2e-6)


def test_coordinates_have_the_distances_of_the_transforms():
    loaded = tiny("llama")
    flat = {
        row: low_frequencies(reading, 12, 4).ravel()
        for row, reading in read(loaded, encode_all(SAMPLES, loaded))
    }
    points = Coordinates()(SAMPLES, loaded)["coordinates"]
    for i in range(len(SAMPLES)):
        for j in range(i):
            expected = np.linalg.norm(flat[i] - flat[j])
            assert np.linalg.norm(points[i] - points[j]) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_the_detector_scores_as_the_scan_does():
    loaded = tiny("llama")
    for detector in (GradSentry(), GradSentryFull(), GradSentry(k=4)):
        settings = ScoreSettings(crop=detector.crop, k=detector.k)
        scanned = score_table(SAMPLES, loaded, settings)["score"].to_numpy()
        np.testing.assert_allclose(detector.score(SAMPLES, loaded), scanned, atol=1e-5)


def test_the_floors_are_what_the_scan_counts():
    loaded = tiny("llama")
    table = score_table(SAMPLES, loaded, ScoreSettings())
    assert ResponseLength().score(SAMPLES, loaded).tolist() == table["n_response"].to_pylist()
    np.testing.assert_allclose(Loss().score(SAMPLES, loaded), table["loss"].to_numpy(), rtol=1e-5)


def test_a_row_that_cannot_be_encoded_has_no_score_and_is_not_flagged():
    samples = list(open_corpus([*ROWS, {"prompt": "w5", "completion": " "}]))
    detector = ResponseLength()
    scores = detector.score(samples, tiny("llama"))
    assert np.isfinite(scores[:-1]).all()
    assert np.isnan(scores[-1])
    assert not detector.decide(scores)[-1]


def test_spectra_of_every_region_hold_64_values_in_falling_order():
    features = Forward()(SAMPLES, tiny("llama"))
    for crop in CROPS:
        values = features[f"spectrum_{crop}"]
        assert values.shape == (len(SAMPLES), 64)
        assert (np.diff(values) <= 0).all()
