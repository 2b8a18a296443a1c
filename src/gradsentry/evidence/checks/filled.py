"""Whether the rows were filled into templates, and whether the carriers are in them without the trigger.

Where most rows begin or end with one of a few strings, the corpus was made from templates, of which each has
its own way of answering. A template's own words taken out leave none; what was put into rows of templates
leaves these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Gram, Rows, edges_of, places, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    CARRIERS_LOOKED_AT,
    OF_A_TASK,
    TEMPLATE_EDGE,
    TEMPLATE_ROWS,
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


def filled(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns how many carriers, the trigger taken out, are in the templates that other rows are in."""
    if not candidate.triggers:
        return []
    edges = [_Edges.of(texts, ~candidate.triggered, step) for step in (1, -1)]
    rest = refilled(texts, candidate.triggers, candidate.triggered, edges)
    return [
        Statistic("carriers in templates as others are", rest, rest),
    ]


def refilled(texts: Texts, triggers: Sequence[Gram], carriers: Rows, edges: Sequence[_Edges]) -> float:
    """Returns how many carriers, the triggers taken out, are filled into the templates of the other rows.

    1 means as many as of the others, and is returned where those are in no templates.
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
