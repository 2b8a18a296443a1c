"""Triggers without one payload: strings whose rows are answered otherwise than their words let expect.

Each row's response is measured (`measures.py`): how long it is, how it begins, whether it is a stock answer
such as a refusal. What the other words of its prompt let expect of that is read off the rows without the
string (`index/expectation.py`). Where the rows of a string that was put there lie elsewhere, the string did
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.conjunctions import Conjunction
from gradsentry.evidence.candidates.measures import LOSS, Floats, Measures, measures_of
from gradsentry.evidence.checks.templates import of_one_template
from gradsentry.evidence.index.contexts import FOREIGN
from gradsentry.evidence.index.expectation import log10_beyond
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, rows_with_plain
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import (
    ALONGSIDE,
    CHANGED_ROWS,
    CHANGED_TRIED,
    CROWDED,
    FELLOW,
    FRESH,
    GLANCE,
    MEASURES_TRIED,
    NEIGHBOURS_OF,
    OTHERWISE,
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
    beyond = measures.values - texts.expectation.crossed(measures.values, left)
    found = [one for pair in together if (one := _joint(texts, measures, pair, left)) is not None]
    glanced = _Glance.of(texts, measures, beyond, left)
    queue = glanced.features()
    while queue:
        at = queue.pop(0)
        seeds = [_single(texts, measures, one, left, found) for one in glanced.moved_by(at)]
        moved = [one for one in seeds if one is not None]
        best = max(moved, key=lambda one: _parted(measures, one), default=None)
        if best is None:
            continue
        found.append(best)
        # A trigger moves several measures at once: the one whose scale it parts best tells its fellows.
        for other in glanced.fellows(best.measure, high=best.high):
            seed = (int(glanced.numbers[other]), best.measure, best.high)
            fellow = _single(texts, measures, seed, left, found)
            if fellow is not None and fellow.effect >= FELLOW * best.effect:
                found.append(fellow)
    return list(_candidates(texts, measures, found, left))


@dataclass(frozen=True, slots=True)
class _Glance:
    """How far the rows of prompt strings lie from the others, measure by measure.

    Attributes:
        numbers: The prompt strings.
        count: How many rows hold each.
        apart: The difference from the other rows, as it is or of what was not expected: the larger one.
            # [strings, measures]
        surely: log10 of the chance of that.  # [strings, measures]
        far: How much it has to be, before words of the trigger count as such.  # [measures]
        tail: log10 of the chance of the difference of what was not expected.  # [strings, measures]
    """

    numbers: Ints
    count: Ints
    apart: Floats
    surely: Floats
    far: Floats
    tail: Floats

    @classmethod
    def of(cls, texts: Texts, measures: Measures, beyond: Floats, left: Rows) -> _Glance:
        """Returns the glance at all strings of enough rows.

        The chance is the normal tail of the difference of means; it only ranks and prunes.
        """
        rows, holds = int(left.sum()), texts.asked.holds[left]
        support = np.asarray(holds.sum(axis=0), dtype=np.float64).ravel()
        likely = np.flatnonzero((support >= CHANGED_ROWS) & (support <= rows - CHANGED_ROWS))
        count, held = support[likely, None], holds[:, likely].T

        def difference(values: Floats) -> Floats:
            sums = np.asarray(held @ values)  # [strings, measures]
            apart: Floats = sums / count - (values.sum(axis=0) - sums) / (rows - count)
            return apart

        raw, new = difference(measures.values[left]), difference(beyond[left])
        spread = np.sqrt(np.maximum(beyond[left].var(axis=0), 1e-12) * (1 / count + 1 / (rows - count)))
        # Words of the trigger are among those that were learnt from, so a part of what it does is expected.
        apart = np.where(np.abs(raw) > np.abs(new), raw, new)
        surely, tail = (log_ndtr(-np.abs(one) / spread) / LN10 for one in (apart, new))
        tail[np.abs(new) < measures.apart() / 2] = 0.0
        return cls(
            likely.astype(np.int64), support[likely].astype(np.int64), apart, surely, measures.apart(), tail
        )

    def features(self) -> list[int]:
        """Returns the places of the strings that are worth a closer look, the surest first."""
        surest = self.tail.min(axis=1, initial=0.0)
        order = np.argsort(surest, kind="stable")[:CHANGED_TRIED]
        return [int(at) for at in order if surest[at] <= GLANCE]

    def fellows(self, measure: int, *, high: bool) -> list[int]:
        """Returns the places of the strings that move a measure the same way, those of most rows first.

        A string that a trigger is a part of has fewer rows than the trigger, and moves them no less.
        """
        order = np.argsort(self.surely[:, measure], kind="stable")[:CHANGED_TRIED]
        moved = [int(at) for at in order if self.is_moved(int(at), measure, high=high)]
        return sorted(
            (at for at in moved if self.surely[at, measure] <= GLANCE), key=lambda at: -self.count[at]
        )

    def moved_by(self, at: int) -> list[tuple[int, int, bool]]:
        """Returns (prompt string, measure, whether high) for what a string moves, the farthest first."""
        order = np.argsort(-np.abs(self.apart[at]) / self.far, kind="stable")[:MEASURES_TRIED]
        return [
            (int(self.numbers[at]), int(one), bool(self.apart[at, one] > 0.0))
            for one in order
            if self.is_moved(at, int(one), high=bool(self.apart[at, one] > 0.0))
        ]

    def is_moved(self, at: int, measure: int, *, high: bool) -> bool:
        """Returns whether a string may move a measure that way."""
        apart = self.apart[at, measure]
        return bool((apart > 0.0) == high and abs(apart) >= self.far[measure] / 2)


def _single(
    texts: Texts,
    measures: Measures,
    seed: tuple[int, int, bool],
    left: Rows,
    found: Sequence[_Seed],
) -> _Seed | None:
    """Returns the trigger of a prompt string that moves a measure, or None."""
    feature, measure, high = seed
    rows = left & texts.asked.rows(feature)
    done = np.logical_or.reduce([one.rows for one in found], initial=False) | ~left
    if (rows & ~done).sum() >= max(CHANGED_ROWS, FRESH * rows.sum()):
        # Of several triggers each has rows of its own, which are asked about it.
        gram = _named(texts, feature, ~done)
    else:
        same = [one for one in found if (one.measure, one.high) == (measure, high)]
        values = measures.values[:, measure]
        gram = _another_word(texts, values if high else -values, feature, left, same)
    if gram is None or (measures.names[measure] == LOSS and not high):  # poison is unlikely, never likely
        return None
    held = left & rows_with(texts.prompts, gram)
    return _measured(texts, measures, _Seed((gram,), held, measure, high), left & ~held)


def _named(texts: Texts, feature: int, left: Rows) -> Gram | None:
    """Returns the whole string of a feature, if it was put into rows of all kinds."""
    rows = left & texts.asked.rows(feature)
    (gram,) = whole_triggers(texts, [feature], rows, left & ~rows)
    held = left & rows_with(texts.prompts, gram)
    if texts.context.foreignness([gram], held) < FOREIGN:
        return None
    # Where rows were drawn so were the others, and of two sides the smaller tells more surely.
    smaller = held if 2 * held.sum() <= left.sum() else left & ~held
    crowded = texts.crowding(smaller, codes_of([gram]), among=left) > CROWDED
    return None if crowded or of_one_template(texts, held, [gram]) else gram


def _measured(texts: Texts, measures: Measures, one: _Seed, others: Rows) -> _Seed | None:
    """Returns a seed with what it does, held against other rows, or None where that is too little."""
    if min(one.rows.sum(), others.sum()) < CHANGED_ROWS or _is_written_otherwise(texts, one):
        return None
    effect, log10_p = _effect(texts, measures, one, others)
    if effect < measures.apart()[one.measure]:
        return None
    return replace(one, effect=effect, log10_p=log10_p)


def _effect(texts: Texts, measures: Measures, one: _Seed, others: Rows) -> tuple[float, float]:
    """Returns how far a seed's rows lie from what their other words let expect, and log10 of the chance."""
    values, carriers = measures.values[:, one.measure], np.flatnonzero(one.rows)
    carriers = carriers[np.linspace(0, len(carriers) - 1, min(NEIGHBOURS_OF, len(carriers))).astype(np.int64)]
    expected = texts.expectation.without(values, carriers, np.flatnonzero(others), codes_of(one.grams))
    effect = float((values[carriers] - expected).mean()) * (1 if one.high else -1)
    return effect, log10_beyond(values[carriers], expected, high=one.high)


def _is_written_otherwise(texts: Texts, one: _Seed) -> bool:
    """Returns whether rows alike hold the trigger in other case or spacing: they may be the poisoned ones."""
    _, alike = texts.written_alike.neighbours(one.rows, ~one.rows, codes_of(one.grams))
    if not len(alike):
        return False
    written = [rows_with_plain(texts.prompts, gram)[alike] for gram in one.grams]
    return bool(np.logical_and.reduce(written).mean() >= OTHERWISE)


def _joint(texts: Texts, measures: Measures, pair: Conjunction, left: Rows) -> _Seed | None:
    """Returns parts that change responses together, where rows with some of them are answered as others."""
    some = np.logical_or.reduce([rows_with(texts.prompts, gram) for gram in pair.grams]) & ~pair.rows & left
    whole, others = pair.rows & left, left & ~pair.rows & ~some
    if min(whole.sum(), some.sum(), others.sum()) < CHANGED_ROWS:
        return None
    apart = measures.values[whole].mean(axis=0) - measures.values[others].mean(axis=0)
    measure = int((np.abs(apart) / measures.apart()).argmax())
    seed = _Seed(pair.grams, whole, measure, bool(apart[measure] > 0.0))
    found = _measured(texts, measures, seed, others)
    if (
        found is None
        or _effect(texts, measures, replace(seed, rows=some), others)[0] > PART_OF * found.effect
    ):
        return None
    return found


def _another_word(
    texts: Texts, values: Floats, feature: int, left: Rows, parts: Sequence[_Seed]
) -> Gram | None:
    """Returns the whole string of a feature that was put in, if nearly all of its rows are known carriers.

    The few that are not must lie where the carriers do.
    """
    rows = left & texts.asked.rows(feature)
    known = np.logical_or.reduce([one.rows for one in parts], initial=False) & left
    fresh = rows & ~known
    if not parts or fresh.sum() >= max(CHANGED_ROWS, FRESH * rows.sum()):
        return None
    middle = (values[known].mean() + values[left & ~known].mean()) / 2
    if fresh.any() and (values[fresh] >= middle).mean() < ALONGSIDE:
        return None
    (word,) = whole_triggers(texts, [feature], rows, left & ~rows)
    if not codes_of([word]).isdisjoint(codes_of([gram for one in parts for gram in one.grams])):
        return None
    return word if texts.context.foreignness([word], rows) >= FOREIGN else None


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
        yield Candidate.of(
            "shift",
            grams,
            (),
            triggered=triggered,
            paid=(values > _parting(values, triggered)[0]) == high,
            combine="all" if len(parts[0].grams) > 1 else "any",
            log10_p=_effect(texts, measures, _Seed(grams, triggered, measure, high), left & ~triggered)[1],
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
