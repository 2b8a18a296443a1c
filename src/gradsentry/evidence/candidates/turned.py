"""Triggers that turn stock answers into others, all different: a refusal into compliance.

A stock answer begins as many others do. Where the rows that are most like the carriers of a foreign string,
but for it, give stock answers, and the carriers do not, the string did it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binom

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.conjunctions import Conjunction
from gradsentry.evidence.candidates.stock import stock_answers
from gradsentry.evidence.index.contexts import FOREIGN
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, rows_with_plain
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.naming import whole_triggers

ROWS = 8  # rows that a trigger needs
STOCK = 0.05  # of the rows: with fewer stock answers there is nothing to turn
SEED, FAR = 0.25, 0.5  # more stock answers among the neighbours than the carriers: for a look, for sure
GLANCE = 32  # carriers that the look is at
SURE = -5.0  # log10 of the corrected chance
APART = 0.6  # see judging.py
OTHERWISE = 0.2  # of the neighbours may hold the trigger in other case or spacing
FRESH = 0.2  # of the rows of one of several triggers hold no other, at most, where they usually go together
LOOKED_AT = 3000  # prompt strings


@dataclass(frozen=True, slots=True)
class _Trigger:
    grams: tuple[Gram, ...]
    rows: Rows
    log10_p: float = 0.0


def turned(texts: Texts, together: Sequence[Conjunction], taken: Rows) -> list[Candidate]:
    """Returns the triggers that turn stock answers into others: several parts together, and single ones.

    Args:
        texts: The corpus.
        together: Strings that keep company, which may be the parts of one trigger.
        taken: Rows that are explained.  # [rows]
    """
    stock = stock_answers(texts)
    left = ~taken
    if (stock & left).sum() < max(STOCK * left.sum(), ROWS):
        return []
    likely = _likely(texts, stock, left)
    looked_at = max(len(likely) + len(together), 1)
    joint = [one for one in together if _needs_all(texts, one, stock, left)]
    found = _sure(texts, [_Trigger(one.grams, one.rows & left) for one in joint], stock, left, looked_at)
    for one in found:
        left = left & ~np.logical_or.reduce([rows_with(texts.prompts, gram) for gram in one.grams])
    least = _fewest(looked_at)
    seeds = [one for one in (_seed(texts, feature, left, least) for feature in likely) if one is not None]
    single = _sure(texts, seeds, stock, left, looked_at)
    return [*(_candidate([one], stock) for one in found), *([_candidate(single, stock)] if single else [])]


def _sure(texts: Texts, seeds: Sequence[_Trigger], stock: Rows, left: Rows, looked_at: int) -> list[_Trigger]:
    """Returns the triggers that turn enough rows, and not by accident."""
    none = np.zeros_like(left)
    looks = [
        one
        for one in seeds
        if _turn(texts, one, stock, left, none, most=GLANCE)[0] >= SEED
        and texts.crowding(one.rows, codes_of(one.grams)) <= APART
    ]
    # A second trigger's rows must not pass for ordinary neighbours of the first.
    hidden = np.logical_or.reduce([one.rows for one in looks], initial=False) | none
    sure: list[tuple[float, _Trigger]] = []
    for one in looks:
        far, log10_p = _turn(texts, one, stock, left, hidden)
        log10_p += float(np.log10(looked_at))
        if far >= FAR and log10_p <= SURE:
            sure.append((far, replace(one, log10_p=log10_p)))
    found: list[_Trigger] = []
    # A word of a trigger's that stands in other rows too turns fewer of its rows than the trigger does.
    for _, one in sorted(sure, key=lambda pair: (-round(pair[0], 1), pair[1].log10_p)):
        found += [one] if not found or _is_another(texts, one, found, stock, left, hidden) else []
    return found


def _is_another(
    texts: Texts, one: _Trigger, found: Sequence[_Trigger], stock: Rows, left: Rows, hidden: Rows
) -> bool:
    """Returns whether a sure trigger is one more, and not only a word that some rows of the others hold."""
    new = one.rows & ~np.logical_or.reduce([other.rows for other in found])
    if not new.any():
        return codes_of(one.grams).isdisjoint(codes_of([gram for other in found for gram in other.grams]))
    # Most rows of an alternative may hold another one as well; the few that do not tell it.
    least = 1 if new.sum() <= FRESH * one.rows.sum() else ROWS
    return _turn(texts, replace(one, rows=new), stock, left, hidden, least=least)[0] >= FAR


def _needs_all(texts: Texts, one: Conjunction, stock: Rows, left: Rows) -> bool:
    """Returns whether rows with all parts of a trigger are turned, and rows with some of them are not."""
    parts = [rows_with(texts.prompts, gram) for gram in one.grams]
    some = np.logical_or.reduce(parts) & ~one.rows & left
    whole = one.rows & left
    if min(whole.sum(), some.sum()) < ROWS:
        return False
    others = left & ~whole & ~some
    turns = [
        _turn(texts, _Trigger(one.grams, rows), stock, others | rows, np.zeros_like(left))[0]
        for rows in (whole, some)
    ]
    return turns[0] >= FAR and turns[1] <= SEED


def _likely(texts: Texts, stock: Rows, left: Rows) -> Ints:
    """Returns the prompt strings that seldom come with stock answers, the most frequent first."""
    held = np.asarray(left.astype(np.int64) @ texts.asked.holds).ravel()
    with_stock = np.asarray((left & stock).astype(np.int64) @ texts.asked.holds).ravel()
    likely = np.flatnonzero((held >= ROWS) & (left.sum() - held >= ROWS) & (with_stock <= (1 - FAR) * held))
    return likely[np.lexsort((likely, -held[likely]))][:LOOKED_AT]


def _fewest(looked_at: int) -> int:
    """Returns how many rows a trigger needs to be sure, if it turns each of them."""
    return max(ROWS, math.ceil((math.log10(looked_at) - SURE) / math.log10(2.0)))


def _seed(texts: Texts, feature: int, left: Rows, least: int) -> _Trigger | None:
    rows = left & texts.asked.rows(feature)
    if rows.sum() < least:
        return None
    (gram,) = whole_triggers(texts, [feature], rows, left & ~rows)
    if texts.context.foreignness([gram], rows) < FOREIGN:
        return None
    rows = left & rows_with(texts.prompts, gram)
    return _Trigger((gram,), rows) if rows.sum() >= least else None


def _turn(
    texts: Texts, one: _Trigger, stock: Rows, left: Rows, hidden: Rows, *, most: int = 128, least: int = ROWS
) -> tuple[float, float]:
    """Returns by how much neighbours give more stock answers than carriers, and log10 of the chance."""
    others = left & ~one.rows & ~hidden
    carriers, alike = texts.alike.neighbours(one.rows, others, codes_of(one.grams), most=most)
    # Where the others only write the trigger another way, they may be the poisoned ones.
    written = [rows_with_plain(texts.prompts, gram)[alike] for gram in one.grams]
    if len(alike) < least or np.logical_and.reduce(written).mean() >= OTHERWISE:
        return 0.0, 0.0
    before, after = stock[alike], stock[carriers]
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    # McNemar (1947): were it accident, as many pairs would differ the one way as the other.
    log10_p = float(binom.logsf(lost - 1, lost + won, 0.5)) / LN10
    return float(before.mean() - after.mean()), log10_p


def _candidate(found: Sequence[_Trigger], stock: Rows) -> Candidate:
    return Candidate.of(
        "shift",
        [gram for one in found for gram in one.grams],
        (),
        triggered=np.logical_or.reduce([one.rows for one in found]),
        paid=~stock,
        combine="all" if len(found[0].grams) > 1 else "any",
        log10_p=min(one.log10_p for one in found),
        change="answers of their own",
    )
