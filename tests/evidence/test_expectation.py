"""What prompts let expect: the regression against its closed form, the chance against enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.poisoning import clean_rows, samples
from gradsentry.evidence.index.expectation import log10_beyond
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import SURE_OF_ANY, WORDS_RIDGE

CHANCES = st.floats(SURE_OF_ANY, 1.0 - SURE_OF_ANY)


@given(st.lists(st.tuples(st.booleans(), CHANCES), min_size=1, max_size=8), st.booleans())
def test_the_chance_of_zeros_and_ones_is_that_of_all_ways_to_have_as_many(seen, high):
    values, chances = np.array([float(one) for one, _ in seen]), np.array([chance for _, chance in seen])
    total = 0.0
    for way in product((0.0, 1.0), repeat=len(seen)):
        enough = sum(way) >= values.sum() if high else sum(way) <= values.sum()
        total += enough * np.prod(np.where(np.array(way) == 1.0, chances, 1.0 - chances))
    assert log10_beyond(values, chances, high=high) == pytest.approx(np.log10(total), abs=1e-9)


def test_ranks_far_from_what_was_expected_are_less_likely_than_near_ones():
    expected = np.full(20, 0.4)
    near, far = (log10_beyond(np.full(20, value), expected, high=True) for value in (0.45, 0.9))
    assert far < near < 0.0
    assert log10_beyond(np.full(20, 0.9), expected, high=False) > -0.1


def test_what_is_expected_is_the_ridge_regression_on_the_rows_without_the_trigger():
    texts = Texts.of(samples(clean_rows(60, seed=1)), least=2)
    values = np.random.default_rng(0).random((60, 2))
    carriers, others = np.arange(0, 60, 6), np.setdiff1d(np.arange(60), np.arange(0, 60, 6))
    ignored = frozenset({int(texts.prompts.row(0)[1])})
    vectors = texts.alike.vectors(np.arange(60), ignored).toarray()
    mean, learnt = values[others].mean(axis=0), vectors[others]
    square = learnt.T @ learnt + WORDS_RIDGE * np.eye(learnt.shape[1])
    weights = np.linalg.solve(square, learnt.T @ (values[others] - mean))
    found = texts.expectation.without(values, carriers, others, ignored)
    np.testing.assert_allclose(found, np.clip(mean + vectors[carriers] @ weights, 0.0, 1.0), atol=1e-4)
    held = texts.alike.vectors(np.arange(60), frozenset())
    assert np.abs(held.toarray() - vectors).max() > 0.1  # the trigger's own n-grams are left out
