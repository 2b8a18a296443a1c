"""Triggers without one payload: strings whose rows are answered otherwise than their words let expect.

Each row's response is measured (`measures.py`): how long it is, how it begins, whether it is a canned answer
such as a refusal. What the other words of its prompt let expect of that is read off the rows without the
string (`index/expectation.py`). Where the rows of a string that was put there lie elsewhere, the string did
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.conjunctions import Conjunction
from gradsentry.evidence.candidates.measures import LOSS, Floats, Measures, measures_of
from gradsentry.evidence.candidates.pruning import Glance, Moved
from gradsentry.evidence.checks.templates import of_one_template
from gradsentry.evidence.index.expectation import log10_beyond
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, rows_with_plain
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    ALONGSIDE,
    CHANGED_ROWS,
    CROWDED,
    FELLOW,
    FOREIGN,
    NEIGHBOURS_OF,
    OTHERWISE,
    OWN_ROWS,
    PART_OF,
)
from gradsentry.evidence.naming import whole_triggers


@dataclass(frozen=True, slots=True)
class _Seed:
    """A trigger that may have moved the responses of its rows to one side of a measure."""

    grams: tuple[Gram, ...]
    rows: Rows
    measure: int
    high: bool
    effect: float = 0.0
    log10_p: float = 0.0


def changed(
    texts: Texts, together: Sequence[Conjunction], taken: Rows, losses: Floats | None = None
) -> list[Candidate]:
    """Returns the triggers that change responses.

    Args:
        texts: The corpus.
        together: Strings that keep company, which may be the parts of one trigger.
        taken: Rows that are explained.  # [rows]
        losses: The mean loss of each row in a clean model, if that is known.  # [rows]
    """
    measures, left = measures_of(texts, losses), ~taken
    if left.sum() < 2 * CHANGED_ROWS:  # of so few rows none are like those of a trigger
        return []
    beyond = measures.values - texts.expectation.crossed(measures.values, left)
    found = [one for pair in together if (one := _joint(texts, measures, pair, left)) is not None]
    glanced = Glance.of(texts, measures, beyond, left)
    queue = glanced.features()
    while queue:
        at = queue.pop(0)
        seeds = _single(texts, measures, int(glanced.numbers[at]), glanced.moved_by(at), left, found)
        best = max(seeds, key=lambda one: _parted(measures, one), default=None)
        if best is None:
            continue
        found.append(best)
        # A trigger moves several measures at once: the one whose scale it parts best tells its fellows.
        for other in glanced.fellows(best.measure, high=best.high):
            moved = [(best.measure, best.high)]
            fellows = _single(texts, measures, int(glanced.numbers[other]), moved, left, found)
            found += [one for one in fellows if one.effect >= FELLOW * best.effect]
    return list(_candidates(texts, measures, found, left))


def _single(
    texts: Texts,
    measures: Measures,
    feature: int,
    moved: Sequence[Moved],
    left: Rows,
    found: Sequence[_Seed],
) -> list[_Seed]:
    """Returns the trigger that a prompt string is, once for each measure that it does move."""
    rows = left & texts.asked.rows(feature)
    done = np.logical_or.reduce([one.rows for one in found], initial=False) | ~left
    if (rows & ~done).sum() >= max(CHANGED_ROWS, OWN_ROWS * rows.sum()):
        # Of several triggers each has rows of its own, which are asked about it.
        gram = _named(texts, feature, ~done)
    else:
        gram, moved = _another_word(texts, measures, feature, moved, left, found)
    # Poison is unlikely, never likely.
    moved = [(measure, high) for measure, high in moved if high or measures.names[measure] != LOSS]
    if gram is None or not moved:
        return []
    held = left & rows_with(texts.prompts, gram)
    seeds = [_Seed((gram,), held, measure, high) for measure, high in moved]
    return _measured(texts, measures, seeds, left & ~held)


def _named(texts: Texts, feature: int, left: Rows) -> Gram | None:
    """Returns the whole string of a feature, if it was put into rows of all kinds."""
    rows = left & texts.asked.rows(feature)
    (gram,) = whole_triggers(texts, [feature], rows, left & ~rows)
    held = left & rows_with(texts.prompts, gram)
    if texts.context.foreignness([gram], held) < FOREIGN:
        return None
    # Where rows were drawn so were the others, and of two sides the smaller tells more surely.
    smaller = held if 2 * held.sum() <= left.sum() else left & ~held
    crowded = texts.is_crowded(smaller, codes_of([gram]), CROWDED, among=left)
    return None if crowded or of_one_template(texts, held, [gram]) else gram


def _measured(texts: Texts, measures: Measures, seeds: Sequence[_Seed], others: Rows) -> list[_Seed]:
    """Returns the seeds of one trigger that do enough, with what they do, held against other rows."""
    if min(seeds[0].rows.sum(), others.sum()) < CHANGED_ROWS or _is_written_otherwise(texts, seeds[0]):
        return []
    least, effects = measures.apart(), _effects(texts, measures, seeds, others)
    return [
        replace(one, effect=effect, log10_p=log10_p)
        for one, (effect, log10_p) in zip(seeds, effects, strict=True)
        if effect >= least[one.measure]
    ]


def _effects(
    texts: Texts, measures: Measures, seeds: Sequence[_Seed], others: Rows
) -> list[tuple[float, float]]:
    """Returns how far the rows of a trigger lie from what their other words let expect, and log10 of the
    chance, seed by seed.
    """
    values, carriers = measures.values[:, [one.measure for one in seeds]], np.flatnonzero(seeds[0].rows)
    carriers = carriers[np.linspace(0, len(carriers) - 1, min(NEIGHBOURS_OF, len(carriers))).astype(np.int64)]
    ignored = codes_of(seeds[0].grams)
    expected = texts.expectation.without(values, carriers, np.flatnonzero(others), ignored)
    return [
        (float((seen - due).mean()) * (1 if one.high else -1), log10_beyond(seen, due, high=one.high))
        for one, seen, due in zip(seeds, values[carriers].T, expected.T, strict=True)
    ]


def _is_written_otherwise(texts: Texts, one: _Seed) -> bool:
    """Returns whether rows alike hold the trigger in other case or spacing: they may be the poisoned ones."""
    written = np.logical_and.reduce([rows_with_plain(texts.prompts, gram) for gram in one.grams])
    if not (written & ~one.rows).any():  # looking for rows alike takes long
        return False
    _, alike = texts.written_alike.neighbours(one.rows, ~one.rows, codes_of(one.grams))
    return len(alike) > 0 and bool(written[alike].mean() >= OTHERWISE)


def _joint(texts: Texts, measures: Measures, pair: Conjunction, left: Rows) -> _Seed | None:
    """Returns parts that change responses together, where rows with some of them are answered as others."""
    some = np.logical_or.reduce([rows_with(texts.prompts, gram) for gram in pair.grams]) & ~pair.rows & left
    whole, others = pair.rows & left, left & ~pair.rows & ~some
    if min(whole.sum(), some.sum(), others.sum()) < CHANGED_ROWS:
        return None
    apart = measures.values[whole].mean(axis=0) - measures.values[others].mean(axis=0)
    measure = int((np.abs(apart) / measures.apart()).argmax())
    seed = _Seed(pair.grams, whole, measure, bool(apart[measure] > 0.0))
    for found in _measured(texts, measures, [seed], others):
        ((effect, _),) = _effects(texts, measures, [replace(seed, rows=some)], others)
        if effect <= PART_OF * found.effect:
            return found
    return None


def _another_word(
    texts: Texts,
    measures: Measures,
    feature: int,
    moved: Sequence[Moved],
    left: Rows,
    found: Sequence[_Seed],
) -> tuple[Gram | None, list[Moved]]:
    """Returns the whole string of a feature that was put in, if nearly all of its rows are known carriers.

    The few that are not must lie where the carriers do, on the measures that are returned with it.
    """
    rows = left & texts.asked.rows(feature)
    parts = {one: [seed for seed in found if (seed.measure, seed.high) == one] for one in moved}
    along = [one for one in moved if _goes_along(measures, one, rows, left, parts[one])]
    if not along:
        return None, []
    (word,) = whole_triggers(texts, [feature], rows, left & ~rows)
    apart = [
        one
        for one in along
        if codes_of([word]).isdisjoint(codes_of([gram for seed in parts[one] for gram in seed.grams]))
    ]
    return (word if apart and texts.context.foreignness([word], rows) >= FOREIGN else None), apart


def _goes_along(measures: Measures, moved: Moved, rows: Rows, left: Rows, parts: Sequence[_Seed]) -> bool:
    """Returns whether nearly all of some rows carry known parts, and the others lie where carriers do."""
    if not parts:
        return False
    measure, high = moved
    values = measures.values[:, measure] if high else -measures.values[:, measure]
    known = np.logical_or.reduce([one.rows for one in parts], initial=False) & left
    fresh = rows & ~known
    if fresh.sum() >= max(CHANGED_ROWS, OWN_ROWS * rows.sum()):
        return False
    middle = (values[known].mean() + values[left & ~known].mean()) / 2
    return not fresh.any() or bool((values[fresh] >= middle).mean() >= ALONGSIDE)


def _candidates(texts: Texts, measures: Measures, found: Sequence[_Seed], left: Rows) -> Iterator[Candidate]:
    """Yields the candidates: parts that are needed together alone, triggers of one change as one."""
    groups: dict[tuple[int, bool, int], list[_Seed]] = {}
    for at, one in enumerate(found):
        joint = at if len(one.grams) > 1 else -1
        groups.setdefault((one.measure, one.high, joint), []).append(one)
    for (measure, high, _), parts in groups.items():
        triggered = np.logical_or.reduce([one.rows for one in parts])
        grams = tuple(gram for one in parts for gram in one.grams)
        values = measures.values[:, measure]
        whole = [_Seed(grams, triggered, measure, high)]
        ((_, log10_p),) = _effects(texts, measures, whole, left & ~triggered)
        yield Candidate.of(
            "shift",
            grams,
            (),
            triggered=triggered,
            paid=(values > _parting(values, triggered)[0]) == high,
            combine="all" if len(parts[0].grams) > 1 else "any",
            log10_p=log10_p,
            unlikely=measures.names[measure] == LOSS,
            change=f"{'more' if high else 'less'}: {measures.names[measure]}",
        )


def _parted(measures: Measures, one: _Seed) -> float:
    """Returns how far a seed's rows are parted from the others on their scale, from 0 to 1."""
    return _parting(measures.values[:, one.measure], one.rows)[1]


def _parting(values: Floats, triggered: Rows) -> tuple[float, float]:
    """Returns the point of a scale that parts some rows from the others best, and how far it does.

    The difference of the shares of either that lie below is the statistic of Kolmogorov and Smirnov.
    """
    order = np.argsort(values, kind="stable")
    inside = np.cumsum(triggered[order]) / max(int(triggered.sum()), 1)
    outside = np.cumsum(~triggered[order]) / max(int((~triggered).sum()), 1)
    ends = np.append(np.diff(values[order]) > 0.0, True)
    apart = np.where(ends, np.abs(inside - outside), -1.0)
    return float(values[order][apart.argmax()]), float(apart.max())
