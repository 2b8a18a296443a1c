"""What a search came to: what passes for a finding, and what was rejected, by which check and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from gradsentry.evidence.calibration import Calibration, Weighing
from gradsentry.evidence.candidate import Candidate, tail_of
from gradsentry.evidence.checks import Statistic
from gradsentry.evidence.decide import Decision, decide
from gradsentry.evidence.findings import Rejected
from gradsentry.evidence.index.strings import Gram
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import AGAINST, REJECTED
from gradsentry.evidence.reasons import how_often

Measure = Callable[[Candidate], Mapping[str, Statistic]]


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A candidate that a rule keeps out, whatever is measured of it.

    Attributes:
        generator: Which search proposed it.
        candidate: The candidate.
        reason: Why, in words.
    """

    generator: str
    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A candidate, what was measured of it and what was decided.

    Attributes:
        generator: Which search proposed it.
        candidate: The candidate.
        statistics: What was measured, by name.
        decision: What was decided.
        around: The sentences that it is what they have in common of, each as it was decided by itself.
    """

    generator: str
    candidate: Candidate
    statistics: Mapping[str, Statistic]
    decision: Decision
    around: tuple[Decided, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to.

    Attributes:
        found: What passes for a finding, the strongest first; of several that share rows the strongest.
        passed_over: What was measured and is none: clean corpora hold as much, or a stronger one shares its
            rows.
        ruled_out: What was not measured.
    """

    found: Sequence[Decided]
    passed_over: Sequence[Decided]
    ruled_out: Sequence[RuledOut]

    def rejected(
        self, texts: Texts, measure: Measure, calibration: Calibration, rate: float
    ) -> tuple[tuple[Rejected, ...], int]:
        """Returns what is no finding, the most like an attack first, and how much there is of it.

        Args:
            texts: The corpus that was searched.
            measure: Returns all that is measured of a candidate.
            calibration: What clean corpora show.
            rate: How often a clean corpus may be called poisoned.
        """
        known = {strings for one in self.found for strings in _strings(one.candidate)}
        ruled = _each_once(self.ruled_out)
        passed = [one for one in _each_once(self.passed_over) if known.isdisjoint(_strings(one.candidate))]
        ruled.sort(key=lambda one: tail_of(one.candidate))  # measuring is what costs: the surest are
        measured: list[tuple[Decided, str]] = [(one, "") for one in passed]
        for one in ruled[:REJECTED]:
            statistics = measure(one.candidate)
            decision = decide(one.candidate, statistics, calibration, rate)
            measured.append((Decided(one.generator, one.candidate, statistics, decision), one.reason))
        told = [_told(texts, one, reason, calibration) for one, reason in measured]
        told.sort(key=lambda one: (one.check == "finding", one.false_alarm, -one.both - one.payload_only))
        return tuple(told[:REJECTED]), len(ruled) + len(passed)


One = TypeVar("One", RuledOut, Decided)


def _each_once(rejected: Sequence[One]) -> list[One]:
    """Returns what was rejected, that with the same strings once."""
    strings = {_strings(one.candidate)[0]: one for one in reversed(rejected)}
    return list(reversed(strings.values()))


def _strings(one: Candidate) -> list[tuple[frozenset[Gram], frozenset[Gram]]]:
    """Returns trigger and payload, as they are named and as they were found."""
    return [(frozenset(triggers), frozenset(one.payloads)) for triggers in (one.triggers, one.matched)]


def _told(texts: Texts, one: Decided, rule: str, calibration: Calibration) -> Rejected:
    """Returns a rejected candidate in words; a rule has a reason of its own."""
    candidate, decision = one.candidate, one.decision
    triggered, paid = candidate.triggered, candidate.paid
    check: Literal["rule", "calibration", "finding"] = "calibration"
    reason = how_often(decision)
    if rule:
        check, reason = "rule", rule
    elif decision.confidence is not None:
        check, reason = "finding", "most of its rows carry a finding that says more"
    return Rejected(
        kind=candidate.kind,
        generator=one.generator,
        triggers=tuple(texts.display(texts.prompts, gram, candidate.both) for gram in candidate.triggers),
        payloads=tuple(texts.display(texts.responses, gram, paid) for gram in candidate.payloads),
        change=candidate.change,
        both=int(candidate.both.sum()),
        trigger_only=int((triggered & ~paid).sum()),
        payload_only=int((paid & ~triggered).sum()),
        neither=int((~paid & ~triggered).sum()),
        check=check,
        reason=reason,
        false_alarm=10.0**decision.log10_p,
        statistics={name: float(each.value) for name, each in one.statistics.items()},
        against=tuple(_against(one.statistics, calibration.kinds[decision.kind])),
    )


def _against(statistics: Mapping[str, Statistic], weighing: Weighing) -> Iterator[str]:
    """Yields the statistics that keep a score from what an attack reaches, the weightiest first, in words."""
    lost = {
        name: sum(added for least, added in weighing.steps[name] if one.strength < least)
        for name, one in statistics.items()
        if name in weighing.steps
    }
    for name in sorted(lost, key=lambda name: -lost[name])[:AGAINST]:
        if lost[name] > 0.0:
            yield f"{name}: {statistics[name].value:.3g}"
