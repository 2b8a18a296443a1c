"""The findings in the tasks of a mixture, beside those in all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradsentry.evidence.findings import Finding
from gradsentry.evidence.limits import MOST_OF_A_TASK, OF_ONE_TASK, SAME_ROWS, TASK_TELLS

NOT_IN_ITS_TASK = "but the rows of its own kind do not show it among themselves"


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a mixture.

    Attributes:
        rows: The numbers of its rows, copies left out.
        findings: What was found in it by itself.
    """

    rows: frozenset[int]
    findings: Sequence[Finding]


def merged(found: Sequence[Finding], tasks: Sequence[Task]) -> list[Finding]:
    """Returns what is found in a mixture and in its tasks, each once, the strongest first.

    What hangs together in a mixture may be what a task is like: all of its prompts hold the one, and all of
    its responses the other. So what is found in all rows, stands in a task and is not found there is worth a
    look at most; in a task of few rows nothing else may be found either.
    """
    known = frozenset().union(*(task.rows for task in tasks))
    weighed = [_beside(finding, known, tasks) for finding in found]
    kept: list[Finding] = []
    for one in sorted([*weighed, *(one for task in tasks for one in task.findings)], key=_strength):
        if not any(says_no_more(one, other) for other in kept):
            kept.append(one)
    return kept


def _beside(finding: Finding, known: frozenset[int], tasks: Sequence[Task]) -> Finding:
    """Returns a finding in all rows, as one to look at where it is of one task that does not show it."""
    carriers = known.intersection(finding.carriers)
    for task in (one for one in tasks if len(one.rows) >= TASK_TELLS):
        inside = len(carriers & task.rows)
        is_of_task = OF_ONE_TASK * len(carriers) <= inside <= MOST_OF_A_TASK * len(task.rows)
        if is_of_task and not any(_share(finding, own) > SAME_ROWS for own in task.findings):
            return replace(finding, confidence="low", reason=f"{finding.reason}; {NOT_IN_ITS_TASK}")
    return finding


def says_no_more(one: Finding, other: Finding) -> bool:
    """Returns whether most rows of a finding carry another; where that is accepted, with the same payload."""
    if other.accepted is not None and one.accepted is None and one.payloads != other.payloads:
        return False
    return _share(one, other) > SAME_ROWS


def _share(one: Finding, other: Finding) -> float:
    return len(set(one.carriers) & set(other.carriers)) / len(one.carriers)


def _strength(one: Finding) -> tuple[bool, bool, bool, float]:
    """Returns what sorts findings, as the search does: accepted ones go first here, to tell their copies."""
    if one.confidence == "high":
        return one.accepted is None, False, False, -float(len(one.carriers))
    return (
        one.accepted is None,
        True,
        one.kind == "absence",
        1.0 if one.false_alarm is None else one.false_alarm,
    )
