"""Scores of a scan -> groups -> findings, which join those of the texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import log10

import numpy as np
from scipy.special import ndtr

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.accepting import Accepted, with_accepted
from gradsentry.evidence.findings import Evidence, Example, Finding
from gradsentry.evidence.index.rows import at_places
from gradsentry.evidence.limits import EXAMPLES
from gradsentry.evidence.wording import chance, spelt
from gradsentry.groups.confirming import with_confirmed
from gradsentry.groups.decide import shipped
from gradsentry.groups.limits import LEAST_ROWS, NAMED_RATE, SAME, SHORTENED, TOLD
from gradsentry.groups.material import Group
from gradsentry.groups.rows import Copies, looked_at, material_of, members
from gradsentry.groups.search import COSTS, TAILS, find_groups
from gradsentry.groups.selectors import Held
from gradsentry.groups.words import Shared, Words, how_often, words_of
from gradsentry.scoretable import Rows, Scores

STANDS_OUT = "G1"
"""What the group is called that stands out most and is no finding."""


def with_groups(
    evidence: Evidence, samples: Iterable[Sample], scores: Scores, accepted: Sequence[Accepted] = ()
) -> Evidence:
    """Returns evidence and the groups of rows that stand together to the model, unless it names them already.

    The strongest of those that clean corpora hold too often to be findings is what stands out most.

    Args:
        evidence: Of the texts.
        samples: The rows, such as a corpus, which are read several times.
        scores: Their score table, with the mean states; without them nothing is added.
        accepted: What a person accepts.
    """
    copies = Copies.among(samples)
    rows = looked_at(scores, copies)
    if len(rows) < LEAST_ROWS:
        return evidence
    material = material_of(samples, scores, rows)
    evidence = with_confirmed(evidence, samples, material, rows)
    named = np.zeros(len(scores), np.bool_)
    named[list(evidence.named())] = True
    found = list(evidence.findings)
    told: list[Rows] = []
    stands_out: Finding | None = None
    weighed = [
        (shipped().log10_exceeded(one.kind, one.strength), one) for one in find_groups(material, most=TOLD)
    ]
    for exceeded, group in sorted(weighed, key=lambda one: (one[0], -one[1].strength)):
        own = rows[group.rows]
        # Rows that a finding of the texts tells, or a stronger group of another kind, are told.
        if named[own].mean() > SAME or any(np.isin(own, other).mean() > SAME for other in told):
            continue
        is_named = exceeded <= log10(NAMED_RATE)
        if is_named and len(told) == TOLD:
            break
        carriers = np.flatnonzero(np.isin(copies.of, copies.of[members(group, samples, scores, own)]))
        finding = _finding(group, words_of(material, group.rows), carriers, samples, exceeded)
        if not is_named:
            stands_out = replace(finding, name=STANDS_OUT)
            break
        told.append(own)
        found.append(with_accepted(replace(finding, name=f"F{len(found) + 1}"), evidence.rows_read, accepted))
    return replace(evidence, findings=tuple(found), stands_out=stands_out)


def _finding(
    group: Group, words: Words, carriers: Rows, samples: Iterable[Sample], exceeded: float
) -> Finding:
    size, total = int(group.rows.sum()), len(group.rows)
    said = [
        _in_words(name, found, words)
        for name, found in (("prompts", words.prompts), ("responses", words.responses))
    ]
    if isinstance(group.asked, Held):
        said[0] = f"their prompts {_asked(group)}"
    if group.label is not None:
        said[1] = f"all their responses are “{spelt(group.label)}”"
    reason = f"{_told(group, size)}; {how_often(exceeded)} such a group; it is no proof: look at the rows"
    return Finding(
        name="",
        kind="group",
        triggers=(),
        combine="any",
        payload=None,
        both=size,
        trigger_only=group.tail - size,
        payload_only=0,
        neither=total - group.tail,
        log10_p=-group.together if group.together else None,
        false_alarm=10.0**exceeded,
        statistics={"strength": group.strength, "together": group.together, **group.costs},
        surprise=None,
        carriers=tuple(carriers.tolist()),
        confidence="low",
        reason=reason,
        examples=tuple(map(_example, at_places(samples, carriers[:EXAMPLES]))),
        change="; ".join(said),
    )


def _told(group: Group, size: int) -> str:
    """Returns what makes a group one, in words."""
    if group.label is not None:
        (cost,) = group.costs
        return (
            f"{size} of the {group.tail} rows whose prompts {_asked(group)} have one response, "
            f"{chance(-group.together)} by accident, and to the clean model it is {COSTS[cost]} there than "
            "elsewhere"
        )
    alike = ""
    if group.said is not None:
        alike = f" are answered in one way, {chance(-group.together)} by accident, and"
    loss, told = (_place(group.costs[name]) for name in ("loss", "told"))
    return (
        f"{size} rows whose prompts {_asked(group)}{alike} have responses that the clean model finds less "
        f"likely than {loss} of 100 others as long, on average, and of which the prompt tells less than in "
        f"{told} of 100"
    )


def _asked(group: Group) -> str:
    """Returns what the prompts of a group do, in words."""
    if isinstance(group.asked, Held):
        return f"hold {group.asked.name if group.kind == 'forms' else f'“{spelt(group.asked.name)}”'}"
    return f"stand farthest out {TAILS[group.asked.view]}"


def _place(score: float) -> int:
    """Returns how many of 100 rows lie below a normal score."""
    return int(100 * ndtr(score))


def _in_words(name: str, found: Sequence[Shared], words: Words) -> str:
    if not found:
        return f"their {name} share no string"
    return f"of their {name} " + ", ".join(_counted(one, words.inside, words.outside) for one in found)


def _counted(one: Shared, inside: int, outside: int) -> str:
    return (
        f"{one.inside} of {inside} hold “{spelt(one.text)}” ({one.outside} of the {outside} nearest others)"
    )


def _example(sample: Sample) -> Example:
    return Example(sample.number, sample.prompt[-SHORTENED:], sample.response[:SHORTENED])
