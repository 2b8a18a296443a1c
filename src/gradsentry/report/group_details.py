"""A group taken apart: what its rows share, typical ones, the rows nearest to it, its strength in parts.

A group has no strings that tell it; what its texts share is a contrast with the rows that lie nearest to it
in the mean states of their prompts, which are about the same things.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from gradsentry.evidence import Finding
from gradsentry.evidence.wording import chance, spelt
from gradsentry.groups.words import Shared, how_often, nearest, shared
from gradsentry.scoretable import means_of

if TYPE_CHECKING:
    from gradsentry.corpus.sample import Span
    from gradsentry.deciding.decision import Decision

EXAMPLES = 5
"""Rows of the group, and of its neighbours, that are shown."""
_OTHERS = 20_000  # rows among which the nearest are looked for: of more, those drawn
_CARRIERS = 500  # rows of the group whose texts are looked at, of more those drawn


COSTS = {
    "loss": "the clean model finds their responses less likely than those of",
    "told": "their prompts tell the clean model less of their responses than those of",
    "norm": "their responses are harder to learn for the clean model than those of",
}


@dataclass(frozen=True)
class Apart:
    """What a group's rows share, and who they are.

    Attributes:
        prompts: Strings that tell its prompts from the nearest ones, the most telling first.
        responses: The same of its responses.
        label: The response that all of them have; None where they differ.
        inside: How many of its rows were looked at.
        outside: How many of the nearest other rows.
        typical: The numbers of the rows nearest to its middle.
        neighbours: The numbers of the other rows nearest to its middle.
    """

    prompts: tuple[Shared, ...]
    responses: tuple[Shared, ...]
    label: str | None
    inside: int
    outside: int
    typical: tuple[int, ...]
    neighbours: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)

    def said(self, name: str) -> list[str]:
        """Returns what its prompts or its responses share, in clauses.

        Args:
            name: `prompts` or `responses`.
        """
        if name == "responses" and self.label is not None:
            return [f"all are “{spelt(self.label)}”"]
        found: tuple[Shared, ...] = getattr(self, name)
        return [
            f"“{spelt(one.text)}” in {one.inside:,} of {self.inside:,}, and in {one.outside:,} of the "
            f"{self.outside:,} nearest others"
            for one in found
        ]


@dataclass(frozen=True)
class Strength:
    """One part of a group's strength, in words.

    Attributes:
        part: Its name.
        value: -log10 of a chance, or an excess in normal scores; None of what decides, which is no part.
        said: What it says.
    """

    part: str
    value: float | None
    said: str


def taken_apart(finding: Finding, verdict: Decision) -> Apart:
    """Returns what the rows of a group share.

    Args:
        finding: A group.
        verdict: The verdict that it is part of; its scores hold the mean states.
    """
    typical, near = by_nearness(finding, verdict)
    carriers = np.sort(typical)
    texts = {one.number: one for one in verdict.corpus.take(sorted({*carriers.tolist(), *near.tolist()}))}
    inside, outside = ([texts[row] for row in some.tolist()] for some in (carriers, near))
    answers = {one.response.strip() for one in inside}
    return Apart(
        prompts=tuple(shared([one.prompt for one in inside], [one.prompt for one in outside])),
        responses=tuple(shared([one.response for one in inside], [one.response for one in outside])),
        label=answers.pop() if len(answers) == 1 else None,
        inside=len(inside),
        outside=len(outside),
        typical=tuple(typical[:EXAMPLES].tolist()),
        neighbours=tuple(near[:EXAMPLES].tolist()),
    )


def by_nearness(finding: Finding, verdict: Decision) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the rows of a group and the nearest others, those nearest to the prompts' middle first.

    Of very many rows those drawn; of the others a few times as many as the group has.
    """
    draw = np.random.default_rng(0)
    known = verdict.scores.known("prompt_mean")
    carriers = _at_most(np.array(finding.carriers, np.int64), _CARRIERS, draw)
    carriers = carriers[known[carriers]]
    known[list(finding.carriers)] = False
    others = _at_most(np.flatnonzero(known), _OTHERS, draw)
    rows = np.concatenate([carriers, others])
    means = means_of(verdict.scores.take(rows, ["prompt_mean"])["prompt_mean"])
    is_own = np.arange(len(rows)) < len(carriers)
    near = rows[nearest(means.astype(np.float64), is_own)]
    return carriers[np.argsort(_distance(means, is_own)[is_own], kind="stable")], near


def strength(finding: Finding) -> list[Strength]:
    """Returns a group's strength and its parts, in plain words."""
    found = finding.statistics
    tail, is_label = finding.both + finding.trigger_only, "told" not in found
    parts = []
    if found["together"]:
        said = (
            f"of the {tail:,} rows whose prompts are told so, {finding.both:,} are answered in one way; "
            f"accident does as much with a chance of {chance(-found['together'])}"
        )
        parts.append(Strength("together", found["together"], said))
    parts += [Strength(name, found[name], _cost(name, found[name])) for name in COSTS if name in found]
    whole = (
        "the smaller of two: how unlikely accident puts these rows together, and how unlikely it makes them "
        "so dear; a topic shows the first, wrong labels here and there the second, a backdoor both"
        if is_label
        else "the smaller of the two excesses, less three standard errors: a topic or a task may be "
        "unlikely, but its prompts tell of it; what a trigger brings is neither likely nor told"
    )
    often = "clean corpora hold"
    if finding.false_alarm is not None:
        often = how_often(float(np.log10(finding.false_alarm)))
    return [
        *parts,
        Strength("strength", found["strength"], whole),
        Strength("false alarm", None, f"{often} a group as strong"),
    ]


def _cost(name: str, score: float) -> str:
    return f"{COSTS[name]} {int(100 * ndtr(score))} of 100 others of their kind, on average"


def places_of(text: str, strings: tuple[Shared, ...]) -> list[Span]:
    """Returns where strings that a group shares stand in a text, whatever their case and white space."""
    found: set[Span] = set()
    for one in strings:
        tokens = one.text.split()
        pattern = r"\s*".join(map(re.escape, tokens))
        before = r"(?<!\w)" if re.match(r"\w", tokens[0]) else ""
        after = r"(?!\w)" if re.match(r"\w", tokens[-1]) else ""
        found |= {match.span() for match in re.finditer(f"{before}{pattern}{after}", text, re.IGNORECASE)}
    return sorted(found)


def _at_most(rows: NDArray[np.int64], most: int, draw: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(draw.choice(rows, most, replace=False))


def _distance(means: NDArray[np.float32], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns how far each row lies from the middle of some, every direction with deviation 1.  # [rows]"""
    deviation = means.std(axis=0)
    scaled = means[:, deviation > 0] / deviation[deviation > 0]
    far: NDArray[np.float64] = np.linalg.norm(scaled - scaled[rows].mean(axis=0), axis=1)
    return far
