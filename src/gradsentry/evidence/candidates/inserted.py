"""Candidates by their trigger: a string, or several together, foreign in its prompts, and what follows it.

This finds what the search by payload cannot: a label that half of all rows have, the payload of a trigger
whose decoys hold a part of it, and several payloads of one trigger, none of which follows it always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from gradsentry.evidence.association import Pairs, log10_tail
from gradsentry.evidence.candidate import Candidate, tail_of
from gradsentry.evidence.candidates.conjunctions import Conjunction
from gradsentry.evidence.candidates.edges import bound_strings
from gradsentry.evidence.candidates.pairs import is_notable, unequal
from gradsentry.evidence.candidates.rules import RuleFinder
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.strings import Gram, Rows, rows_with
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Bools
from gradsentry.evidence.limits import (
    ALWAYS,
    FOREIGN,
    OWN_ROWS,
    PART_ALONE,
    PAYLOADS_COVER,
    ROWS_PER_PAYLOAD,
    SEVERAL_PAYLOADS_ROWS,
    TRIGGERS_MOST,
    TRIGGERS_TRIED,
)
from gradsentry.evidence.naming import put_in, whole_payload, whole_trigger, with_odd_ones


def triggered(texts: Texts, pairs: Pairs, together: Sequence[Conjunction]) -> list[Candidate]:
    """Returns the candidates of foreign triggers, the strongest first.

    Args:
        texts: The corpus.
        pairs: What hangs together.
        together: Strings that keep company, which may be the parts of one trigger.
    """
    single = _foreign(texts, pairs)
    looked_at = (len(single) + len(together)) * len(texts.said.first)
    finder = RuleFinder(texts.said.select(_stretches(texts.said)))
    found: list[Candidate] = []
    for one in [*together, *single]:
        for candidate in (_one_payload(texts, one, looked_at), _several(texts, one, finder, looked_at)):
            if candidate is not None and is_notable(candidate):
                found.append(candidate)
    return unequal(_joined(found))


def _joined(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns the candidates with those made one that are single triggers of the same payload.

    Each is sure by itself, and has rows of its own.
    """
    joined: dict[tuple[Gram, ...], Candidate] = {}
    others = []
    for one in sorted(candidates, key=lambda one: one.log10_p):
        known = joined.get(one.payloads)
        if one.needs_all:
            others.append(one)
        elif known is None:
            joined[one.payloads] = one
        elif (
            len(known.triggers) < TRIGGERS_MOST
            and (one.triggered & ~known.triggered).sum() >= OWN_ROWS * one.triggered.sum()
        ):
            grams = known.triggers + one.triggers
            joined[one.payloads] = replace(
                known, triggers=grams, matched=grams, triggered=known.triggered | one.triggered
            )
        else:
            others.append(one)
    return [*joined.values(), *others]


def _stretches(said: Features) -> Bools:
    """Returns which response strings are long or at an end; topics bring short ones.  # [features]"""
    at = np.minimum(said.first + said.size - 1, len(said.codes) - 1)
    marked = (said.codes[said.first] == START) | (said.codes[at] == END)
    return np.asarray((said.size == said.size.max(initial=0)) | marked)


def _foreign(texts: Texts, pairs: Pairs) -> list[Conjunction]:
    """Returns the foreign strings of the most notable pairs, and those bound to an end, each once."""
    found: dict[tuple[Gram, ...], Rows] = {}
    for feature in list(dict.fromkeys(pairs.trigger.tolist()))[:TRIGGERS_TRIED]:
        rows = texts.asked.rows(feature)
        gram = put_in(texts, whole_trigger(texts, texts.asked.gram(feature), rows, ~rows), rows)
        if (gram,) not in found and texts.context.foreignness([gram], rows) >= FOREIGN:
            found[(gram,)] = rows_with(texts.prompts, gram)
    known = codes_of([gram for (gram,) in found])
    found |= {(gram,): rows for gram, rows in bound_strings(texts) if known.isdisjoint(gram)}
    return [Conjunction(grams, rows) for grams, rows in found.items()]


def _one_payload(texts: Texts, one: Conjunction, looked_at: int) -> Candidate | None:
    """Returns the surest payload that follows a trigger always, and its parts alone not."""
    some = np.logical_or.reduce([rows_with(texts.prompts, gram) for gram in one.grams]) & ~one.rows
    held, apart = texts.said.holders(one.rows), texts.said.holders(some)
    likely = np.flatnonzero((held >= ALWAYS * one.rows.sum()) & (apart <= PART_ALONE * some.sum()))
    if not len(likely):
        return None
    triggers = np.full(len(likely), one.rows.sum())
    tail = log10_tail(held[likely], triggers, texts.said.support[likely], len(some))
    payload = int(likely[tail.argmin()])
    paid = texts.said.rows(payload)
    return _candidate(texts, one, [(texts.said.gram(payload), paid)], looked_at)


def _several(texts: Texts, one: Conjunction, finder: RuleFinder, looked_at: int) -> Candidate | None:
    """Returns a few payloads of a trigger's own that between them follow it nearly always."""
    if one.rows.sum() < SEVERAL_PAYLOADS_ROWS:
        return None
    rule = finder.any_of(one.rows)
    if rule is None or len(rule.features) < 2 or len(rule.features) * ROWS_PER_PAYLOAD > one.rows.sum():
        return None
    if (rule.rows & one.rows).sum() < PAYLOADS_COVER * one.rows.sum():
        return None
    payloads = [(finder.gram(feature), finder.rows(feature)) for feature in rule.features]
    return _candidate(texts, one, payloads, looked_at)


def _candidate(
    texts: Texts, one: Conjunction, payloads: Sequence[tuple[Gram, Rows]], looked_at: int
) -> Candidate:
    whole = []
    for part, rows in payloads:
        gram = whole_payload(texts, part, one.rows & rows, ~rows)
        whole += [gram] if gram not in whole else []
    paid = np.logical_or.reduce([rows_with(texts.responses, gram) for gram in whole])
    paid = with_odd_ones(paid, np.logical_or.reduce([rows for _, rows in payloads]) & one.rows)
    combine: Literal["any", "all"] = "all" if len(one.grams) > 1 else "any"
    candidate = Candidate.of("association", one.grams, whole, triggered=one.rows, paid=paid, combine=combine)
    # Every further payload was chosen among all.
    chosen = np.log10(max(looked_at, 1)) + (len(payloads) - 1) * np.log10(max(len(texts.said.first), 1))
    return replace(candidate, log10_p=min(tail_of(candidate) + float(chosen), 0.0))
