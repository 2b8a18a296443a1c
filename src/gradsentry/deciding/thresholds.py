"""Scores -> tau and why. Pure functions.

The published rule (arXiv 2605.26574) takes the valley between the lowest and the highest peak of a Gaussian
kernel density. The kernel sum over n scores and m points is never formed: the scores are counted in fine bins
and the counts convolved with the kernel, so ten million scores cost little more than counting them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.settings import ThresholdSettings

BINS = 8192
MIN_SCORES = 30
MIN_PEAK_DISTANCE = 0.15
PROMINENCE = 0.01
MIN_ABOVE = 5
MIN_SHARE_ABOVE = 0.01

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The bar above which a sample is called poisoned.

    Attributes:
        tau: The bar, in [0, 1]; a score equal to it is clean.
        method: `published`, `fixed` or `quantile`.
        fallback: Whether the published rule found no valley and took its fallback.
        reason: Why this tau, in a sentence.
    """

    tau: float
    method: str
    fallback: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Density:
    """A kernel density of scores on [0, 1].

    Attributes:
        grid: The bins' middles, [BINS], rising.
        values: Density at each, [BINS].
        bandwidth: Of the Gaussian kernel.
    """

    grid: Scores
    values: Scores
    bandwidth: float


def choose_threshold(scores: Scores, settings: ThresholdSettings = ThresholdSettings()) -> Threshold:  # noqa: B008
    """Returns tau for finite scores in [0, 1], by the method of the settings, with the reason."""
    if settings.method == "fixed":
        return Threshold(settings.tau, "fixed", False, f"tau {settings.tau:g} was given")
    if settings.method == "quantile":
        if not len(scores):
            return Threshold(
                settings.tau, "quantile", True, f"there are no scores; the fallback {settings.tau:g}"
            )
        tau = float(np.quantile(scores, settings.quantile))
        share = f"{settings.quantile * 100:g} %"
        return Threshold(tau, "quantile", False, f"{share} of the scores are at most {tau:.3f}")
    return _published(scores, settings.tau)


def kernel_density(scores: Scores) -> Density | None:
    """Returns the Gaussian density with bandwidth 1.06 s n^(-1/5) (Silverman); None where all are equal.

    Args:
        scores: Finite scores in [0, 1].
    """
    spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    if spread == 0.0:
        return None
    bandwidth = 1.06 * spread * len(scores) ** -0.2
    places = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(places, minlength=BINS).astype(np.float64)
    # Importing it takes a second, which nobody waits for where the findings decide.
    from scipy.ndimage import gaussian_filter1d

    values = gaussian_filter1d(counts, bandwidth * BINS, mode="constant", truncate=8.0)
    grid = (np.arange(BINS) + 0.5) / BINS
    return Density(grid, values * BINS / len(scores), bandwidth)


def _published(scores: Scores, fallback: float) -> Threshold:
    """Returns tau by the published rule, or the fallback with what was missing."""

    def fall_back(why: str) -> Threshold:
        return Threshold(fallback, "published", True, f"{why}; the fallback {fallback:g}")

    if len(scores) < MIN_SCORES:
        return fall_back(f"{len(scores)} scores are too few for a density ({MIN_SCORES} are needed)")
    density = kernel_density(scores)
    if density is None:
        return fall_back("all scores are equal")
    from scipy.signal import find_peaks

    # A peak at the very edge has neighbours on both sides only where zeros stand around.
    padded = np.concatenate([[0.0], density.values, [0.0]])
    peaks = find_peaks(padded, prominence=PROMINENCE * float(padded.max()))[0] - 1
    if len(peaks) < 2:
        return fall_back("the density has one peak")
    low, high = int(peaks[0]), int(peaks[-1])
    distance = float(density.grid[high] - density.grid[low])
    if distance < MIN_PEAK_DISTANCE:
        return fall_back(f"the peaks are {distance:.2f} apart, less than {MIN_PEAK_DISTANCE}")
    tau = float(density.grid[_valley(density.values, low, high)])
    above, needed = int((scores > tau).sum()), max(MIN_ABOVE, MIN_SHARE_ABOVE * len(scores))
    if above < needed:
        return fall_back(f"{above} scores lie above the valley at {tau:.3f}, fewer than {needed:g}")
    return Threshold(
        tau,
        "published",
        False,
        f"the valley between the peaks at {density.grid[low]:.2f} and {density.grid[high]:.2f}",
    )


def _valley(values: Scores, low: int, high: int) -> int:
    """Returns the lowest place between two peaks; of a flat floor the middle."""
    stretch = values[low : high + 1]
    floor = np.flatnonzero(stretch == stretch.min())
    return low + int(floor[len(floor) // 2])
