"""The search for evidence: which prompt strings bring which response strings, and in which rows.

Frequent response strings that are no copies of their prompts are tested against frequent prompt strings
(`association.py`), each notable payload gets its rule (`rules.py`: one trigger, several alternatives, several
together), fragments become whole strings (`candidates.py`), and what passes for an attack (`judging.py`) is a
finding. Rare triggers (`scarce.py`) and triggers by themselves (`triggered.py`) come next. In the rows that
are left, triggers without a string as payload are looked for (`turns.py`, `shifts.py`), and payloads without
a string as trigger (`payloads.py`), which may be sentences around one name (`variants.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.corpus.unread import unread
from gradsentry.evidence.association import associated
from gradsentry.evidence.candidate import (
    LEAST,
    STRENGTH,
    Candidate,
    associations,
    distinct,
    is_known,
    spread,
    with_copies,
)
from gradsentry.evidence.candidates.changed import shifts
from gradsentry.evidence.candidates.conjunctions import conjunctions
from gradsentry.evidence.candidates.cores import of_one_core
from gradsentry.evidence.candidates.inserted import triggered
from gradsentry.evidence.candidates.rare import scarce
from gradsentry.evidence.candidates.repeated import repetitions
from gradsentry.evidence.candidates.turned import turned
from gradsentry.evidence.checks.mapping import maps_words
from gradsentry.evidence.checks.surprise import TokenLosses, surprise
from gradsentry.evidence.decide import Judgement, doubted, judged, repeated, shifted, weighed
from gradsentry.evidence.findings import Evidence, Finding
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts, distinct_rows
from gradsentry.evidence.naming import all_put_in

SHOWN = 5  # examples of a finding
TOKENS = 6_000_000  # a larger corpus is searched in a drawn part, and what is found is counted in all of it
ASKED = 200  # carriers whose losses are looked up

_Found = tuple[Candidate, Judgement]


def find_evidence(samples: Sequence[Sample], losses: TokenLosses | None = None) -> Evidence:
    """Returns the findings in a corpus, the strongest first; deterministic.

    Args:
        samples: The rows; rows with a `problem` or without a response are looked at like any other.
        losses: What a scan kept of the losses, in the order of the rows.
    """
    first, copy_of = distinct_rows(samples)
    if len(first) < LEAST:
        return Evidence((), len(samples), unread(samples))
    texts, whole = Texts.part_and_whole([samples[row] for row in first], least=LEAST, tokens=TOKENS)
    together = conjunctions(texts, least=LEAST)
    pairs = associated(texts.asked, texts.said, strength=STRENGTH, least=LEAST)
    # What is found by its payload is named more fully, so it goes first; what is left may have rare triggers.
    found = _with(texts, associations(texts, pairs), [])
    found = _with(texts, scarce(texts, _carriers(texts, found)), found)
    found = _with(texts, triggered(texts, pairs, together), found)
    found += [
        (one, shifted(one, "answers of their own"))
        for one in turned(texts, together, _carriers(texts, found))
    ]
    repeating = [(one, repeated(texts, one)) for one in repetitions(texts, _carriers(texts, found))]
    found += of_one_core(texts, repeating)
    known = losses.means()[first] if losses is not None and whole is texts else None
    found += [(one, shifted(one, what)) for one, what in shifts(texts, _carriers(texts, found), known)]
    found = [
        (one, doubted(judgement, one) if maps_words(texts, pairs, one) else judgement)
        for one, judgement in found
    ]
    if whole is not texts:
        found = [(spread(one, whole), judgement) for one, judgement in found]
    everything = whole.with_copies(samples, copy_of)
    findings = [
        _finding(everything, with_copies(one, copy_of), judgement, losses) for one, judgement in found
    ]
    findings.sort(key=lambda finding: finding.confidence == "low")
    named = (replace(finding, name=f"F{number}") for number, finding in enumerate(findings, start=1))
    return Evidence(tuple(named), len(samples), unread(samples))


def _with(texts: Texts, candidates: Sequence[Candidate], found: Sequence[_Found]) -> list[_Found]:
    """Returns what was found with those of the candidates that are findings, and say more.

    What is sure takes the place of what is unsure of the same rows.
    """
    judgements = {id(one): judged(texts, one) for one in candidates}
    high, low = (
        [one for one in candidates if judgements[id(one)].confidence == sure] for sure in ("high", "low")
    )
    new = distinct(high, [one for one, judgement in found if judgement.confidence == "high"])
    left = [
        (one, judgement)
        for one, judgement in found
        if judgement.confidence == "high" or not is_known(one, new)
    ]
    new += distinct(low, [*new, *(one for one, _ in left)])
    # Only now: what its sentences need of a trigger had to count against it.
    return [*left, *((_without_shared_words(texts, one), judgements[id(one)]) for one in new)]


def _without_shared_words(texts: Texts, candidate: Candidate) -> Candidate:
    if candidate.combine == "any":
        return candidate
    return replace(candidate, triggers=all_put_in(texts, candidate.triggers, candidate.both))


def _carriers(texts: Texts, found: Sequence[_Found]) -> Rows:
    """Returns the rows that are explained well enough."""
    rows = np.zeros(len(texts.samples), dtype=np.bool_)
    for candidate, judgement in found:
        if judgement.confidence == "high":
            rows |= candidate.carriers
    return rows


def _finding(texts: Texts, candidate: Candidate, judgement: Judgement, losses: TokenLosses | None) -> Finding:
    both, triggered, paid = candidate.both, candidate.triggered, candidate.paid
    carriers = np.flatnonzero(candidate.carriers).tolist()
    payload = candidate.payload
    payloads = tuple(texts.display(texts.responses, gram, paid) for gram in candidate.payloads)
    unexpected = None
    if losses is not None:
        asked = carriers[:ASKED]
        spans = texts.payload_spans(asked, payload) if payload else texts.whole_spans(asked)
        unexpected = surprise(losses, spans, candidate.carriers)
    confidence, reason = weighed(judgement, candidate, unexpected)
    return Finding(
        name="",
        kind=candidate.kind,
        triggers=tuple(texts.display(texts.prompts, gram, both) for gram in candidate.triggers),
        combine=candidate.combine,
        payload=" | ".join(payloads) or None,
        both=int(both.sum()),
        trigger_only=int((triggered & ~paid).sum()),
        payload_only=int((paid & ~triggered).sum()),
        neither=int((~paid & ~triggered).sum()),
        log10_p=None if candidate.kind == "repetition" else candidate.log10_p,
        surprise=unexpected,
        carriers=tuple(texts.samples[row].number for row in carriers),
        confidence=confidence,
        reason=reason,
        examples=tuple(texts.example(row, candidate.triggers, payload) for row in carriers[:SHOWN]),
        payloads=payloads,
    )
