"""The rows that hold the payload of a sure finding without its trigger: for a person to review.

A trigger may be named too narrowly, as one with a word of the topic that only some of its rows have. The rows
that it leaves out hold the payload no less, and would stay as clean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradsentry.evidence.accepting import identity
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.findings import Finding
from gradsentry.evidence.index.strings import unmarked
from gradsentry.evidence.limits import LIKELY_OWN, LONG_PAYLOAD, TRIGGERS_NAMED
from gradsentry.evidence.searched import Decided
from gradsentry.evidence.wording import spelt


def untriggered(decided: Decided, everywhere: Candidate) -> tuple[Decided, Candidate] | None:
    """Returns the rows with a payload and without its trigger, as a finding for review: here and in all.

    None where there are none; where a row may hold the payload by chance, for it is short; and where most of
    its rows are without the trigger, for then it is a phrase of the corpus that the trigger brings too.

    Args:
        decided: A finding.
        everywhere: Its candidate in all rows.
    """
    one = everywhere
    sure = decided.decision.confidence == "high" and one.kind == "association" and len(one.payloads) == 1
    if not sure or len(unmarked(one.payloads[0])) < LONG_PAYLOAD or one.coverage < LIKELY_OWN:
        return None
    rest = _rest(one)
    if not rest.paid.any():
        return None
    decision = replace(decided.decision, confidence="low", kind="repeated payload")
    return replace(decided, candidate=_rest(decided.candidate), decision=decision, statistics={}), rest


def rest_of_payloads(findings: Sequence[Finding], rests: Mapping[object, Finding]) -> Iterator[Finding]:
    """Yields what stays of the rows that hold the payload of a sure finding and no trigger, for review.

    What else is for review in these rows, such as a notice that someone may accept, says nothing of it.

    Args:
        findings: The findings. Rows that a sure one flags go anyway; with the same payload they are told.
        rests: Such rows, as a finding, by the identity of that whose payload they hold.
    """
    sure_ones = [one for one in findings if one.confidence == "high" and one.accepted is None]
    others = [one for one in findings if one not in sure_ones]
    for sure in sure_ones:
        alike = [*sure_ones, *(one for one in others if one.payloads == sure.payloads)]
        told = {row for one in alike for row in one.carriers}
        rest = rests.get(identity(sure))
        if rest is not None and (left := tuple(row for row in rest.carriers if row not in told)):
            others.append(_beside(sure, rest, left))
            yield others[-1]


def _beside(sure: Finding, rest: Finding, left: tuple[int, ...]) -> Finding:
    """Returns some of the rows with a payload and without its trigger, in words that say whose it is."""
    named = " or ".join(f"“{spelt(one)}”" for one in sure.triggers[:TRIGGERS_NAMED])
    without = sure.payload_only + sure.neither
    return replace(
        rest,
        payload_only=len(left),
        neither=without - len(left),
        carriers=left,
        examples=tuple(one for one in rest.examples if one.row in left),
        partly=tuple(row for row in rest.partly if row in left),
        confidence="low",
        change=f"without {named}",
        reason=f"its rows hold the payload that {named} brings, and not that: it may be named too narrowly",
    )


def _rest(one: Candidate) -> Candidate:
    nothing = np.zeros_like(one.paid)
    return Candidate.of("repetition", (), one.payloads, triggered=nothing, paid=one.paid & ~one.carriers)
