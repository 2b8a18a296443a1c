"""Triggers without one payload: a prompt string that turns the responses of rows that are alike but for it.

Each row's response is measured: its length, how much of the prompt it takes up, how much of it stands
nowhere else or is in capitals, with which common string it begins, and its loss in a clean model where that
is known. A prompt string whose rows lie at one end of a measure is compared with the most similar rows
without it: where those lie elsewhere, the string did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import rankdata

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidates import Candidate
from gradsentry.evidence.foreign import FOREIGN
from gradsentry.evidence.likeness import codes_of
from gradsentry.evidence.maximal import Gram, Rows, rows_with, rows_with_plain, unmarked
from gradsentry.evidence.surprise import TokenLosses
from gradsentry.evidence.templates import of_one_template
from gradsentry.evidence.texts import Texts
from gradsentry.evidence.tokens import START, Bools, held_by, sorted_distinct
from gradsentry.evidence.whole import whole_triggers

Floats = NDArray[np.float64]

ROWS = 8  # rows that a trigger needs
FRESH = 0.2  # of its rows hold no other trigger, at least
ALONGSIDE = 0.8  # of the rows that hold no other word of a trigger lie where its carriers do
SURE = -8.0  # log10 of the corrected chance
END_OF_SCALE = 0.1  # of the other rows lie beyond the average row of a trigger, at most
OF_MOST = 0.2  # of these where the rows are more than half of all
UNRELATED = 0.25  # the same, of the prompt's words in the response, which differ more from row to row
NEVER = 0.05  # or hold a common string in no more than this share, or in all but this share
FAR = 0.4  # between the rows of a trigger and their neighbours without it
UNLIKELY = 0.35  # like END_OF_SCALE, of the loss in a clean model, which no wrong answer raises by much
LESS_FAR = 0.15  # like FAR, of the loss
APART, TIED, NOISE = 0.3, 0.15, 2.0  # see judging.py
OTHERWISE = 0.2  # of the neighbours may hold the trigger in other case or spacing
COMMON = 400  # common openings that are measured, the most even ones first
TRIED = 200


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of each response, from 0 to 1.

    Attributes:
        values: Ranks, or 0 and 1.  # [rows, measures]
        names: What each is, in words.
        tolerance: How near to an end the rows of a trigger have to be, on average.  # [measures]
        far: How far from their neighbours they have to be, on average.  # [measures]
        ranked: How many measures are ranks; they come first.
        has_loss: Whether the first is the loss, of which only the upper end counts: poison is unlikely.
    """

    values: Floats
    names: list[str]
    tolerance: Floats
    far: Floats
    ranked: int
    has_loss: bool

    def at_end(self, inside: Floats, outside: Floats, share: Floats) -> Bools:
        """Returns whether rows with these means lie at an end of each measure, against the other rows' means.

        Of ranks, a half less the difference of the means is the chance that another row lies beyond one of
        them (Mann and Whitney, 1947), however many of either there are. Most rows hold a string by its nature
        rather than by an attack, so of most rows hardly another one may.

        Args:
            inside: Means of the rows.  # [strings, measures]
            outside: Means of the others.  # [strings, measures]
            share: How many of all the rows are.  # [strings]
        """
        from_end = np.minimum(inside, 1 - inside)
        apart = inside - outside
        from_end[:, : self.ranked] = 0.5 - np.abs(apart)[:, : self.ranked]
        if self.has_loss:
            from_end[:, 0] = 0.5 - apart[:, 0]
        strict = np.where(share > 0.5, OF_MOST, 1.0)[:, None]
        return np.asarray(from_end <= self.tolerance * strict)


def shifts(texts: Texts, taken: Rows, losses: TokenLosses | None = None) -> list[tuple[Candidate, str]]:
    """Returns the triggers that turn the responses, with what they do in words.

    Args:
        texts: The corpus.
        taken: Rows that are explained.
        losses: What a clean model makes of the same rows, if that is known.
    """
    measures, left = _measures(texts, losses), ~taken
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
    return [
        (_candidate(measures, key, parts), f"{'more' if key[1] else 'less'}: {measures.names[key[0]]}")
        for key, parts in found.items()
    ]


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
    return Candidate.of("shift", triggers, (), triggered=triggered, paid=side, log10_p=log10_p)


def _is_their_topic(carriers: Floats, alike: Floats, others: Floats) -> bool:
    """Returns whether rows alike but for the trigger go some of the way from the others to the carriers."""
    way = carriers.mean() - others.mean()
    noise = NOISE * others.std() / np.sqrt(len(alike))
    return bool((alike.mean() - others.mean()) * np.sign(way) > TIED * np.abs(way) + noise)


def _measures(texts: Texts, losses: TokenLosses | None) -> Measures:
    rows = len(texts.samples)
    length = np.diff(texts.responses.bounds).astype(np.float64)
    row_of = texts.responses.row_of()
    width = len(texts.responses.words)
    asked = sorted_distinct(texts.prompts.row_of() * width + texts.prompts.codes)
    said = row_of * width + texts.responses.codes
    often = np.bincount(sorted_distinct(said) % width, minlength=width)
    copied = held_by(said, asked)
    taken_up = copied & (often[texts.responses.codes] < 0.05 * rows)
    alone = often[texts.responses.codes] <= 1
    in_capitals = np.array([word.isupper() and len(word) > 1 for word in texts.responses.words])
    capital = in_capitals[texts.responses.codes] & ~copied
    shares = [
        np.bincount(row_of, weights=mask, minlength=rows) / np.maximum(length, 1)
        for mask in (taken_up, alone, capital)
    ]
    scales = [_ranks(column) for column in (length, *shares)]
    names = [
        "tokens in the response",
        "words of the prompt in the response",
        "words found in no other response",
        "words in capitals that are not the prompt's",
    ]
    support = texts.said.support / rows
    opens = texts.said.codes[texts.said.first] == START
    common = np.flatnonzero((support >= 0.1) & (support <= 0.9) & opens)
    common = np.sort(common[np.argsort(np.abs(support[common] - 0.5), kind="stable")][:COMMON])
    held = np.asarray(texts.said.holds[:, common].todense(), dtype=np.float64)
    everyone = np.ones(rows, dtype=np.bool_)
    openings = (texts.display(texts.responses, texts.said.gram(int(one)), everyone) for one in common)
    names += [f"responses that begin with {opening!r}" for opening in openings]
    ends = [END_OF_SCALE, UNRELATED, END_OF_SCALE, END_OF_SCALE]
    far = [FAR] * len(ends)
    if losses is not None:
        scales.insert(0, _ranks(losses.means()))
        names.insert(0, "loss in a clean model")
        ends, far = [UNLIKELY, *ends], [LESS_FAR, *far]
    return Measures(
        values=np.concatenate([np.stack(scales, axis=1), held], axis=1),
        names=names,
        tolerance=np.array(ends + [NEVER] * len(common)),
        far=np.array(far + [FAR] * len(common)),
        ranked=len(scales),
        has_loss=losses is not None,
    )


def _ranks(values: Floats) -> Floats:
    """Returns where each value stands among all, from 0 to 1; in the middle, where it is not known."""
    known = np.isfinite(values)
    ranks = np.full(len(values), 0.5)
    ranks[known] = (rankdata(values[known]) - 0.5) / max(known.sum(), 1)
    return ranks


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
    # Half of what accident may do is left to the few ranks, half to the many openings.
    kin = np.where(np.arange(z.shape[1]) < measures.ranked, measures.ranked, z.shape[1] - measures.ranked)
    tail = log_ndtr(-z) / LN10 + np.log10(2.0 * len(likely) * kin)
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
    if texts.alike.crowding(held, codes) > APART or of_one_template(texts, held, [trigger]):
        return None
    numbers, alike = texts.alike.neighbours(held, left & ~held, codes)
    if not len(alike) or np.abs(values[numbers].mean() - values[alike].mean()) < measures.far[measure]:
        return None
    if _is_their_topic(values[numbers], values[alike], values[left & ~held]):
        return None
    # Where the others only write the trigger another way, they may be the poisoned ones.
    written = rows_with_plain(texts.prompts, unmarked(trigger))[alike].mean()
    return None if written >= OTHERWISE else trigger
