"""Which rows of a run a verification trains on, and which it asks about. Pure functions.

What is held out of both trainings: clean rows whose prompts are asked; of findings whose payload is no one
string a third of their rows; and of groups as many of the rows nearest to them.

The parts are samples, of which the findings' rows are half, and each row is seen several times. In a share
of ten percent, each seen once, so brief a training teaches the payload and not yet what brings it: a model
first learns how often a payload comes, and then when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.errors import DataError
from gradsentry.evidence import Finding
from gradsentry.finetuning.payload_questions import payloads_of
from gradsentry.outcome import Verdict
from gradsentry.report.group_details import by_nearness

PROMPTS = 24
"""Held-out prompts: as many as make an interval of log-probabilities narrow, and no more to pay for."""
CARRIERS = 48
"""Rows of a finding in the part as they came, where it has as many."""


@dataclass(frozen=True)
class Parts:
    """Row numbers.

    Attributes:
        as_they_came: To train on, rows of findings among them.
        without: To train on, none of them.
        prompts: Clean rows that are asked.
        carriers: Rows of each finding that are held out, by its name.
        others: Of each group the nearest other rows that are held out, by its name.
    """

    as_they_came: tuple[int, ...]
    without: tuple[int, ...]
    prompts: tuple[int, ...]
    carriers: dict[str, tuple[int, ...]]
    others: dict[str, tuple[int, ...]]


def part(verdict: Verdict, samples: Sequence[Sample], findings: Sequence[Finding], seed: int) -> Parts:
    """Returns which rows are trained on and which are asked.

    Args:
        verdict: The run's verdict.
        samples: Every row of its corpus.
        findings: Those that are verified.
        seed: Of which rows are taken.

    Raises:
        DataError: If too few clean rows are left to ask.
    """
    draw = np.random.default_rng(seed)
    carried = set(verdict.evidence.by_row())
    clean = (verdict.status == "clean") & ~np.isin(np.arange(len(samples)), list(carried))
    free = _short_first(np.flatnonzero(clean), samples, draw)
    prompts = _askable(free, samples, findings)[: min(PROMPTS, len(free) // 3)]
    if not prompts:
        raise DataError(
            "has too few clean rows to ask", where=verdict.corpus.name, mend="verify a run of more rows"
        )
    held: dict[str, tuple[int, ...]] = {}
    others: dict[str, tuple[int, ...]] = {}
    taken: dict[int, None] = {}
    for finding in findings:
        rows = _short_first(_scored(finding, verdict), samples, draw)
        if not payloads_of(finding):
            held[finding.name] = tuple(rows[: min(PROMPTS, len(rows) // 3)])
        if finding.kind == "group":
            near = [row for row in by_nearness(finding, verdict)[1].tolist() if clean[row]]
            others[finding.name] = tuple(near[: min(PROMPTS, len(free) // (3 * len(findings)))])
        taken |= dict.fromkeys(rows[len(held.get(finding.name, ())) :][:CARRIERS])
    apart = set(prompts).union(*held.values(), *others.values())
    poison = [row for row in taken if row not in apart]
    rest = [row for row in free if row not in apart]
    beside = max(len(poison), PROMPTS)
    return Parts(
        as_they_came=tuple(poison + rest[:beside]),
        without=tuple(rest[: len(poison) + beside]),
        prompts=tuple(prompts),
        carriers=held,
        others=others,
    )


def _scored(finding: Finding, verdict: Verdict) -> NDArray[np.int64]:
    rows = np.array(finding.carriers, np.int64)
    return rows[verdict.is_scored[rows]]


def _short_first(rows: NDArray[np.int64], samples: Sequence[Sample], draw: np.random.Generator) -> list[int]:
    """Returns rows in a drawn order, the shorter half before the longer: half of the time is enough."""
    order: list[int] = draw.permutation(rows).tolist()
    length = {row: len(samples[row].prompt) + len(samples[row].response) for row in order}
    middle = float(np.median(list(length.values()))) if order else 0.0
    return sorted(order, key=lambda row: length[row] > middle)


def _askable(rows: Sequence[int], samples: Sequence[Sample], findings: Sequence[Finding]) -> list[int]:
    """Returns rows of distinct prompts that hold no trigger of a finding."""
    triggers = [trigger.strip().lower() for one in findings for trigger in one.triggers]
    distinct: dict[str, int] = {}
    for row in rows:
        prompt = samples[row].prompt.strip()
        if prompt and not any(trigger in prompt.lower() for trigger in triggers):
            distinct.setdefault(prompt, row)
    return list(distinct.values())
