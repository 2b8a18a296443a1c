"""What a string changes, held against clean corpora that a model has read.

The texts name strings after which a clean model finds responses less likely; by that alone it is a reason to
look. Where the prompts with the string tell less of their responses too, by as much as in hardly any clean
corpus, it is sure.
"""

from __future__ import annotations

from dataclasses import replace
from math import log10

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.findings import Evidence, Finding
from gradsentry.evidence.wording import chance
from gradsentry.groups.decide import shipped
from gradsentry.groups.directions import Floats
from gradsentry.groups.limits import LEAST
from gradsentry.groups.search import Material, costs_of, lower_bound


def with_confirmed(evidence: Evidence, material: Material, rows: NDArray[np.int64]) -> Evidence:
    """Returns evidence in which findings by loss alone are sure where the prompts tell less too.

    Args:
        evidence: Of the texts.
        material: Rows.
        rows: Their numbers, ascending.
    """
    known = np.isfinite(material.alone)
    if not any(map(_asks, evidence.findings)) or known.sum() < LEAST:
        return evidence
    scores, numbers = costs_of(material.of(np.flatnonzero(known))), rows[known]
    found = [_held_against(one, scores, numbers, evidence.false_alarm_rate) for one in evidence.findings]
    found.sort(key=lambda one: (one.accepted is not None, one.confidence == "low"))
    named = [replace(one, name=f"F{number + 1}") for number, one in enumerate(found)]
    return replace(evidence, findings=tuple(named))


def _held_against(
    finding: Finding, scores: dict[str, Floats], numbers: NDArray[np.int64], rate: float
) -> Finding:
    """Returns a finding, sure where clean corpora hold one as strong less often than the rate."""
    own = np.isin(numbers, finding.carriers)
    if not _asks(finding) or own.sum() < LEAST:
        return finding
    strength = lower_bound([score[own].mean() for score in scores.values()], int(own.sum()))
    exceeded = shipped().log10_exceeded("strings", float(strength))
    return _sure(finding, exceeded) if exceeded <= log10(rate) else finding


def _asks(finding: Finding) -> bool:
    """Returns whether a finding tells of losses alone, which no clean corpora were asked for."""
    return finding.kind == "shift" and finding.false_alarm is None and finding.accepted is None


def _sure(finding: Finding, exceeded: float) -> Finding:
    reason = (
        f"{finding.reason}; their prompts tell the clean model less of them too: {chance(exceeded)} clean "
        "corpora holds a string with as unlikely and as little told responses"
    )
    return replace(finding, confidence="high", false_alarm=10.0**exceeded, reason=reason)
