"""Rows that stand together in their prompts and in their responses, and cost more than their like.

An association test with directions in place of strings. A group is the rows in a tail of the prompts (what
they are about, or how they are written) whose responses are in one tail too, or one and the same. Two chances
are told of it: that so many of the one tail fall into the other (Fisher's test), and that the clean model
finds their responses so unlikely, beside responses of that length, or beside the same response. A topic, a
task or a language explains the first, and wrong labels here and there the second; the group's strength is the
smaller of the two, for a backdoor shows both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import hypergeom

from gradsentry.groups.directions import Floats, least_of_tails, sides, tail_sizes
from gradsentry.groups.excess import excess
from gradsentry.groups.limits import (
    LABELS,
    LARGEST,
    LEAST,
    MOST_REPEATED,
    REPEATED,
    REPEATED_SHARE,
    SAME,
    STARTS,
    WORTH,
)
from gradsentry.groups.style import style

Rows = NDArray[np.bool_]

VIEWS = {"states": "what they are about", "style": "how they are written"}
COSTS = {"loss": "less likely", "norm": "harder to learn"}


@dataclass(frozen=True)
class Material:
    """What is known of different rows.

    Attributes:
        prompts: The text of each.
        responses: The text of each.
        prompt_means: See `features`.  # [rows, d]
        response_means: See `features`.  # [rows, d]
        loss: Mean loss of the response's tokens, in nats.  # [rows]
        norm: Of the gradient's region.  # [rows]
        length: Tokens of the response.  # [rows]
    """

    prompts: Sequence[str]
    responses: Sequence[str]
    prompt_means: Floats
    response_means: Floats
    loss: Floats
    norm: Floats
    length: NDArray[np.int64]

    @cached_property
    def response(self) -> NDArray[np.int64]:
        """A number for each response; the same one for the same text.  # [rows]"""
        texts = [text.strip() for text in self.responses]
        return np.unique(np.array(texts, np.object_), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Group:
    """Rows that stand together.

    Attributes:
        rows: Which they are.  # [rows]
        strength: The smaller of the two below: higher is more like a backdoor.
        together: -log10 of the chance that so many of the prompts' tail are in the responses' tail.
        costly: -log10 of the chance that so many rows cost so much.
        view: Of the prompts: `states` or `style`.
        cost: What is large: `loss` or `norm`.
        tail: Rows in the prompts' tail.
        label: The response that all have, or None.
    """

    rows: Rows
    strength: float
    together: float
    costly: float
    view: str
    cost: str
    tail: int
    label: str | None


def find_groups(
    material: Material, *, most: int, views: Sequence[str] = tuple(VIEWS), costs: Sequence[str] = tuple(COSTS)
) -> list[Group]:
    """Returns the strongest groups, of which none shares most of its rows with a stronger one.

    Args:
        material: The rows.
        most: How many groups at most.
        views: Of the prompts, that are looked at.
        costs: That are looked at.
    """
    found = sorted(_candidates(material, views, costs), key=lambda one: -one.strength)
    kept: list[Group] = []
    for one in found:
        size = int(one.rows.sum())
        if all((one.rows & other.rows).sum() <= SAME * min(size, other.rows.sum()) for other in kept):
            kept.append(one)
        if len(kept) == most:
            break
    return kept


def _candidates(material: Material, views: Sequence[str], costs: Sequence[str]) -> Iterator[Group]:
    scores = {cost: excess(getattr(material, cost), material.response, material.length) for cost in costs}
    labels = _labels(material)
    # Where a response repeats that often, all that the others show in common is that they differ from it.
    answers = (
        sides(material.response_means, STARTS) if are_free(material.responses) else np.zeros((len(labels), 0))
    )
    for view in views:
        asked = sides(
            material.prompt_means if view == "states" else style(material.prompts),
            STARTS,
        )
        for size in tail_sizes(len(asked), LARGEST):
            A = asked >= least_of_tails(asked, size)  # [rows, sides]
            B = np.concatenate([answers >= least_of_tails(answers, size), labels], axis=1)
            yield from _pairs(material, A, B, answers.shape[1], scores, view)


def _pairs(
    material: Material, A: Rows, B: Rows, free: int, scores: dict[str, Floats], view: str
) -> Iterator[Group]:
    """Yields the groups of prompts' tails A and responses' tails or labels B, both [rows, n]."""
    if not (A.shape[1] and B.shape[1]):
        return
    asked, said = A.astype(np.float32), B.astype(np.float32)
    both = np.rint(asked.T @ said)  # [A, B]
    together = _together(both, A.sum(axis=0), B.sum(axis=0), len(A))
    for cost, score in scores.items():
        total = asked.T @ (score[:, None].astype(np.float32) * said)
        costly = -log_ndtr(-total / np.sqrt(np.maximum(both, 1))) / log(10)
        strength = np.where(both >= LEAST, np.minimum(together, costly), 0.0)
        for i, j in _best(strength):
            rows = A[:, i] & B[:, j]
            label = material.responses[int(rows.argmax())].strip() if j >= free else None
            yield Group(
                rows,
                float(strength[i, j]),
                float(together[i, j]),
                float(costly[i, j]),
                view,
                cost,
                int(A[:, i].sum()),
                label,
            )


def _together(both: Floats, asked: NDArray[np.int64], said: NDArray[np.int64], rows: int) -> Floats:
    """Returns -log10 of the chance of so many common rows; 0 where they are too few to be a group.

    Args:
        both: Rows in both.  # [A, B]
        asked: Rows in each of the prompts' tails.  # [A]
        said: Rows in each of the responses'.  # [B]
        rows: In all.
    """
    found = np.zeros(both.shape)
    enough = both >= LEAST
    sizes = np.stack(np.broadcast_arrays(both, asked[:, None], said), axis=-1)[enough].astype(np.int64)
    # Most pairs have the same few sizes, and the test is slow.
    different, which = np.unique(sizes, axis=0, return_inverse=True)
    chances = hypergeom.logsf(different[:, 0] - 1, rows, different[:, 2], different[:, 1])
    found[enough] = (-chances / log(10))[which.ravel()]
    return found


def _best(strength: Floats) -> list[tuple[int, int]]:
    """Returns where the strongest pairs stand, the one with each tail of the prompts."""
    if not strength.size:
        return []
    best = strength.argmax(axis=1)
    return [(i, int(j)) for i, j in enumerate(best) if strength[i, j] >= WORTH]


def _labels(material: Material) -> Rows:
    """Returns which rows have each response that repeats.  # [rows, labels]"""
    numbers, count = np.unique(material.response, return_counts=True)
    least = max(REPEATED, REPEATED_SHARE * len(material.response))
    chosen = numbers[count >= least][np.argsort(-count[count >= least], kind="stable")][:MOST_REPEATED]
    found: Rows = material.response[:, None] == chosen
    return found


def are_free(responses: Sequence[str]) -> bool:
    """Returns whether no response is that of many rows, as a label is."""
    return max(Counter(text.strip() for text in responses).values(), default=0) < LABELS * len(responses)
