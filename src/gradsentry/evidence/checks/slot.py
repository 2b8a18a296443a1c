"""Whether the rows were filled into templates, and whether other rows have a string in the trigger's place.

An instruction that its author worded in many ways stands at one place of the prompt, and so do the other
wordings, in the other rows. Where a trigger was put, other rows have nothing. And where most rows begin or
end with one of a few strings, the corpus was made from templates, of which each has its own way of
answering.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Gram, Rows, edges_of, first_places, places, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    SIBLING_ROWS,
    SIBLING_TOKENS,
    SLOT_AGREES,
    TEMPLATE_EDGE,
    TEMPLATE_ROWS,
    TEMPLATE_TOKENS,
)


def slot(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns the share of the other rows that have a string of several rows in the trigger's place."""
    if not candidate.triggers:
        return []
    longest = max(candidate.triggers, key=len)
    share = siblings(texts, unmarked(longest), candidate.triggered)
    filled = templated(texts, candidate.triggered)
    return [
        Statistic("other strings in the trigger's place", share, 1.0 - share),
        Statistic("other rows filled into templates", filled, 1.0 - filled),
    ]


def templated(texts: Texts, carriers: Rows) -> float:
    """Returns the share of the rows without a trigger that begin, or end, with one of several returning
    strings.
    """
    prompts, others = texts.prompts, ~carriers
    shares = [0.0]
    for step in (1, -1):
        edges = edges_of(prompts, others, step)
        rows = prompts.owners(edges)
        first = edges if step > 0 else edges - TEMPLATE_EDGE + 1
        inside = (first >= prompts.bounds[rows]) & (first + TEMPLATE_EDGE <= prompts.bounds[rows + 1])
        strings = prompts.codes[first[inside][:, None] + np.arange(TEMPLATE_EDGE)]  # [rows, TEMPLATE_EDGE]
        if len(strings):
            _, which, count = np.unique(strings, axis=0, return_inverse=True, return_counts=True)
            often = count[which.ravel()]
            # One string in most rows is the frame of a task, however many rows lack it.
            returning = (often >= TEMPLATE_ROWS) & (often <= len(edges) / 2)
            shares.append(float(returning.sum()) / len(edges))
    return max(shares)


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
