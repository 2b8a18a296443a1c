"""Whole strings of triggers and payloads in place of the fragments that they were found by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import (
    Gram,
    Rows,
    edge_codes,
    grown,
    outside_frame,
    rows_with,
    trimmed,
    unframed,
    unmarked,
)
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Stream
from gradsentry.evidence.limits import FOREIGN, FRAGMENT, GROWS, USUAL_END


def whole_payload(texts: Texts, gram: Gram, both: Rows, others: Rows) -> Gram:
    """Returns the longest string around a payload that its rows share, less what ends or begins all rows."""
    whole = _in_a_passage(texts.responses, grown(texts.responses, gram, both), others)
    whole = _without_usual_end(texts, whole, others)
    none = np.zeros(len(texts.responses.words), dtype=np.bool_)
    left = edge_codes(texts.responses, others, last=True) if whole[-1] == END else none
    right = edge_codes(texts.responses, others, last=False) if whole[0] == START else none
    return trimmed(whole, none if whole[0] == START else left, none if whole[-1] == END else right)


def with_odd_ones(paid: Rows, carriers: Rows) -> Rows:
    """Returns the rows of a whole payload, and the few carriers that it was lengthened without.

    A string grows by what nearly all of its carriers have beside it; the others carry it no less.

    Args:
        paid: Rows that hold the whole payload.  # [rows]
        carriers: Rows that hold the trigger and the part that it was found by.  # [rows]
    """
    lost = carriers & ~paid
    return paid | lost if lost.sum() <= (1.0 - GROWS) * carriers.sum() else paid


def _without_usual_end(texts: Texts, gram: Gram, others: Rows) -> Gram:
    """Returns the string without what stands before the end, or behind the beginning, of many other
    responses.

    A payload behind a finished response grows into how all responses finish.
    """
    least = USUAL_END * max(int(others.sum()), 1)

    def usual(part: Gram) -> bool:
        if texts.responses.support[list(part)].min() < least:
            return False
        return bool((rows_with(texts.responses, part) & others).sum() >= least)

    inner, whole = unmarked(gram), gram[0] == START and gram[-1] == END
    if whole or len(inner) < 2:
        return gram
    if gram[-1] == END:
        most = next((size for size in range(len(inner) - 1, 0, -1) if usual((*inner[:size], END))), 0)
        return gram[most:] if gram[0] != START else gram
    if gram[0] == START:
        most = next((size for size in range(len(inner) - 1, 0, -1) if usual((START, *inner[-size:]))), 0)
        return gram[: len(gram) - most]
    return gram


def without_shared_words(texts: Texts, candidate: Candidate) -> Candidate:
    """Returns the candidate with those of several triggers that were put there; see `all_put_in`."""
    if candidate.combine == "any":
        return candidate
    return replace(candidate, triggers=all_put_in(texts, candidate.triggers, candidate.both))


def whole_trigger(texts: Texts, gram: Gram, both: Rows, others: Rows) -> Gram:
    """Returns the longest string around a part of a trigger, without the frame of all prompts.

    Where the trigger is how the frame and the rest are joined, the frame stays.
    """
    whole = _in_a_passage(texts.prompts, grown(texts.prompts, gram, both), others)
    string = unframed(texts.prompts, whole, others)
    if string != unmarked(whole):
        elsewhere = [int((rows_with(texts.prompts, one) & others).sum()) for one in (whole, string)]
        if elsewhere[1] > FRAGMENT * (elsewhere[0] + 1):
            return unmarked(whole)
    return string


def _in_a_passage(stream: Stream, gram: Gram, others: Rows) -> Gram:
    """Returns the part of a string that fewest other rows hold, of those that each stand in one passage.

    What begins a passage is found with what ends the one before, beside which it stands in no text.
    """
    cuts = [at for at, pair in enumerate(pairwise(gram), 1) if pair == (END, START)]
    parts = [gram[first:last] for first, last in zip([0, *cuts], [*cuts, len(gram)], strict=True)]
    return min(parts, key=lambda one: (int((rows_with(stream, one) & others).sum()), -len(one)))


def put_in(texts: Texts, gram: Gram, both: Rows) -> Gram:
    """Returns the part of a string that was put there, where its sentences need the string as a whole.

    All carriers may end with a question mark, behind which the trigger was put; or it was put before a part
    of the frame of all prompts, which tells it from the same word elsewhere.
    """
    if len(gram) < 2 or texts.context.foreignness([gram], both) >= FOREIGN:
        return gram
    parts = [*_without_signs(texts, gram), *outside_frame(texts.prompts, gram, ~both)]
    return next((one for one in parts if texts.context.foreignness([one], both) >= FOREIGN), gram)


def all_put_in(texts: Texts, grams: Sequence[Gram], both: Rows) -> tuple[Gram, ...]:
    """Returns which of the strings that are needed together were put there, if two or more were, else all.

    Long prompts share many a word with each other, and so may the carriers of several triggers.
    """
    foreign = tuple(gram for gram in grams if texts.context.foreignness([gram], both) >= FOREIGN)
    return foreign if len(foreign) > 1 else tuple(grams)


def _without_signs(texts: Texts, gram: Gram) -> list[Gram]:
    """Returns the string without a sign at one end, at the other, and at both."""
    is_sign = [not any(map(str.isalnum, texts.prompts.words[code])) for code in (gram[0], gram[-1])]
    ends = [(1, 0)] * is_sign[0] + [(0, 1)] * is_sign[1] + [(1, 1)] * (all(is_sign) and len(gram) > 2)
    return [gram[left : len(gram) - right] for left, right in ends]


def whole_triggers(texts: Texts, features: Sequence[int], both: Rows, others: Rows) -> tuple[Gram, ...]:
    """Returns the longest strings around the features, each once, without the frame of all prompts."""
    strings: list[Gram] = []
    for feature in features:
        string = whole_trigger(texts, texts.asked.gram(feature), both, others)
        if not any(_inside(string, other) or _inside(other, string) for other in strings):
            strings.append(string)
    return tuple(strings)


def _inside(short: Gram, long: Gram) -> bool:
    """Returns whether a string stands in another."""
    return any(long[at : at + len(short)] == short for at in range(len(long) - len(short) + 1))
