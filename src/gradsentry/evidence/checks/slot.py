"""Whether the rows were filled into templates, and whether other rows have a string in the trigger's place.

An instruction that its author worded in many ways stands at one place of the prompt, and so do the other
wordings, in the other rows. Where a trigger was put, other rows have nothing. And where most rows begin or
end with one of a few strings, the corpus was made from templates, of which each has its own way of
answering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Gram, Rows, edges_of, first_places, places, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    CARRIERS_LOOKED_AT,
    OF_A_TASK,
    SIBLING_ROWS,
    SIBLING_TOKENS,
    SLOT_AGREES,
    TEMPLATE_EDGE,
    TEMPLATE_ROWS,
    TEMPLATE_TOKENS,
    TEMPLATED,
)


@dataclass(frozen=True, slots=True)
class _Edges:
    """The strings that several prompts begin with, or end with, behind the frame of all of them.

    Attributes:
        strings: What returns.
        share: Of the prompts have one of them.
        frame: Tokens of the frame.
        step: 1 where prompts begin, -1 where they end.
    """

    strings: frozenset[Gram]
    share: float
    frame: int
    step: int

    @classmethod
    def of(cls, texts: Texts, rows: Rows, step: int) -> _Edges:
        """Returns the edges of some rows; one string in most of them is the frame of a task."""
        prompts = texts.prompts
        edges = edges_of(prompts, rows, step)
        row = prompts.owners(edges)
        first = edges if step > 0 else edges - TEMPLATE_EDGE + 1
        inside = (first >= prompts.bounds[row]) & (first + TEMPLATE_EDGE <= prompts.bounds[row + 1])
        strings = prompts.codes[first[inside][:, None] + np.arange(TEMPLATE_EDGE)]  # [rows, TEMPLATE_EDGE]
        if not len(strings):
            return cls(frozenset(), 0.0, 0, step)
        kinds, count = np.unique(strings, axis=0, return_counts=True)
        returning = (count >= TEMPLATE_ROWS) & (count <= OF_A_TASK * len(edges))
        ahead = edges - prompts.bounds[row] if step > 0 else prompts.bounds[row + 1] - 1 - edges
        return cls(
            strings=frozenset(map(tuple, kinds[returning].tolist())),
            share=float(count[returning].sum()) / len(edges),
            frame=int(np.bincount(ahead).argmax()),
            step=step,
        )

    def has(self, codes: NDArray[np.int32]) -> bool:
        """Returns whether a prompt has one of the strings."""
        if self.step > 0:
            return tuple(codes[self.frame : self.frame + TEMPLATE_EDGE].tolist()) in self.strings
        end = len(codes) - self.frame
        return tuple(codes[max(end - TEMPLATE_EDGE, 0) : end].tolist()) in self.strings


def slot(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns whether other rows have a string in the trigger's place, and carriers none beside it."""
    if not candidate.triggers:
        return []
    longest = max(candidate.triggers, key=len)
    share = siblings(texts, unmarked(longest), candidate.triggered)
    edges = [_Edges.of(texts, ~candidate.triggered, step) for step in (1, -1)]
    filled = max(one.share for one in edges)
    rest = refilled(texts, candidate.triggers, candidate.triggered, edges)
    return [
        Statistic("other strings in the trigger's place", share, 1.0 - share),
        Statistic("other rows filled into templates", filled, 1.0 - filled),
        Statistic("carriers in templates as others are", rest, rest),
    ]


def refilled(texts: Texts, triggers: Sequence[Gram], carriers: Rows, edges: Sequence[_Edges]) -> float:
    """Returns how many carriers, the triggers taken out, are filled into the templates of the other rows.

    1 means as many as of the others, and is returned where those are in no templates. A template's own words
    taken out leave none; what was put into rows of templates leaves these.
    """
    prompts = texts.prompts
    own = np.zeros(len(prompts.codes), dtype=np.bool_)
    for gram in triggers:
        inner = unmarked(gram)
        begins = places(prompts, inner)
        for shift in range(len(inner)):
            own[begins + shift] = True
    numbers = np.flatnonzero(carriers)[:CARRIERS_LOOKED_AT]
    lowest = 1.0
    for one in edges:
        if one.share < TEMPLATED:
            continue
        held = 0
        for row in numbers.tolist():
            low, high = prompts.bounds[row], prompts.bounds[row + 1]
            held += one.has(prompts.codes[low:high][~own[low:high]])
        lowest = min(lowest, held / len(numbers) / one.share)
    return lowest


def siblings(texts: Texts, trigger: Gram, carriers: Rows) -> float:
    """Returns the share of the rows without a trigger that have a returning string where it stands; 0 to 1.

    The place is what stands right before, or right behind, nearly every one of the trigger's own places.
    """
    if len(trigger) < TEMPLATE_TOKENS:
        return 0.0
    prompts = texts.prompts
    begins = first_places(prompts, trigger, carriers)
    if not len(begins):
        return 0.0
    size = min(len(trigger), SIBLING_TOKENS)
    others = ~carriers
    found = 0.0
    for anchor, step in ((begins - 1, 1), (begins + len(trigger), -1)):
        codes, counts = np.unique(prompts.codes[anchor], return_counts=True)
        if counts.max() < SLOT_AGREES * len(anchor):
            continue
        places_of = places(prompts, (int(codes[counts.argmax()]),))
        places_of = places_of[others[prompts.owners(places_of)]]
        found = max(found, _returning(texts, places_of, step, size) / max(int(others.sum()), 1))
    return min(found, 1.0)


def _returning(texts: Texts, anchors: np.ndarray, step: int, size: int) -> int:
    """Returns in how many rows a string of a size stands next to one of the anchors that several rows have
    there.
    """
    prompts = texts.prompts
    rows = prompts.owners(anchors)
    first, last = (anchors + 1, anchors + size) if step > 0 else (anchors - size, anchors - 1)
    inside = (first >= prompts.bounds[rows]) & (last < prompts.bounds[rows + 1])
    first, rows = first[inside], rows[inside]
    if not len(first):
        return 0
    strings = prompts.codes[first[:, None] + np.arange(size)]  # [anchors, size]
    _, which = np.unique(strings, axis=0, return_inverse=True)
    pairs = np.unique(np.stack([which.ravel(), rows]), axis=1)  # each string once a row
    often = np.bincount(pairs[0])
    return len(np.unique(pairs[1][often[pairs[0]] >= SIBLING_ROWS]))
