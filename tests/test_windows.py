"""The costliest window of a response, against every window looked at one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.encoding.alignment import NOWHERE
from gradsentry.gradients.windows import ALIKE, WIDTH, characters, costliest_window


@given(st.lists(st.floats(0, 30, width=32), min_size=1, max_size=60))
def test_no_window_costs_more(drawn):
    losses = np.array(drawn, np.float32)
    first, last = costliest_window(losses)
    assert last - first == min(WIDTH, len(losses))
    means = [
        losses[at : at + last - first].mean(dtype=np.float64) for at in range(len(losses) - last + first + 1)
    ]
    assert means[first] >= max(means) - ALIKE - 1e-9
    assert all(mean < max(means) - ALIKE + 1e-9 for mean in means[:first])


def test_rounding_does_not_choose_among_windows_that_cost_the_same():
    losses = np.tile([1.0, 9.0, 2.0, 8.0, 0.5, 0.5], 3)
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(0, 1e-6, len(losses))
        assert costliest_window(losses + noise) == costliest_window(losses)


def test_losses_that_are_not_finite_give_some_window():
    assert costliest_window(np.array([np.nan] * 9)) == (0, WIDTH)


@pytest.mark.parametrize(
    ("window", "expected"), [((0, 2), (0, 5)), ((1, 4), (2, 9)), ((2, 5), (5, 9)), ((4, 5), None)]
)
def test_characters(window, expected):
    ends = np.array([2, 5, 9, 9, NOWHERE], np.int32)
    assert characters(ends, window) == expected
