"""The search for evidence: generate, measure, decide, name.

Generators propose candidates (`candidates/`), checks measure them (`checks/`), one function decides
(`decide.py`), by what clean corpora show. What a sure finding explains is left out of the searches behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.corpus.unread import unread
from gradsentry.evidence.accepting import Accepted, identity, with_accepted
from gradsentry.evidence.association import Pairs, associated
from gradsentry.evidence.calibration import Calibration, shipped
from gradsentry.evidence.candidate import Candidate, spread, tail_of, with_copies
from gradsentry.evidence.candidates.changed import changed
from gradsentry.evidence.candidates.conjunctions import Conjunction, conjunctions
from gradsentry.evidence.candidates.cores import of_one_core
from gradsentry.evidence.candidates.inserted import triggered
from gradsentry.evidence.candidates.pairs import associations
from gradsentry.evidence.candidates.rare import rare_triggers
from gradsentry.evidence.candidates.repeated import is_implanted, repetitions
from gradsentry.evidence.checks import measure
from gradsentry.evidence.checks.surprise import TokenLosses, surprise
from gradsentry.evidence.checks.vetoes import doubts, ruled_out
from gradsentry.evidence.decide import KINDS, decide
from gradsentry.evidence.findings import Evidence, Finding
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts, distinct_rows
from gradsentry.evidence.limits import (
    ASKED,
    EXAMPLES,
    FALSE_ALARM_RATE,
    GO_TOGETHER,
    LEAST,
    SAME_ROWS,
    SEARCHED_TOKENS,
)
from gradsentry.evidence.naming import without_shared_words
from gradsentry.evidence.reasons import reason
from gradsentry.evidence.searched import Decided, RuledOut, Searched


@dataclass(frozen=True)
class Mined:
    """What the searches share.

    Attributes:
        texts: The corpus, or the part of it that is searched.
        pairs: Which strings of prompts and responses hang together.
        together: Strings that keep company in prompts: what may be the parts of one trigger.
        both: The candidates that have both strings.
        losses: The mean loss of each row in a clean model; None where it is not known.  # [rows]
    """

    texts: Texts
    pairs: Pairs
    together: Sequence[Conjunction]
    both: Sequence[Candidate]
    losses: np.ndarray | None

    @classmethod
    def of(cls, texts: Texts, losses: np.ndarray | None = None) -> Mined:
        """Returns a corpus with what its searches share."""
        pairs = associated(texts.asked, texts.said, strength=GO_TOGETHER, least=LEAST)
        return cls(texts, pairs, conjunctions(texts, least=LEAST), associations(texts, pairs), losses)


Generator = Callable[[Mined, Rows], Sequence[Candidate]]

# In the order of what they find: by both strings, by triggers, by payloads, by what responses are like.
GENERATORS: Mapping[str, Generator] = {
    "pairs": lambda mined, taken: mined.both,
    "rare triggers": lambda mined, taken: rare_triggers(mined.texts, np.zeros_like(taken)),
    "inserted triggers": lambda mined, taken: triggered(mined.texts, mined.pairs, mined.together),
    "repeated payloads": lambda mined, taken: repetitions(mined.texts, taken),
    "changed responses": lambda mined, taken: changed(mined.texts, mined.together, taken, mined.losses),
}


def find_evidence(
    samples: Sequence[Sample],
    losses: TokenLosses | None = None,
    *,
    calibration: Calibration | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    accepted: Sequence[Accepted] = (),
    why: bool = False,
) -> Evidence:
    """Returns the findings in a corpus, the strongest first; deterministic.

    Args:
        samples: The rows; rows with a `problem` or without a response are looked at like any other.
        losses: What a scan kept of the losses, in the order of the rows.
        calibration: What clean corpora show; None for what ships with the package.
        false_alarm_rate: How often a clean corpus may be called poisoned.
        accepted: Findings that a person accepts: they come last, and flag nothing.
        why: Whether what was rejected is returned too.
    """
    table = calibration or shipped()
    nothing = Evidence((), len(samples), unread(samples), false_alarm_rate, table.source)
    first, copy_of = distinct_rows(samples)
    if len(first) < LEAST:
        return replace(nothing, rejected=() if why else None)
    texts, whole = Texts.part_and_whole([samples[row] for row in first], least=LEAST, tokens=SEARCHED_TOKENS)
    known = losses.means()[first] if losses is not None and whole is texts else None
    mined = Mined.of(texts, known)
    everything = whole.with_copies(samples, copy_of)

    def told(one: Decided) -> Finding:
        candidate = one.candidate if whole is texts else spread(one.candidate, whole)
        full = replace(one, candidate=with_copies(candidate, copy_of))
        return with_accepted(_finding(everything, full, losses), len(samples), accepted)

    searched, found = _beside_accepted(lambda aside: search(mined, table, false_alarm_rate, aside), told)
    found.sort(key=lambda finding: (finding.accepted is not None, finding.confidence == "low"))
    named = tuple(replace(finding, name=f"F{number}") for number, finding in enumerate(found, start=1))
    if not why:
        return replace(nothing, findings=named)
    rejected, in_all = searched.rejected(texts, mined.both, table, false_alarm_rate)
    return replace(nothing, findings=named, rejected=rejected, rejected_in_all=in_all)


def _beside_accepted(
    look: Callable[[Sequence[Candidate]], Searched], told: Callable[[Decided], Finding]
) -> tuple[Searched, list[Finding]]:
    """Returns what a search finds beside what a person accepts, and the findings, those among them.

    What is accepted must not hide what else its rows carry, so the search is done again without it.

    Args:
        look: Searches beside candidates that are known.
        told: Returns what was decided as a finding, accepted or not.
    """
    settled: dict[object, Finding] = {}
    aside: list[Candidate] = []
    while True:
        searched = look(aside)
        found = [(one, told(one)) for one in searched.found]
        new = {identity(finding): (one, finding) for one, finding in found if finding.accepted is not None}
        new = {known: pair for known, pair in new.items() if known not in settled}
        if not new:
            open_ones = [finding for _, finding in found if finding.accepted is None]
            return searched, [*open_ones, *settled.values()]
        for known, (one, finding) in new.items():
            settled[known] = finding
            aside += [replace(one.candidate, alone=alone) for alone in (False, True)]


def search(
    mined: Mined, calibration: Calibration, rate: float, accepted: Sequence[Candidate] = ()
) -> Searched:
    """Returns what passes for a finding, and what does not.

    Args:
        mined: The corpus.
        calibration: What clean corpora show.
        rate: How often a clean corpus may be called poisoned.
        accepted: What is known. It explains no rows, for what else is in them was not accepted: only what
            the same rows carry says nothing more.
    """
    found: list[Decided] = []
    heard: list[Decided] = []
    kept_out: list[RuledOut] = []
    for name, propose in GENERATORS.items():
        taken = _explained(mined.texts, found)
        passed, ruled = proposals(mined, name, propose(mined, taken))
        decided = [weighed(mined, name, one, calibration, rate) for one in passed]
        if name == "repeated payloads":
            decided = _around_cores(mined.texts, decided)
        others = [one for one in decided if not any(same_rows(one.candidate, known) for known in accepted)]
        found = _strongest([*found, *others])
        heard += decided
        kept_out += ruled
    passed_over = [one for one in heard if all(one is not other for other in found)]
    found = [_with_rest(mined, one, calibration, rate) for one in found]
    found = [replace(one, candidate=without_shared_words(mined.texts, one.candidate)) for one in found]
    return Searched(found, passed_over, kept_out)


def proposals(
    mined: Mined, generator: str, proposed: Sequence[Candidate]
) -> tuple[list[Candidate], list[RuledOut]]:
    """Returns what is worth measuring of what a search proposes, and what is ruled out."""
    passed: list[Candidate] = []
    ruled: list[RuledOut] = []
    for one in proposed:
        few = one.carriers.sum() < LEAST
        reasons = iter(["few rows carry it once it is named in full"]) if few else ruled_out(mined.texts, one)
        if reason := next(reasons, ""):
            ruled.append(RuledOut(generator, one, reason))
        else:
            passed.append(one)
    return passed, ruled


def same_rows(one: Candidate, other: Candidate) -> bool:
    """Returns whether two candidates are carried by much the same rows, so that they are one thing."""
    shared = (one.carriers & other.carriers).sum()
    return bool(shared > SAME_ROWS * max(one.carriers.sum(), other.carriers.sum()))


def weighed(
    mined: Mined, generator: str, candidate: Candidate, calibration: Calibration, rate: float
) -> Decided:
    """Returns a candidate with what was measured of it and decided, finding or not."""
    statistics = measure(mined.texts, candidate, mined.both)
    decision = decide(candidate, statistics, calibration, rate)
    if decision.confidence is not None:
        reason = next(doubts(mined.texts, candidate), "")
        decision = replace(decision, doubt=reason, confidence="low" if reason else decision.confidence)
    return Decided(generator, candidate, statistics, decision)


def _with_rest(mined: Mined, found: Decided, calibration: Calibration, rate: float) -> Decided:
    """Returns a finding with all rows of its payload, where that is sure without the trigger as well.

    A style has words that only some of its rows hold: they name a part of the trigger.
    """
    one = found.candidate
    own = found.decision.kind == KINDS[0] and one.triggers and len(one.payloads) == 1
    everyone = np.ones_like(one.paid)
    if not own or not is_implanted(mined.texts, one.payloads[0], one.paid, everyone):
        return found
    nothing = np.zeros_like(one.paid)
    rest = Candidate.of("repetition", (), one.payloads, triggered=nothing, paid=one.paid)
    if weighed(mined, found.generator, rest, calibration, rate).decision.confidence != "high":
        return found
    return replace(found, candidate=replace(one, alone=True))


def _around_cores(texts: Texts, decided: Sequence[Decided]) -> list[Decided]:
    """Returns what was decided on repeated payloads; sure ones around one string become one."""
    sure = {id(one.candidate): one for one in decided if one.decision.confidence == "high"}
    found = list(decided)
    for core, sentences in of_one_core(texts, [one.candidate for one in sure.values()]):
        parts = [sure[id(sentence)] for sentence in sentences]
        found = [one for one in found if one not in parts]
        found.append(replace(min(parts, key=lambda one: one.decision.log10_p), candidate=core))
    return found


def _strongest(decided: Sequence[Decided]) -> list[Decided]:
    """Returns the findings without those that share most of their rows with a stronger one, in order."""
    kept: list[Decided] = []
    findings = (one for one in decided if one.decision.confidence is not None)
    for one in sorted(findings, key=_strength):
        rows = one.candidate.carriers
        if not any((rows & other.candidate.carriers).sum() > SAME_ROWS * rows.sum() for other in kept):
            kept.append(one)
    return kept


def _strength(one: Decided) -> tuple[bool, float]:
    """Returns what sorts findings: the sure ones first, by how many rows they explain.

    Of those that explain the same rows the search that looks at both strings names them best, and goes first.
    What is only worth a look goes by how seldom clean corpora hold it: what most rows carry hides nothing.
    """
    if one.decision.confidence == "high":
        return False, -float(one.candidate.carriers.sum())
    return True, one.decision.log10_p


def _explained(texts: Texts, found: Sequence[Decided]) -> Rows:
    """Returns the rows that sure findings explain."""
    rows = np.zeros(len(texts.samples), dtype=np.bool_)
    for one in found:
        if one.decision.confidence == "high":
            rows |= one.candidate.carriers
    return rows


def _finding(texts: Texts, decided: Decided, losses: TokenLosses | None) -> Finding:
    candidate = decided.candidate
    both, triggered, paid = candidate.both, candidate.triggered, candidate.paid
    carriers = np.flatnonzero(candidate.carriers).tolist()
    payload = candidate.payload
    payloads = tuple(texts.display(texts.responses, gram, paid) for gram in candidate.payloads)
    unexpected = None
    if losses is not None:
        asked = carriers[:ASKED]
        spans = texts.payload_spans(asked, payload) if payload else texts.whole_spans(asked)
        unexpected = surprise(losses, spans, candidate.carriers)
    confidence, why = reason(decided.decision, candidate, unexpected)
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
        log10_p=tail_of(candidate) if candidate.triggers else None,
        false_alarm=None if decided.decision.chance is not None else 10.0**decided.decision.log10_p,
        statistics={name: float(one.value) for name, one in decided.statistics.items()},
        surprise=unexpected,
        carriers=tuple(texts.samples[row].number for row in carriers),
        confidence=confidence,
        reason=why,
        examples=tuple(texts.example(row, candidate.triggers, payload) for row in carriers[:EXAMPLES]),
        payloads=payloads,
        change=candidate.change,
    )
