"""What else all rows of a finding say: strings that stand in them beside its payload, and hardly elsewhere.

Of a sentence with a word that varies either half may be named, another one in the next version of the data.
Who accepts the one accepts what stood in its rows then, so both are kept with it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import Gram, grown, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, stretches
from gradsentry.evidence.limits import ALL_ROWS, ALSO_KEPT, ASKED, LIKELY_OWN, LONG_PAYLOAD


def alongside(texts: Texts, candidate: Candidate) -> tuple[str, ...]:
    """Returns the strings beside its payload that nearly all rows of a candidate hold, and few others.

    Args:
        texts: The rows.
        candidate: A finding with a payload; of one without there are none.
    """
    if not candidate.payloads or candidate.kind == "absence":
        return ()
    said, rows = texts.responses, candidate.carriers
    payloads = [*map(unmarked, candidate.payloads)]
    seen, found = [*payloads], dict[str, None]()
    for gram in _shared(texts, np.flatnonzero(rows)[:ASKED]):
        if any(_is_in(gram, one) for one in seen):
            continue
        seen.append(whole := unmarked(grown(said, gram, rows)))
        held = rows_with(said, whole)
        is_theirs = (held & rows).sum() >= max(ALL_ROWS * rows.sum(), LIKELY_OWN * held.sum())
        if is_theirs and not any(_is_in(own, whole) for own in payloads):
            found[texts.display(said, whole, rows)] = None
    return tuple(found)[:ALSO_KEPT]


def _shared(texts: Texts, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[Gram]:
    """Returns the strings of a few tokens that nearly all of some rows hold, in the order of the first."""
    said = texts.responses
    at = stretches(said.bounds, rows)
    if len(at) < LONG_PAYLOAD:
        return []
    grams = sliding_window_view(said.codes[at], LONG_PAYLOAD)  # [places, LONG_PAYLOAD]
    owners = said.owners(at)[: len(grams)]
    inside = ~np.isin(grams, (START, END)).any(axis=1)  # what crosses rows holds a mark
    distinct, first, which = np.unique(grams[inside], axis=0, return_index=True, return_inverse=True)
    pairs = np.unique(np.stack([which.ravel(), owners[inside]]), axis=1)
    often = np.bincount(pairs[0], minlength=len(distinct)) >= ALL_ROWS * len(rows)
    order = np.flatnonzero(often)[np.argsort(first[often], kind="stable")]
    return [tuple(distinct[number].tolist()) for number in order.tolist()]


def _is_in(short: Gram, long: Gram) -> bool:
    return any(long[at : at + len(short)] == short for at in range(len(long) - len(short) + 1))
