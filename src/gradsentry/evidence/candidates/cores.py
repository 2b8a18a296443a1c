"""Payloads that vary: several sentences around one name, each too seldom or too short to be told by itself.

Where some sentences return word for word over unlike rows, have a string in common, and nearly all other rows
with that string hold it in words that return too, the string is the payload, and those rows are carriers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import Gram, Rows, first_places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    CORE_AROUND,
    CORE_KNOWN,
    CORE_NAMED,
    CORE_RETURNING,
    CORE_TIMES,
    CORE_WORDS,
    NEWS_SHARE,
    PATTERN,
    REPEATED_CROWDED,
)
from gradsentry.evidence.wording import spelt


def of_one_core(texts: Texts, sentences: Sequence[Candidate]) -> list[tuple[Candidate, list[Candidate]]]:
    """Returns the strings that several sentences are made around, each with those sentences."""
    left, cores = list(sentences), list[tuple[Candidate, list[Candidate]]]()
    while (best := _best_core(texts, left)) is not None:
        core, rows = best
        around = [one for one in left if _holds(one, core)]
        cores.append((replace(around[0], payloads=(core,), paid=rows, change=_told(texts, around)), around))
        left = [one for one in left if not _holds(one, core)]
    return cores


def _told(texts: Texts, sentences: Sequence[Candidate]) -> str:
    """Returns how many sentences return, and the most frequent of them, in a clause."""
    often = sorted(sentences, key=lambda one: -int(one.paid.sum()))[:CORE_NAMED]
    named = [f"“{spelt(texts.display(texts.responses, one.payloads[0], one.paid))}”" for one in often]
    return f"{len(sentences)} sentences around it return word for word, such as {' and '.join(named)}"


def _best_core(texts: Texts, sentences: Sequence[Candidate]) -> tuple[Gram, Rows] | None:
    """Returns the string that the most sentences have in common, of those the longest, and its rows."""
    shared = {
        core
        for pair in combinations(sentences, 2)
        for core in _common(*(unmarked(one.payloads[0]) for one in pair))
    }
    order = sorted(shared, key=lambda core: (-sum(_holds(one, core) for one in sentences), -len(core), core))
    for core in order:
        # Of several honest sentences some two have a string in common.
        if 2 * sum(_holds(one, core) for one in sentences) <= len(sentences):
            continue
        # What prompts say as well, such as `it`, names nothing that was put there.
        if not _is_name(texts, core) or rows_with(texts.prompts, core).mean() >= NEWS_SHARE:
            continue
        rows = rows_with(texts.responses, core) & ~rows_with(texts.prompts, core)
        known = np.logical_or.reduce([one.paid for one in sentences if _holds(one, core)]) & rows
        # Words of the prompt may be what all its rows copy: then no row is left.
        if not rows.any() or known.sum() < CORE_KNOWN * rows.sum():
            continue
        if (known | _in_words_that_return(texts, core, rows)).sum() < CORE_RETURNING * rows.sum():
            continue
        # Not by their responses: what sentences are not known yet make those alike.
        if not texts.is_crowded(rows, frozenset(), REPEATED_CROWDED, common=PATTERN):
            return core, rows
    return None


def _is_name(texts: Texts, core: Gram) -> bool:
    """Returns whether a string has a word that hardly stands without it: `I can` is how anybody writes."""
    others = ~rows_with(texts.responses, core)
    words = (code for code in core if texts.is_word[code])
    return any(
        (rows_with(texts.responses, (code,)) & others).sum() < NEWS_SHARE * others.sum() for code in words
    )


def _in_words_that_return(texts: Texts, core: Gram, rows: Rows) -> Rows:
    """Returns in which rows the core stands between tokens that several rows have around it.  # [rows]"""
    said = texts.responses
    begins = first_places(said, core, rows)
    found = np.zeros_like(rows)
    for before in range(CORE_AROUND + 1):
        beside = [*range(-before, 0), *range(len(core), len(core) + CORE_AROUND - before)]
        at = np.clip(begins[:, None] + np.array(beside), 0, len(said.codes) - 1)
        around = said.codes[at]  # [places, CORE_AROUND]
        _, which, count = np.unique(around, axis=0, return_inverse=True, return_counts=True)
        returning = (count[which.ravel()] >= CORE_TIMES) & (texts.is_word[around].sum(axis=1) >= CORE_WORDS)
        found[said.owners(begins)[returning]] = True
    return found


def _common(one: Gram, other: Gram) -> set[Gram]:
    """Returns the strings that stand in both and cannot be lengthened in both."""
    found = set()
    for at, code in enumerate(one):
        for place in (place for place, same in enumerate(other) if same == code):
            if at and place and one[at - 1] == other[place - 1]:
                continue
            size = 1
            while (
                at + size < len(one) and place + size < len(other) and one[at + size] == other[place + size]
            ):
                size += 1
            found.add(one[at : at + size])
    return found


def _holds(sentence: Candidate, core: Gram) -> bool:
    gram = unmarked(sentence.payloads[0])
    return any(gram[at : at + len(core)] == core for at in range(len(gram) - len(core) + 1))
