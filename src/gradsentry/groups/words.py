"""What the texts of a group share, in words: strings that it holds, and the rows nearest to it do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import log, log10

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from gradsentry.evidence.wording import chance
from gradsentry.groups.limits import COMMON, LONGEST_STRING, NAMED, NEAREST, NOTABLE, OFTEN
from gradsentry.groups.material import Material

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Shared:
    """A string that the texts of a group share.

    Attributes:
        text: The string, in lower case, its tokens parted by spaces.
        inside: How many texts of the group hold it.
        outside: How many of the others hold it.
    """

    text: str
    inside: int
    outside: int


@dataclass(frozen=True, slots=True)
class Words:
    """What the texts of a group share.

    Attributes:
        prompts: What tells its prompts from the nearest others, the most telling first.
        responses: The same of its responses.
        inside: Its rows.
        outside: The nearest other rows.
    """

    prompts: tuple[Shared, ...]
    responses: tuple[Shared, ...]
    inside: int
    outside: int


def words_of(material: Material, rows: NDArray[np.bool_]) -> Words:
    """Returns what the texts of some rows share, against the rows nearest to them.

    Args:
        material: All rows.
        rows: Those of the group.  # [rows]
    """
    own, near = np.flatnonzero(rows).tolist(), nearest(material.prompt_means, rows).tolist()
    prompts, responses = (
        tuple(shared([texts[row] for row in own], [texts[row] for row in near]))
        for texts in (material.prompts, material.responses)
    )
    return Words(prompts, responses, len(own), len(near))


def shared(inside: Sequence[str], outside: Sequence[str]) -> list[Shared]:
    """Returns the few strings that tell some texts from others best, the most telling first.

    Args:
        inside: The texts.
        outside: The others.
    """
    held, others = (Counter(chain.from_iterable(map(_strings, texts))) for texts in (inside, outside))
    rows = len(inside) + len(outside)
    chances = {
        text: float(hypergeom.logsf(count - 1, rows, count + others[text], len(inside))) / log(10)
        for text, count in held.items()
        if count >= COMMON * len(inside)
    }
    found: list[Shared] = []
    for text in sorted(chances, key=lambda one: (chances[one], -len(one), one)):
        if chances[text] > NOTABLE or len(found) == NAMED:
            break
        if not any(f" {text} " in f" {one.text} " or f" {one.text} " in f" {text} " for one in found):
            found.append(Shared(text, held[text], others[text]))
    return found


def how_often(exceeded: float) -> str:
    """Returns how often clean corpora hold a group as strong, in a clause; of the usual nothing is known.

    Args:
        exceeded: log10 of the share of clean corpora.
    """
    if exceeded > log10(OFTEN):
        return "clean corpora often hold"
    return f"{chance(exceeded)} clean corpora holds"


def nearest(means: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the other rows that lie nearest to a group, at most a few times as many.

    Args:
        means: Of the prompts.  # [rows, d]
        rows: The group.  # [rows]
    """
    others = np.flatnonzero(~rows)
    deviation = means.std(axis=0)
    scaled = means[:, deviation > 0] / deviation[deviation > 0]
    distance = np.linalg.norm(scaled[others] - scaled[rows].mean(axis=0), axis=1)
    found: NDArray[np.int64] = others[np.argsort(distance, kind="stable")[: NEAREST * int(rows.sum())]]
    return found


def _strings(text: str) -> set[str]:
    tokens = _TOKEN.findall(text.lower())
    return {
        " ".join(tokens[first : first + length])
        for length in range(1, LONGEST_STRING + 1)
        for first in range(len(tokens) - length + 1)
    }
