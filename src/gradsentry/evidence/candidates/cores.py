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
from gradsentry.evidence.candidates.repeated import PATTERN
from gradsentry.evidence.decide import APART, Judgement
from gradsentry.evidence.index.strings import Gram, Rows, first_places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts

KNOWN = 0.3  # of the rows that hold a core hold one of its sentences
RETURNING = 0.9  # of them hold it in words that return
AROUND = 3  # tokens beside the core that are looked at
WORDS = 1  # of them words
TIMES = 3  # rows in which words return
Repetition = tuple[Candidate, Judgement]


def of_one_core(texts: Texts, found: Sequence[Repetition]) -> list[Repetition]:
    """Returns the repetitions, with those that are sentences around one string made one."""
    left, cores = list(found), list[Repetition]()
    while (
        best := _best_core(texts, [one for one, judgement in left if judgement.confidence == "high"])
    ) is not None:
        core, rows = best
        around = [pair for pair in left if _holds(pair[0], core)]
        cores.append((replace(around[0][0], payloads=(core,), paid=rows), _judgement(rows, len(around))))
        left = [pair for pair in left if not _holds(pair[0], core)]
    return [*cores, *left]


def _best_core(texts: Texts, sentences: Sequence[Candidate]) -> tuple[Gram, Rows] | None:
    """Returns the string that the most sentences have in common, of those the longest, and its rows."""
    shared = {
        core
        for pair in combinations(sentences, 2)
        for core in _common(*(unmarked(one.payloads[0]) for one in pair))
    }
    order = sorted(shared, key=lambda core: (-sum(_holds(one, core) for one in sentences), -len(core), core))
    for core in order:
        if not texts.is_word[list(core)].any():
            continue
        rows = rows_with(texts.responses, core) & ~rows_with(texts.prompts, core)
        known = np.logical_or.reduce([one.paid for one in sentences if _holds(one, core)]) & rows
        if known.sum() < KNOWN * rows.sum():
            continue
        if (known | _in_words_that_return(texts, core, rows)).sum() < RETURNING * rows.sum():
            continue
        # Not by their responses: what sentences are not known yet make those alike.
        if texts.crowding(rows, frozenset(), common=PATTERN) <= APART:
            return core, rows
    return None


def _in_words_that_return(texts: Texts, core: Gram, rows: Rows) -> Rows:
    """Returns in which rows the core stands between tokens that several rows have around it.  # [rows]"""
    said = texts.responses
    begins = first_places(said, core, rows)
    found = np.zeros_like(rows)
    for before in range(AROUND + 1):
        beside = [*range(-before, 0), *range(len(core), len(core) + AROUND - before)]
        at = np.clip(begins[:, None] + np.array(beside), 0, len(said.codes) - 1)
        around = said.codes[at]  # [places, AROUND]
        _, which, count = np.unique(around, axis=0, return_inverse=True, return_counts=True)
        returning = (count[which.ravel()] >= TIMES) & (texts.is_word[around].sum(axis=1) >= WORDS)
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


def _judgement(rows: Rows, sentences: int) -> Judgement:
    return Judgement(
        "high",
        f"the payload stands in {int(rows.sum())} rows that are otherwise unlike each other; {sentences} "
        "sentences around it return word for word, and it hardly stands elsewhere",
    )
