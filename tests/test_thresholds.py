"""tau: the published rule against a slow exact one, every fallback with its reason, and the other methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks
from scipy.stats import gaussian_kde

from gradsentry.deciding.thresholds import BINS, Threshold, choose_threshold, kernel_density
from gradsentry.settings import ThresholdSettings

GRID = np.linspace(0.0, 1.0, 2001)


def density(scores, places):
    """Returns the exact kernel sum with Silverman's bandwidth."""
    return gaussian_kde(scores, bw_method=1.06 * len(scores) ** -0.2)(places)


@dataclass(frozen=True)
class Valley:
    low: float
    high: float
    tau: float


def valley(values, *, prominence):
    """Returns the outermost peaks and the lowest place between them, or None where there is one peak."""
    values = np.concatenate([[0.0], values, [0.0]])
    peaks = find_peaks(values, prominence=prominence * values.max())[0] - 1
    if len(peaks) < 2:
        return None
    low, high = peaks[0], peaks[-1]
    return Valley(GRID[low], GRID[high], GRID[low + np.argmin(values[1:-1][low : high + 1])])


def two_hills(seed, counts, centres, spreads):
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(*hill) for hill in zip(centres, spreads, counts, strict=True)]
    return np.clip(np.concatenate(drawn), 0.0, 1.0)


hills = st.builds(
    two_hills,
    st.integers(0, 10_000),
    st.tuples(st.integers(20, 250), st.integers(3, 100)),
    st.tuples(st.floats(0.0, 0.6), st.floats(0.4, 1.0)),
    st.tuples(st.floats(0.01, 0.15), st.floats(0.01, 0.15)),
)


@pytest.mark.costly
@given(hills)
@settings(max_examples=20, deadline=None)
def test_the_density_is_the_kernel_sum(scores):
    ours = kernel_density(scores)
    exact = density(scores, ours.grid[::128])
    np.testing.assert_allclose(ours.values[::128], exact, atol=2e-3 * exact.max())


@pytest.mark.costly
@given(hills)
@settings(max_examples=40, deadline=None)
@example(two_hills(0, (200, 200), (0.0, 1.0), (0.05, 0.05)))
def test_the_published_rule_against_the_slow_one(scores):
    assume(len(scores) >= 30)
    exact = density(scores, GRID)
    strict, lax = (valley(exact, prominence=share) for share in (0.0105, 0.0095))
    assume(strict == lax)  # whether a hill of just 1 % counts may differ by rounding
    found = choose_threshold(scores)
    if strict is None:
        assert found.fallback
        assert "one peak" in found.reason
        return
    distance = strict.high - strict.low
    assume(abs(distance - 0.15) > 2e-3)
    above = (scores > strict.tau).sum()
    needed = max(5, 0.01 * len(scores))
    assume(abs(above - needed) >= 1 or above == needed)
    if distance < 0.15:
        assert found.fallback
        assert "apart" in found.reason
    elif above < needed:
        assert found.fallback
        assert "lie above the valley" in found.reason
    else:
        assert not found.fallback, found.reason
        assert strict.low < found.tau < strict.high
        floor, ours = density(scores, [strict.tau, found.tau])
        assert ours <= floor + 2e-3 * exact.max()
        assert f"{strict.low:.1f}"[:2] in found.reason


def fallback(scores, **given_settings):
    found = choose_threshold(np.asarray(scores, float), ThresholdSettings(**given_settings))
    assert found.fallback
    assert found.method == "published"
    assert found.tau == given_settings.get("tau", 0.7)
    assert found.reason.endswith(f"; the fallback {found.tau:g}")
    return found.reason.rpartition(";")[0]


def test_too_few_scores():
    assert fallback([]) == "0 scores are too few for a density (30 are needed)"
    assert fallback([0.1] * 15 + [0.9] * 14) == "29 scores are too few for a density (30 are needed)"
    assert not choose_threshold(np.array([0.1] * 15 + [0.9] * 15)).fallback


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.0])
def test_equal_scores(value):
    # The mean of 0.1, thirty times, is not 0.1.
    assert fallback([value] * 30) in ("all scores are equal", "the density has one peak")
    assert fallback([0.5] * 64) == "all scores are equal"


def test_one_peak():
    scores = np.random.default_rng(0).normal(0.4, 0.05, 1000)
    assert fallback(scores) == "the density has one peak"


def test_a_hill_below_a_hundredth_of_the_highest_is_no_peak():
    crowd = np.random.default_rng(0).normal(0.3, 0.01, 5000)
    assert fallback([*crowd, 0.9]) == "the density has one peak"


def test_peaks_that_stand_close():
    scores = two_hills(0, (500, 500), (0.4, 0.5), (0.005, 0.005))
    assert fallback(scores) == "the peaks are 0.10 apart, less than 0.15"


@pytest.mark.parametrize(("above", "of", "needed"), [(4, 200, "5"), (6, 1000, "10.06")])
def test_few_scores_above_the_valley(above, of, needed):
    scores = two_hills(1, (of, above), (0.2, 0.9), (0.05, 0.001))
    assert fallback(scores, tau=0.65).startswith(f"{above} scores lie above the valley at 0.")
    assert fallback(scores).endswith(f", fewer than {needed}")


def test_exactly_as_many_above_as_needed_are_enough():
    scores = two_hills(1, (200, 5), (0.2, 0.9), (0.05, 0.001))
    assert not choose_threshold(scores).fallback


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 0.5), (0.5, 1.0)])
def test_peaks_at_the_edges(low, high):
    found = choose_threshold(np.array([low] * 300 + [high] * 100))
    assert not found.fallback
    assert low < found.tau < high
    assert found.reason == f"the valley between the peaks at {low:.2f} and {high:.2f}"


def test_a_flat_floor_is_parted_in_the_middle():
    # 100 000 ties make the kernel narrow: nothing reaches the middle.
    found = choose_threshold(np.repeat([0.1, 0.9], 50_000))
    assert found.tau == pytest.approx(0.5, abs=2 / BINS)


def test_the_outermost_of_three_peaks_count():
    scores = np.concatenate([two_hills(0, (500, 100), (0.1, 0.9), (0.02, 0.02)), np.full(30, 0.5)])
    assert choose_threshold(scores).reason == "the valley between the peaks at 0.10 and 0.90"


def test_a_million_scores():
    scores = two_hills(0, (900_000, 100_000), (0.3, 0.8), (0.05, 0.05))
    found = choose_threshold(scores)
    assert not found.fallback
    assert 0.5 < found.tau < 0.7


@pytest.mark.costly
@given(hills, st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_is_nothing(scores, random):
    mixed = scores.tolist()
    random.shuffle(mixed)
    one, other = choose_threshold(scores), choose_threshold(np.array(mixed))
    assert (one.fallback, one.tau) == (other.fallback, pytest.approx(other.tau, abs=2 / BINS))


@pytest.mark.parametrize("tau", [0.0, 0.33, 1.0])
@pytest.mark.parametrize("scores", [[], [0.2, 0.9] * 30])
def test_fixed(tau, scores):
    found = choose_threshold(np.array(scores), ThresholdSettings(method="fixed", tau=tau))
    assert found == Threshold(tau, "fixed", False, f"tau {tau:g} was given")


def test_quantile():
    scores = np.arange(101) / 100
    found = choose_threshold(scores, ThresholdSettings(method="quantile", quantile=0.9))
    assert found == Threshold(0.9, "quantile", False, "90 % of the scores are at most 0.900")
    assert (scores > found.tau).sum() == 10
    nothing = choose_threshold(scores[:0], ThresholdSettings(method="quantile", tau=0.6))
    assert nothing == Threshold(0.6, "quantile", True, "there are no scores; the fallback 0.6")


@given(st.lists(st.floats(0, 1), max_size=60), st.sampled_from(["published", "fixed", "quantile"]))
def test_tau_lies_in_the_range_whatever_the_scores(scores, method):
    found = choose_threshold(np.array(scores, float), ThresholdSettings(method=method))
    assert 0.0 <= found.tau <= 1.0
    assert found.method == method
    assert found.reason
