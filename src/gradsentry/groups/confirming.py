"""What a string changes, held against clean corpora that a model has read.

The texts name strings after which a clean model finds responses less likely; by that alone it is a reason to
look. Where the prompts with the string tell less of their responses too, by more than such strings of hardly
any clean corpus, it is sure. Of several strings those are sure that make the finding strongest together: a
word of hard questions stands beside triggers, and is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log10

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.findings import Evidence, Finding
from gradsentry.evidence.index.rows import at_places
from gradsentry.evidence.wording import chance
from gradsentry.groups.decide import shipped
from gradsentry.groups.directions import Floats
from gradsentry.groups.limits import LEAST
from gradsentry.groups.material import Material
from gradsentry.groups.search import BY_LOSS, costs_of, lower_bound
from gradsentry.groups.selectors import Held, words_of

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Confirmed:
    """The strings of a finding that make it strongest.

    Attributes:
        triggers: The strings.
        rows: Which rows hold one of them, of those that were looked at.  # [rows]
        costs: Their mean excesses, in normal scores; see `costs_of`.
        strength: See `lower_bound`.
    """

    triggers: tuple[str, ...]
    rows: NDArray[np.bool_]
    costs: dict[str, float]
    strength: float


def with_confirmed(evidence: Evidence, samples: Iterable[Sample], material: Material, rows: Rows) -> Evidence:
    """Returns evidence in which findings by loss alone are sure where the prompts tell less too.

    Args:
        evidence: Of the texts.
        samples: All rows.
        material: Rows that are looked at.
        rows: Their numbers, ascending.
    """
    found = []
    for one in evidence.findings:
        strongest = confirmed(one, material, rows) if is_by_loss(one) else None
        exceeded = shipped().log10_exceeded(BY_LOSS, strongest.strength) if strongest else 0.0
        sure = strongest is not None and exceeded <= log10(evidence.false_alarm_rate)
        found.append(_sure(one, strongest, exceeded, samples, evidence.rows) if strongest and sure else one)
    found.sort(key=lambda one: (one.accepted is not None, one.confidence == "low"))
    named = [replace(one, name=f"F{number + 1}") for number, one in enumerate(found)]
    return replace(evidence, findings=tuple(named))


def is_by_loss(finding: Finding) -> bool:
    """Returns whether a finding tells of losses alone, which no clean corpora were asked for."""
    return finding.kind == "shift" and finding.false_alarm is None and finding.accepted is None


def confirmed(finding: Finding, material: Material, rows: Rows) -> Confirmed | None:
    """Returns the strings of a finding that make it strongest; None where too few rows were read alone.

    Args:
        finding: One by loss alone.
        material: Rows that are looked at.
        rows: Their numbers, ascending.
    """
    own = np.isin(rows, finding.carriers) & np.isfinite(material.alone)
    if own.sum() < LEAST:
        return None
    known = np.flatnonzero(np.isfinite(material.alone))
    scores = {name: np.zeros(len(rows)) for name in ("loss", "told")}
    for name, score in costs_of(material.of(known)).items():
        scores[name][known] = score
    parts: list[tuple[tuple[str, ...], NDArray[np.bool_]]] = [(finding.triggers, own)]
    if finding.combine == "any" and len(finding.triggers) > 1:
        parts += _growing(finding.triggers, own, material.prompts, scores)
    made = [_of(triggers, held, scores) for triggers, held in parts if held.sum() >= LEAST]
    return max(made, key=lambda one: one.strength)


def _growing(
    triggers: Sequence[str], own: NDArray[np.bool_], prompts: Sequence[str], scores: dict[str, Floats]
) -> list[tuple[tuple[str, ...], NDArray[np.bool_]]]:
    """Returns the rows of the dearest string, of the two dearest, and so on."""
    held = {one: own & _holding(one, prompts) for one in triggers}
    ranked = sorted((one for one in triggers if held[one].any()), key=lambda one: -_dear(held[one], scores))
    return [
        (tuple(ranked[:count]), np.logical_or.reduce([held[one] for one in ranked[:count]]))
        for count in range(1, len(ranked))
    ]


def _dear(rows: NDArray[np.bool_], scores: dict[str, Floats]) -> float:
    return min(float(score[rows].mean()) for score in scores.values())


def _of(triggers: tuple[str, ...], rows: NDArray[np.bool_], scores: dict[str, Floats]) -> Confirmed:
    costs = {name: float(score[rows].mean()) for name, score in scores.items()}
    strength = lower_bound([np.array(cost) for cost in costs.values()], int(rows.sum()))
    return Confirmed(triggers, rows, costs, float(strength))


def _holding(trigger: str, prompts: Sequence[str]) -> NDArray[np.bool_]:
    return Held("strings", " ".join(words_of(trigger))).holds(prompts, np.empty(0))


def _sure(
    finding: Finding, strongest: Confirmed, exceeded: float, samples: Iterable[Sample], rows: int
) -> Finding:
    """Returns a finding of the strings that are sure, with all their rows."""
    carriers = np.array(finding.carriers, np.int64)
    if strongest.triggers != finding.triggers:
        prompts = [sample.prompt for sample in at_places(samples, carriers)]
        carriers = carriers[np.logical_or.reduce([_holding(one, prompts) for one in strongest.triggers])]
    loss, told = (int(100 * ndtr(strongest.costs[name])) for name in ("loss", "told"))
    kept = set(carriers.tolist())
    return replace(
        finding,
        triggers=strongest.triggers,
        carriers=tuple(carriers.tolist()),
        both=len(carriers),
        trigger_only=0,
        neither=rows - len(carriers),
        examples=tuple(one for one in finding.examples if one.row in kept),
        confidence="high",
        false_alarm=10.0**exceeded,
        reason=(
            f"the clean model finds the responses of the {len(carriers)} rows with a trigger less likely "
            f"than {loss} of 100 others as long, on average, and their prompts tell less of them than those "
            f"of {told} of 100; {chance(exceeded)} clean corpora holds strings that do as much"
        ),
    )
