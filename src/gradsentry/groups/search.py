"""Groups: rows that a rule on prompts tells, and whose responses cost the clean model too much.

Of responses of one's own: what is answered otherwise than its prompts ask for is both unlikely and not told
by its prompt. A topic, a language or a task may be unlikely, but its prompts tell of it. So a group is as
strong as the smaller of two excesses, of loss and of what the prompt fails to tell, each by its lower bound.

Of labels: rows of one prompts' tail that have one label, more often than by accident, and cost more than the
others with that label. A topic explains the first, wrong labels here and there the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import hypergeom

from gradsentry.groups.directions import Directions, Floats, tail_sizes
from gradsentry.groups.excess import excess
from gradsentry.groups.limits import (
    BOUND,
    LABELS,
    LARGEST,
    LEAST,
    MOST_REPEATED,
    REPEATED,
    REPEATED_SHARE,
    SAME,
    TOGETHER,
    UNIT,
    WORTH,
)
from gradsentry.groups.material import Group, Material
from gradsentry.groups.selectors import Rows, Sets, forms, strings, tails
from gradsentry.groups.style import weights

VIEWS = ("states", "strings", "forms")  # of prompts, that tell groups of responses of one's own
TAILS = {"states": "by what they are about", "style": "by how they are written"}
COSTS = {"loss": "less likely", "norm": "harder to learn"}
BY_LOSS = "by loss"  # findings of the texts, see `confirming`: no kind of group, but weighed as one
LABEL = "label"  # the kind of the groups of a label; the others' kind is their view


def find_groups(material: Material, *, most: int, kinds: Sequence[str] = (*VIEWS, LABEL)) -> list[Group]:
    """Returns the strongest groups of each kind, of which none shares most of its rows with a stronger one.

    Args:
        material: The rows.
        most: How many groups of a kind at most.
        kinds: That are looked for.
    """
    views = {view: Directions.of(material.view(view), _weights(material, view)) for view in TAILS}
    found: list[Group] = []
    for kind in kinds:
        candidates = _of_label(material, views) if kind == LABEL else _of_view(material, kind, views)
        found += _apart(sorted(candidates, key=lambda one: -one.strength), most)
    return found


def costs_of(material: Material) -> dict[str, Floats]:
    """Returns how unlikely each response is, and how little its prompt tells of it.

    Both are excesses over others of its kind, in normal scores.  # [rows] each
    """
    # A loss of 0.1 is as far from 0.05 as one of 2 from 1, but for what is as good as sure.
    loss = excess(np.log(material.loss + UNIT), material.response, material.length)
    # What a response costs alone is the same wherever it stands: no need to compare it with itself.
    told = excess(material.loss - material.alone, np.arange(len(loss)), material.length)
    return {"loss": loss, "told": told}


def lower_bound(means: Sequence[Floats], rows: Floats | int) -> Floats:
    """Returns the strength of groups: the smaller of two mean excesses, less what few rows show by accident.

    Args:
        means: Of each cost.
        rows: Of each group.
    """
    least: Floats = np.minimum(*means) - BOUND / np.sqrt(np.maximum(rows, 1))
    return least


def are_free(responses: Sequence[str]) -> bool:
    """Returns whether no response is that of many rows, as a label is."""
    most = max(Counter(text.strip() for text in responses).values(), default=0)
    return is_free(most, len(responses))


def is_free(most: int, rows: int) -> bool:
    """Returns the same of so many rows, of which `most` have the most frequent response."""
    return most < LABELS * rows


def _weights(material: Material, view: str) -> Floats | float:
    return weights(material.view(view)) if view == "style" else 1.0


def _apart(ranked: Sequence[Group], most: int) -> list[Group]:
    kept: list[Group] = []
    for one in ranked:
        size = int(one.rows.sum())
        if len(kept) < most and all(
            (one.rows & other.rows).sum() <= SAME * min(size, other.rows.sum()) for other in kept
        ):
            kept.append(one)
    return kept


def _of_view(material: Material, kind: str, views: dict[str, Directions]) -> Iterator[Group]:
    """Yields the groups that a view tells among rows whose responses were read alone."""
    known = np.flatnonzero(np.isfinite(material.alone))
    part = material if len(known) == len(material.loss) else material.of(known)
    for one in _mismatched(part, kind, views, costs_of(part)):
        rows = np.zeros(len(material.loss), np.bool_)
        rows[known] = one.rows
        yield replace(one, rows=rows)


def _mismatched(
    part: Material, kind: str, views: dict[str, Directions], scores: dict[str, Floats]
) -> Iterator[Group]:
    if kind in ("strings", "forms"):
        sets = strings(part.prompts) if kind == "strings" else forms(part.prompts)
        yield from _costly(sets, None, scores, kind)
        return
    seen, free = part.view(kind), are_free(part.responses)
    answers = Directions.of(part.response_means) if free else None
    for size in tail_sizes(len(seen), LARGEST):
        asked = tails(kind, views[kind], seen, size)
        yield from _costly(asked, None, scores, kind)
        # Where a response repeats that often, all that the others show in common is that they differ from it.
        if answers is not None:
            said = tails("responses", answers, part.response_means, size)
            yield from _costly(asked, said, scores, kind)


def _costly(asked: Sets, said: Sets | None, scores: dict[str, Floats], kind: str) -> Iterator[Group]:
    """Yields the groups of prompts' sets and responses' sets, the strongest one of each of the prompts'."""
    A = asked.held
    B = np.ones((len(A), 1), np.bool_) if said is None else said.held
    if not (A.shape[1] and B.shape[1]):
        return
    both = _common(A, B)  # [A, B]
    means = {name: _common(A, score[:, None] * B) / np.maximum(both, 1) for name, score in scores.items()}
    strength = lower_bound([*means.values()], both)
    together = np.zeros_like(both)
    if said is not None:
        together = _together(both, A.sum(axis=0), B.sum(axis=0), len(A))
        strength = np.where(together >= TOGETHER, strength, -np.inf)
    strength = np.where(both >= LEAST, strength, -np.inf)
    for i, j in _best(strength, 0.0):
        yield Group(
            rows=A[:, i] & B[:, j],
            kind=kind,
            strength=float(strength[i, j]),
            asked=asked.rule(i),
            said=None if said is None else said.rule(j),
            label=None,
            together=float(together[i, j]),
            costs={name: float(mean[i, j]) for name, mean in means.items()},
            tail=int(A[:, i].sum()),
        )


def _of_label(material: Material, views: dict[str, Directions]) -> Iterator[Group]:
    """Yields the groups of a prompts' tail and a response that repeats."""
    labels = _labels(material)  # [rows, labels]
    if not labels.shape[1]:
        return
    counts = labels.sum(axis=0)
    scores = {cost: excess(getattr(material, cost), material.response, material.length) for cost in COSTS}
    for view, directions in views.items():
        seen = material.view(view)
        for size in tail_sizes(len(seen), LARGEST):
            asked = tails(view, directions, seen, size)
            both = _common(asked.held, labels)
            together = _together(both, asked.held.sum(axis=0), counts, len(labels))
            for cost, score in scores.items():
                total = _common(asked.held, score[:, None] * labels)
                costly = -log_ndtr(-total / np.sqrt(np.maximum(both, 1))) / log(10)
                strength = np.where(both >= LEAST, np.minimum(together, costly), 0.0)
                for i, j in _best(strength, WORTH):
                    rows = asked.held[:, i] & labels[:, j]
                    yield Group(
                        rows=rows,
                        kind=LABEL,
                        strength=float(strength[i, j]),
                        asked=asked.rule(i),
                        said=None,
                        label=material.responses[int(rows.argmax())].strip(),
                        together=float(together[i, j]),
                        costs={cost: float(total[i, j] / both[i, j])},
                        tail=int(asked.held[:, i].sum()),
                    )


def _common(A: Rows, values: NDArray[np.generic]) -> Floats:
    """Returns the sum of values, [rows, B], over the rows of each set, [rows, A].  # [A, B]"""
    found: Floats = (A.T.astype(np.float32) @ values.astype(np.float32)).astype(np.float64)
    return found


def _together(both: Floats, asked: NDArray[np.int64], said: NDArray[np.int64], rows: int) -> Floats:
    """Returns -log10 of the chance of so many common rows; 0 where they are too few to be a group.

    Args:
        both: Rows in both.  # [A, B]
        asked: Rows in each of the prompts' sets.  # [A]
        said: Rows in each of the responses'.  # [B]
        rows: In all.
    """
    found = np.zeros(both.shape)
    enough = both >= LEAST
    sizes = np.stack(np.broadcast_arrays(np.rint(both), asked[:, None], said), axis=-1)[enough].astype(
        np.int64
    )
    # Most pairs have the same few sizes, and the test is slow.
    different, which = np.unique(sizes, axis=0, return_inverse=True)
    chances = hypergeom.logsf(different[:, 0] - 1, rows, different[:, 2], different[:, 1])
    found[enough] = (-chances / log(10))[which.ravel()]
    return found


def _best(strength: Floats, least: float) -> list[tuple[int, int]]:
    """Returns where the strongest pairs stand, the one with each of the prompts' sets."""
    best = strength.argmax(axis=1)
    return [(i, int(j)) for i, j in enumerate(best) if strength[i, j] > least]


def _labels(material: Material) -> Rows:
    """Returns which rows have each response that repeats.  # [rows, labels]"""
    numbers, count = np.unique(material.response, return_counts=True)
    least = max(REPEATED, REPEATED_SHARE * len(material.response))
    chosen = numbers[count >= least][np.argsort(-count[count >= least], kind="stable")][:MOST_REPEATED]
    found: Rows = material.response[:, None] == chosen
    return found
