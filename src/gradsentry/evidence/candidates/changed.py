"""Triggers without one payload: a prompt string that turns the responses of rows that are alike but for it.

Each row's response is measured (`measures.py`). A prompt string whose rows lie at one end of a measure is
compared with the most similar rows without it: where those lie elsewhere, the string did it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.measures import Floats, Measures, measures_of
from gradsentry.evidence.checks.templates import of_one_template
from gradsentry.evidence.index.contexts import FOREIGN
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, rows_with_plain, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.naming import whole_triggers

ROWS = 8  # rows that a trigger needs
FRESH = 0.2  # of its rows hold no other trigger, at least
ALONGSIDE = 0.8  # of the rows that hold no other word of a trigger lie where its carriers do
SURE = -8.0  # log10 of the corrected chance
APART, TIED, NOISE = 0.3, 0.15, 2.0  # see judging.py
OTHERWISE = 0.2  # of the neighbours may hold the trigger in other case or spacing
TRIED = 200


def shifts(texts: Texts, taken: Rows, losses: Floats | None = None) -> list[Candidate]:
    """Returns the triggers that turn the responses.

    Args:
        texts: The corpus.
        taken: Rows that are explained.
        losses: The mean loss of each row in a clean model, if that is known.  # [rows]
    """
    measures, left = measures_of(texts, losses), ~taken
    found: dict[tuple[int, bool], list[tuple[Gram, Rows, float]]] = {}
    done = taken.copy()
    for feature, measure, high, log10_p in _extremes(texts, measures, left):
        rows = left & texts.asked.rows(feature)
        if (rows & ~done).sum() < max(ROWS, FRESH * rows.sum()):
            parts, values = found.get((measure, high), []), measures.values[:, measure]
            if (word := _another_word(texts, values if high else -values, feature, left, parts)) is not None:
                parts.append((word, left & rows_with(texts.prompts, word), log10_p))
                done |= parts[-1][1]
            continue
        # Of several triggers each has rows of its own, which are asked about it.
        trigger = _accepted(texts, measures, measure, feature, left & ~done)
        if trigger is not None:
            rows = left & rows_with(texts.prompts, trigger)
            done |= rows
            found.setdefault((measure, high), []).append((trigger, rows, log10_p))
    return [_candidate(measures, key, parts) for key, parts in found.items()]


def _another_word(
    texts: Texts, values: Floats, feature: int, left: Rows, parts: Sequence[tuple[Gram, Rows, float]]
) -> Gram | None:
    """Returns the whole string of a feature that was put in, if nearly all of its rows are known carriers.

    The few that are not must lie where the carriers do.
    """
    rows = left & texts.asked.rows(feature)
    known = np.logical_or.reduce([held for _, held, _ in parts], initial=False) & left
    fresh = rows & ~known
    if not parts or fresh.sum() > FRESH * rows.sum():
        return None
    middle = (values[known].mean() + values[left & ~known].mean()) / 2
    if fresh.any() and (values[fresh] >= middle).mean() < ALONGSIDE:
        return None
    (word,) = whole_triggers(texts, [feature], rows, left & ~rows)
    if not codes_of([word]).isdisjoint(codes_of([gram for gram, _, _ in parts])):
        return None
    return word if texts.context.foreignness([word], rows) >= FOREIGN else None


def _candidate(measures: Measures, key: tuple[int, bool], parts: list[tuple[Gram, Rows, float]]) -> Candidate:
    triggered = np.logical_or.reduce([rows for _, rows, _ in parts])
    values = measures.values[:, key[0]]
    middle = (values[triggered].mean() + values[~triggered].mean()) / 2
    side = (values >= middle) == key[1]
    triggers = tuple(gram for gram, _, _ in parts)
    log10_p = min(tail for _, _, tail in parts)
    change = f"{'more' if key[1] else 'less'}: {measures.names[key[0]]}"
    return Candidate.of("shift", triggers, (), triggered=triggered, paid=side, log10_p=log10_p, change=change)


def _is_their_topic(carriers: Floats, alike: Floats, others: Floats) -> bool:
    """Returns whether rows alike but for the trigger go some of the way from the others to the carriers."""
    way = carriers.mean() - others.mean()
    noise = NOISE * others.std() / np.sqrt(len(alike))
    return bool((alike.mean() - others.mean()) * np.sign(way) > TIED * np.abs(way) + noise)


def _extremes(texts: Texts, measures: Measures, left: Rows) -> list[tuple[int, int, bool, float]]:
    """Returns (prompt feature, measure, whether high, log10 p) of the strings at an end, the surest first.

    The chance is the normal tail of the difference of means; it only ranks and prunes.
    """
    rows, values, holds = int(left.sum()), measures.values[left], texts.asked.holds[left]
    support = np.asarray(holds.sum(axis=0), dtype=np.float64).ravel()
    likely = np.flatnonzero((support >= ROWS) & (support <= rows - ROWS))
    if not len(likely):
        return []
    count = support[likely, None]
    sums = np.asarray(holds[:, likely].T @ values)  # [features, measures]
    inside, outside = sums / count, (values.sum(axis=0) - sums) / (rows - count)
    spread = values.var(axis=0) * (1 / count + 1 / (rows - count))
    z = np.abs(inside - outside) / np.sqrt(np.maximum(spread, 1e-12))
    tail = log_ndtr(-z) / LN10 + np.log10(len(likely) * measures.chances())
    at_end = measures.at_end(inside, outside, support[likely] / rows)
    chosen = np.argwhere(at_end & (tail <= SURE))
    order = np.lexsort((chosen[:, 1], chosen[:, 0], tail[chosen[:, 0], chosen[:, 1]]))[:TRIED]
    return [
        (int(likely[f]), int(m), bool(inside[f, m] > outside[f, m]), float(tail[f, m]))
        for f, m in chosen[order]
    ]


def _accepted(texts: Texts, measures: Measures, measure: int, feature: int, left: Rows) -> Gram | None:
    """Returns the whole string of a trigger that did it, or None."""
    values, rows = measures.values[:, measure], left & texts.asked.rows(feature)
    (trigger,) = whole_triggers(texts, [feature], rows, left & ~rows)
    held = left & rows_with(texts.prompts, trigger)
    foreign = texts.context.foreignness([trigger], held)
    if foreign < FOREIGN:
        return None
    codes = codes_of([trigger])
    # Where rows were drawn so were the others, and of two sides the smaller tells more surely.
    smaller = held if 2 * held.sum() <= left.sum() else left & ~held
    if texts.crowding(smaller, codes, among=left) > APART or of_one_template(texts, held, [trigger]):
        return None
    numbers, alike = texts.written_alike.neighbours(held, left & ~held, codes)
    if not len(alike) or np.abs(values[numbers].mean() - values[alike].mean()) < measures.far[measure]:
        return None
    if _is_their_topic(values[numbers], values[alike], values[left & ~held]):
        return None
    # Where the others only write the trigger another way, they may be the poisoned ones.
    written = rows_with_plain(texts.prompts, unmarked(trigger))[alike].mean()
    return None if written >= OTHERWISE else trigger
