"""What entropy is usual at a length."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.deciding.calibration import FARTHEST, MIN_ROWS, Calibration, fit

EVERY = np.ones(400, bool)


def drawn_rows(rows=400, seed=0):
    """Returns lengths, and scores that rise and widen with them; quartiles are at a normal's."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 300, rows)
    return lengths, 0.1 * np.log(lengths) + 0.01 * (1 + np.log(lengths)) * rng.normal(size=rows)


def test_deviations_are_normal_at_every_length():
    lengths, scores = drawn_rows(4000)
    found = fit(scores, lengths, np.ones(4000, bool)).deviations(scores, lengths)
    for part in (lengths < 20, (lengths >= 20) & (lengths < 100), lengths >= 100):
        assert np.quantile(found[part], [0.25, 0.5, 0.75]) == pytest.approx([-0.67, 0.0, 0.67], abs=0.15)


def test_a_tenth_of_outliers_neither_hides_nor_shifts():
    lengths, scores = drawn_rows()
    odd = np.arange(400) % 10 == 0
    mixed = np.where(odd, scores + 1.0, scores)
    found = fit(mixed, lengths, EVERY).deviations(mixed, lengths)
    assert found[odd].min() > 8
    assert found[~odd].max() < 5
    assert np.abs(fit(mixed, lengths, EVERY).expected(lengths) - 0.1 * np.log(lengths)).max() < 0.15


def test_both_sides_have_their_own_spread():
    lengths = np.full(400, 9)
    scores = np.concatenate([np.linspace(0.4, 0.5, 200), np.linspace(0.5, 0.9, 200)])
    found = fit(scores, lengths, EVERY)
    assert found.above[0] == pytest.approx(4 * found.below[0], rel=0.1)
    below, above = found.deviations(np.array([0.4, 0.9]), np.array([9, 9]))
    assert above == pytest.approx(-below, rel=0.1)


def test_where_all_rows_are_equal_another_is_far():
    found = fit(np.full(400, 0.5), np.full(400, 3), EVERY)
    values = found.deviations(np.array([0.5, 0.6, 0.1, np.nan]), np.array([3, 3, 3, 3]))
    assert values[:3].tolist() == [0.0, FARTHEST, -FARTHEST]
    assert np.isnan(values[3])


def test_a_calibration_goes_through_json():
    lengths, scores = drawn_rows()
    found = fit(scores, lengths, EVERY)
    assert Calibration.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_the_median_of_rows_as_long_is_expected():
    lengths = np.repeat([2, 8, 32], 40)
    scores = np.repeat([0.1, 0.4, 0.7], 40) + np.tile([-0.05, 0.05], 60)
    expected = fit(scores, lengths, np.ones(120, bool)).expected(lengths)
    assert expected[lengths == 2] == pytest.approx(0.1, abs=0.051)
    assert expected[lengths == 32] == pytest.approx(0.7, abs=0.051)
    assert expected[lengths == 2].max() < expected[lengths == 8].min() < expected[lengths == 32].min()


def test_rows_that_are_spoken_against_do_not_shift_what_is_usual():
    lengths = np.full(100, 12)
    scores = np.where(np.arange(100) < 60, 0.9, 0.3)
    expected = fit(scores, lengths, np.arange(100) >= 60).expected(lengths)
    assert expected == pytest.approx(0.3)


def test_nothing_is_usual_where_nothing_was_scored():
    assert fit(np.array([np.nan, np.nan]), np.array([0, 3]), np.ones(2, bool)) is None
    lengths = np.array([3, 0])
    some = fit(np.array([0.5, np.nan]), lengths, np.ones(2, bool)).expected(lengths)
    assert some[0] == 0.5
    assert np.isnan(some[1])


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=1, max_size=60))
def test_the_expectation_lies_among_the_scores(rows):
    lengths, scores = (np.array(column) for column in zip(*rows, strict=True))
    expected = fit(scores.astype(float), lengths, np.ones(len(rows), bool)).expected(lengths)
    assert (expected >= scores.min() - 1e-12).all()
    assert (expected <= scores.max() + 1e-12).all()
    if len(rows) < 2 * MIN_ROWS:
        assert expected == pytest.approx(np.median(scores))
