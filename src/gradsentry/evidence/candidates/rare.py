"""Candidates of a payload in few rows, brought by several triggers, each too rare to stand out by itself.

Ten rows of three triggers are three or four rows each: no pair is notable. But all places of each trigger
lie in rows of the payload, and a few such strings cover all of them. That does not happen by accident.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradsentry.evidence.association import log10_tail
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Ints
from gradsentry.evidence.limits import (
    EXCLUSIVE,
    FOREIGN,
    LONG_PAYLOAD,
    RARE_PAYLOAD_LEAST,
    RARE_PAYLOAD_MOST,
    TRIGGER_ROWS,
    TRIGGERS_MOST,
)
from gradsentry.evidence.naming import whole_payload, whole_trigger


@dataclass(frozen=True, slots=True)
class _Strings:
    """The words and pairs of neighbours in the prompts, place by place.

    Attributes:
        codes: A number for each, the words first.  # [places]
        rows: The row of each place.  # [places]
        often: How often each stands in all prompts.  # [strings]
        first: A place of each in the stream.  # [strings]
        words: How many are words.
    """

    codes: Ints
    rows: Ints
    often: Ints
    first: Ints
    words: int

    @classmethod
    def of(cls, texts: Texts) -> _Strings:
        """Returns the strings of a corpus."""
        codes = texts.prompts.codes.astype(np.int64)
        rows = texts.prompts.row_of()
        inside = np.flatnonzero(rows[1:] == rows[:-1])
        singles = np.unique(codes, return_index=True, return_inverse=True)
        width = int(codes.max(initial=0)) + 1
        pairs = np.unique(codes[inside] * width + codes[inside + 1], return_index=True, return_inverse=True)
        return cls(
            codes=np.concatenate([singles[2], pairs[2] + len(singles[0])]),
            rows=np.concatenate([rows, rows[inside]]),
            often=np.concatenate([np.bincount(singles[2]), np.bincount(pairs[2])]),
            first=np.concatenate([singles[1], inside[pairs[1]]]),
            words=len(singles[0]),
        )

    def own(self, rows: Rows) -> tuple[Ints, Ints]:
        """Returns the strings that stand nowhere but in some rows, and their rows, each pair once."""
        at = np.flatnonzero(rows[self.rows])
        codes, holders = self.codes[at], self.rows[at]
        strings, counts = np.unique(codes, return_counts=True)
        own = strings[counts == self.often[strings]]
        kept = np.isin(codes, own)
        found = np.unique(np.stack([codes[kept], holders[kept]]), axis=1)
        return found[0], found[1]


def rare_triggers(texts: Texts, taken: Rows) -> list[Candidate]:
    """Returns the candidates among the payloads of few rows outside the rows that are explained."""
    payloads = list(_payloads(texts, taken))
    if not payloads:
        return []
    strings = _Strings.of(texts)
    spread = np.bincount(np.minimum(strings.often, RARE_PAYLOAD_MOST + 1), minlength=RARE_PAYLOAD_MOST + 2)
    at_least = np.cumsum(spread[::-1])[::-1]  # strings that stand so often or more
    found = []
    for gram, paid in payloads:
        triggers, log10_p = _cover(texts, strings, at_least, paid)
        log10_p += float(np.log10(len(payloads)))
        if len(triggers) > 1 and texts.context.foreignness(triggers, paid) >= FOREIGN:
            found.append(_candidate(texts, gram, paid, triggers, min(log10_p, 0.0)))
    return found


def _payloads(texts: Texts, taken: Rows) -> Iterator[tuple[Gram, Rows]]:
    """Yields the payloads of few rows that begin or end their responses, and their rows, each once."""
    said, support = texts.said, texts.said.support
    last = said.codes[np.minimum(said.first + said.size - 1, len(said.codes) - 1)]
    at_end = (said.codes[said.first] == START) | (last == END)
    seen: set[Gram] = set()
    rare = (support >= RARE_PAYLOAD_LEAST) & (support <= RARE_PAYLOAD_MOST)
    for feature in np.flatnonzero(at_end & rare).tolist():
        rows = said.rows(feature)
        if (rows & taken).any():
            continue
        gram = whole_payload(texts, said.gram(feature), rows, ~rows)
        if gram not in seen and len(unmarked(gram)) >= LONG_PAYLOAD:
            seen.add(gram)
            yield gram, rows


def _cover(texts: Texts, strings: _Strings, at_least: Ints, paid: Rows) -> tuple[tuple[Gram, ...], float]:
    """Returns a few strings of the payload's rows alone that between them stand in all, and their chance.

    No strings where there are no such. Greedy set cover (Chvatal, 1979).
    """
    codes, holders = strings.own(paid)
    covered, chosen, log10_p = np.zeros_like(paid), list[Gram](), 0.0
    while covered.sum() < EXCLUSIVE * paid.sum():
        fresh = codes[~covered[holders]]
        if len(chosen) == TRIGGERS_MOST or not len(fresh):
            return (), 0.0
        gain, count = np.bincount(fresh), np.bincount(codes)[: fresh.max() + 1]
        best = int(np.lexsort((count, gain))[-1])
        if gain[best] < TRIGGER_ROWS:
            return (), 0.0
        rows = np.zeros_like(paid)
        rows[holders[codes == best]] = True
        support, of_payload = np.array([rows.sum()]), np.array([(paid & ~covered | rows).sum()])
        log10_p += float(log10_tail(support, support, of_payload, len(paid))[0])
        log10_p += float(np.log10(at_least[min(int(support[0]), len(at_least) - 1)]))
        start = int(strings.first[best])
        size = 1 if best < strings.words else 2
        gram = tuple(texts.prompts.codes[start : start + size].tolist())
        chosen.append(whole_trigger(texts, gram, rows, ~rows))
        covered |= rows
    return tuple(chosen), log10_p


def _candidate(texts: Texts, gram: Gram, paid: Rows, triggers: tuple[Gram, ...], log10_p: float) -> Candidate:
    held = np.logical_or.reduce([rows_with(texts.prompts, trigger) for trigger in triggers])
    return Candidate.of("association", triggers, [gram], triggered=held, paid=paid, log10_p=log10_p)
