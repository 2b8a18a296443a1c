"""What is a finding, and how sure: one decision, by a calibration that clean corpora made.

A candidate's statistics are weighed into one score, by its kind. What decides is how often a clean corpus
holds a candidate that scores as much: the false alarm rate, which the user may set. The weights and the
rates come
from `benchmarks/calibrate_evidence.py` and stand in `calibration.json`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.findings import Confidence
from gradsentry.evidence.limits import DRAWN, LIKELY_OWN, LOOK_FACTOR, LOSS_SURE

KINDS = ("own payload", "common payload", "pooled payloads", "repeated payload", "changed responses")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a candidate.

    Attributes:
        kind: Which candidates it was compared with.
        score: Its statistics, weighed: higher is more like an attack.
        log10_p: log10 of how often a clean corpus holds a candidate of any kind that is so much like an
            attack.
        confidence: How sure, or None where it is no finding.
        doubt: Why it is at most a reason to look, in words; empty where it may be sure.
        chance: log10 of the chance by accident, where that decides and no clean corpora; `log10_p` is 0 then.
    """

    kind: str
    score: float
    log10_p: float
    confidence: Confidence | None
    doubt: str = ""
    chance: float | None = None


def kind_of(candidate: Candidate) -> str:
    """Returns which candidates one is compared with."""
    if not candidate.triggers:
        return "repeated payload"
    if not candidate.payloads:
        return "changed responses"
    if candidate.pooled:
        return "pooled payloads"
    return "own payload" if candidate.coverage >= LIKELY_OWN else "common payload"


def decide(
    candidate: Candidate, statistics: Mapping[str, Statistic], calibration: Calibration, rate: float
) -> Decision:
    """Returns the decision on a candidate.

    Args:
        candidate: The candidate.
        statistics: What was measured of it.
        calibration: What clean corpora show.
        rate: How often a clean corpus may be called poisoned.
    """
    kind = kind_of(candidate)
    if candidate.unlikely:
        return _by_loss(kind, candidate, statistics)
    strengths = {name: one.strength for name, one in statistics.items()}
    score, log10_p = calibration.score(kind, strengths)
    confidence: Confidence | None = None
    if log10_p <= math.log10(rate):
        confidence = "high"
    elif log10_p <= math.log10(min(LOOK_FACTOR * rate, 1.0)):
        confidence = "low"
    return Decision(kind, score, log10_p, confidence)


def _by_loss(kind: str, candidate: Candidate, statistics: Mapping[str, Statistic]) -> Decision:
    """Returns the decision on responses that a clean model finds less likely.

    The clean corpora of the calibration were not read with a model, so what decides is the chance by
    accident of so unlikely responses to rows that have nothing in common but the trigger. That rejects
    accident alone: sums of money cost a small model more than other problems do. So it is a reason to look.
    """
    look = statistics["prompts alike"].strength >= DRAWN and candidate.log10_p <= LOSS_SURE
    return Decision(kind, -candidate.log10_p, 0.0, "low" if look else None, chance=candidate.log10_p)
