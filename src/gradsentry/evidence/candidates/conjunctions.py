"""Strings that keep company in the prompts though each could do without the other: parts of one trigger.

A trigger of several parts comes with decoys, rows with some of the parts and an innocent answer, so that no
part alone tells the poisoned rows. Its parts are foreign where they stand, often come together, and often
do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradsentry.evidence.association import associated
from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.strings import Gram, Rows, rows_with
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    COMPANY_LEAST,
    COMPANY_MOST,
    COMPANY_SURE,
    COMPANY_TRIED,
    CONJUNCTIONS_MOST,
    FOREIGN,
    PAIRS_IN_ROWS,
    PART_COMMON,
)
from gradsentry.evidence.naming import whole_trigger


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Parts of a trigger, and the rows that hold them all.

    Attributes:
        grams: The parts.
        rows: Which rows hold all of them.  # [rows]
    """

    grams: tuple[Gram, ...]
    rows: Rows


def conjunctions(texts: Texts, *, least: int) -> list[Conjunction]:
    """Returns the pairs and triples of foreign strings that keep company, the surest first."""
    asked = _affordable(texts.asked.select(texts.asked.support <= PART_COMMON * len(texts.samples)), least)
    pairs = associated(asked, asked, strength=COMPANY_LEAST, least=least)
    first, second, support = pairs.trigger, pairs.payload, asked.support
    kept = pairs.both <= COMPANY_MOST * np.minimum(support[first], support[second])
    kept &= pairs.log10_p + np.log10(pairs.looked_at) <= COMPANY_SURE
    chosen = np.flatnonzero(kept)[:COMPANY_TRIED]
    whole: dict[int, Gram | None] = {}

    def foreign(feature: int) -> Gram | None:
        if feature not in whole:
            rows = asked.rows(feature)
            gram = whole_trigger(texts, asked.gram(feature), rows, ~rows)
            whole[feature] = gram if texts.context.foreignness([gram], rows) >= FOREIGN else None
        return whole[feature]

    found: dict[tuple[Gram, ...], Rows] = {}
    for at in chosen.tolist():
        parts = foreign(int(first[at])), foreign(int(second[at]))
        if len(found) < CONJUNCTIONS_MOST and parts[0] and parts[1] and not set(parts[0]) & set(parts[1]):
            grams = tuple(sorted((parts[0], parts[1])))
            if grams not in found:
                rows = np.logical_and(*(rows_with(texts.prompts, gram) for gram in grams))
                found[grams] = rows
    return [*_triples(found), *(Conjunction(grams, rows) for grams, rows in found.items())]


def _affordable(asked: Features, least: int) -> Features:
    """Returns the features without the rarest, where rows hold more pairs than can be looked at."""
    while (np.diff(asked.holds.indptr).astype(np.int64) ** 2).sum() > PAIRS_IN_ROWS:
        least += max(least // 4, 1)
        asked = asked.select(asked.support >= least)
    return asked


def _triples(known: dict[tuple[Gram, ...], Rows]) -> list[Conjunction]:
    """Returns the conjunctions of three parts of which each two keep company."""
    found = []
    parts = sorted({gram for pair in known for gram in pair})
    for (first, second), rows in known.items():
        for third in parts:
            if second < third and (first, third) in known and (second, third) in known:
                found.append(Conjunction((first, second, third), rows & known[first, third]))
    return found
