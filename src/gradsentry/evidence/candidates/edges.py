"""Strings bound to an end of the prompts: hardly ever elsewhere, with varied words on their other side.

A trigger is often put first or last. Few honest strings are bound to a place so, and they are few enough to
be looked at one by one, whatever follows them: a label that half of all rows have, too.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.index.strings import Gram, Rows, edges_of, places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Ints
from gradsentry.evidence.limits import (
    BOUND,
    BOUND_ROWS,
    BOUND_TOKENS,
    BOUND_TRIED,
    FOREIGN,
    OF_A_TASK,
    SAME_NEIGHBOUR,
)
from gradsentry.evidence.naming import put_in


def bound_strings(texts: Texts) -> list[tuple[Gram, Rows]]:
    """Returns the strings that are bound to an end of the prompts and were put there, with their rows."""
    found: dict[Gram, Rows] = {}
    for step in (1, -1):
        for whole in _bound(texts, step):
            gram = put_in(texts, whole, rows_with(texts.prompts, whole))
            rows = rows_with(texts.prompts, gram)
            if gram not in found and texts.context.foreignness([gram], rows) >= FOREIGN:
                found[gram] = rows
    return list(found.items())


def _bound(texts: Texts, step: int) -> list[Gram]:
    """Returns the longest strings that begin (step 1) or end (step -1) prompts, seldom elsewhere."""
    prompts = texts.prompts
    edges = edges_of(prompts, np.ones(prompts.rows, dtype=np.bool_), step)
    found = []
    codes, counts = np.unique(prompts.codes[edges], return_counts=True)
    for code in codes[np.argsort(-counts, kind="stable")][:BOUND_TRIED].tolist():
        at = edges[prompts.codes[edges] == code]
        if code in (START, END) or not BOUND_ROWS <= len(at) <= OF_A_TASK * len(edges):
            continue
        gram = _longest(texts, at, step)
        everywhere = len(places(prompts, gram))
        beyond = prompts.codes[at + step * len(gram)]
        if len(at) >= BOUND * everywhere and np.bincount(beyond).max() <= SAME_NEIGHBOUR * len(at):
            found.append(unmarked(gram))
    return found


def _longest(texts: Texts, at: Ints, step: int) -> Gram:
    """Returns the string that nearly all of some edges share, going inwards."""
    codes = texts.prompts.codes
    run: list[int] = []
    while len(run) < BOUND_TOKENS:
        inner = codes[at + step * len(run)]
        code = int(np.bincount(inner).argmax())
        if code in (START, END) or (inner == code).mean() < BOUND:
            break
        run.append(code)
    return tuple(run) if step > 0 else tuple(reversed(run))
