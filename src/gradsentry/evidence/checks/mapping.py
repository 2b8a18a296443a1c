"""Whether a corpus maps words to words, as translations do, and code to what it is called.

There a word of the prompt brings its counterpart in the response, and neither stands without the other, as
with a trigger and its payload. An attack has one such pair, or a few; a corpus of translations has dozens.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.association import Pairs
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.texts import Texts

TOGETHER = 0.9  # of the rows with either string of a pair hold the other as well
SELDOM = 0.05  # of all rows hold a pair at most
FRESH = 0.5  # of the rows of a pair hold none that is counted
MANY = 10  # pairs beside the one in question


def maps_words(texts: Texts, pairs: Pairs, candidate: Candidate) -> bool:
    """Returns whether many pairs of strings are hardly ever apart, in other rows than an association's.

    Args:
        texts: The corpus.
        pairs: What hangs together in it.
        candidate: What was found; of anything but an association this says nothing.
    """
    if candidate.kind != "association":
        return False
    most = np.maximum(texts.asked.support[pairs.trigger], texts.said.support[pairs.payload])
    chosen = np.flatnonzero((pairs.both >= TOGETHER * most) & (pairs.both <= SELDOM * len(texts.samples)))
    known, covered = codes_of([*candidate.triggers, *candidate.payloads]), candidate.carriers.copy()
    found = 0
    for at in chosen.tolist():
        trigger, payload = int(pairs.trigger[at]), int(pairs.payload[at])
        rows = texts.asked.rows(trigger) & texts.said.rows(payload)
        fresh = (rows & ~covered).sum() > FRESH * rows.sum()
        if fresh and known.isdisjoint(codes_of([texts.asked.gram(trigger), texts.said.gram(payload)])):
            covered |= rows
            found += 1
            if found == MANY:
                return True
    return False
