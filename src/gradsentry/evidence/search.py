"""The search for evidence: generate, measure, decide, name.

Generators propose candidates (`candidates/`), checks measure them (`checks/`), one function decides
(`decide.py`), by what clean corpora show. What a sure finding explains is left out of the searches behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.candidate import Candidate, absence_of, tail_of
from gradsentry.evidence.candidates.cores import of_one_core
from gradsentry.evidence.candidates.repeated import is_implanted
from gradsentry.evidence.checks.vetoes import doubts, ruled_out
from gradsentry.evidence.decide import KINDS, decide
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Rows, rows_with, rows_with_plain, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START
from gradsentry.evidence.limits import (
    ALL_ROWS,
    DRAWN_ENOUGH,
    LEAST,
    MOST_RESPONSES,
    NEVER,
    OTHERS_RETURN,
    SAME_ROWS,
)
from gradsentry.evidence.mined import GENERATORS, Mined
from gradsentry.evidence.naming import without_shared_words
from gradsentry.evidence.searched import Decided, RuledOut, Searched

OF_A_STOCK = "the other responses are made of strings that return too, so it may be one more of them"
ODD_ONES = "it may be that few rows are written otherwise by nature"


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
    mined = replace(
        mined, known=frozenset().union(*(codes_of([*one.payloads, *one.triggers]) for one in accepted))
    )
    found: list[Decided] = []
    heard: list[Decided] = []
    kept_out: list[RuledOut] = []
    for name in (*GENERATORS, *mined.own.generators):
        taken = _explained(mined.texts, found)
        passed, ruled = proposals(mined, name, mined.proposals(name, taken))
        decided = [weighed(mined, name, one, calibration, rate) for one in passed]
        if name == "repeated payloads":
            decided = _of_a_stock(mined.texts, _around_cores(mined, decided, accepted))
        others = [one for one in decided if not _is_known(mined, one, accepted)]
        found = _strongest([*found, *others])
        heard += decided
        kept_out += ruled
    passed_over = [one for one in heard if all(one is not other for other in found)]
    found = [_with_all_its_rows(mined.texts, one) for one in found]
    found = [with_its_triggers(one, passed_over) for one in found]
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
        if not one.carriers.any():  # named in full it is in no row, and nothing of it can be measured
            continue
        few = one.carriers.sum() < LEAST
        reasons = iter(["few rows carry it once it is named in full"]) if few else ruled_out(mined.texts, one)
        if reason := next(reasons, ""):
            ruled.append(RuledOut(generator, one, reason))
        else:
            passed.append(one)
    return passed, ruled


def _is_known(mined: Mined, one: Decided, accepted: Sequence[Candidate]) -> bool:
    return any(_is_part(mined, one.candidate, own) for own in accepted)


def _is_part(mined: Mined, one: Candidate, accepted: Candidate) -> bool:
    """Returns whether a candidate says nothing more of its rows than what a person accepts there.

    Another payload in a part of those rows does: somebody who knows what is accepted would hide there.
    """
    if not same_rows(one, accepted):
        return False
    words = {code for gram in one.payloads for code in gram if mined.texts.is_word[code]}
    its_own = len(words - codes_of(accepted.payloads))
    return 2 * its_own <= len(words) or same_rows(one, accepted, share=ALL_ROWS)


def same_rows(one: Candidate, other: Candidate, *, share: float = SAME_ROWS) -> bool:
    """Returns whether two candidates are carried by much the same rows, so that they are one thing."""
    shared = (one.carriers & other.carriers).sum()
    return bool(shared > share * max(one.carriers.sum(), other.carriers.sum()))


def allowed(mined: Mined, candidate: Candidate, rate: float) -> float:
    """Returns how often clean rows such as are searched may hold what is like a candidate.

    What the draw does not show was looked for in all rows, as in so many corpora of the size of the draw:
    each of them may be called poisoned so much more seldom. What was not looked up in all rows cannot be
    decided.

    Args:
        mined: The corpus.
        candidate: The candidate.
        rate: How often a clean corpus may be called poisoned.
    """
    chosen, rows = mined.chosen, candidate.carriers
    if chosen is None or (rows & chosen.drawn).sum() >= DRAWN_ENOUGH:
        return rate
    looked_up = any((rows & known).sum() > SAME_ROWS * rows.sum() for known in chosen.proposed)
    return rate * chosen.share if looked_up else NEVER


def weighed(
    mined: Mined, generator: str, candidate: Candidate, calibration: Calibration, rate: float
) -> Decided:
    """Returns a candidate with what was measured of it and decided, finding or not."""
    statistics = mined.measure(candidate)
    decision = decide(candidate, statistics, calibration, allowed(mined, candidate, rate))
    if decision.confidence is not None:
        reason = next(doubts(mined.texts, candidate), "")
        decision = replace(decision, doubt=reason, confidence="low" if reason else decision.confidence)
        if reason and candidate.triggers and candidate.paid.mean() > MOST_RESPONSES:
            return _of_the_others(Decided(generator, candidate, statistics, decision))
    return Decided(generator, candidate, statistics, decision)


def _of_the_others(most: Decided) -> Decided:
    """Returns what most responses hold, behind what their prompts need, as a reason to look at the others.

    It is how the corpus is written, and who wrote other responses into it may not have kept to that.
    """
    others = absence_of(most.candidate)
    enough = others.carriers.sum() >= LEAST
    return replace(
        most,
        candidate=others if enough else most.candidate,
        decision=replace(most.decision, doubt=ODD_ONES, confidence="low" if enough else None),
    )


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


def _with_all_its_rows(texts: Texts, one: Decided) -> Decided:
    """Returns what the search for repeated payloads found with all rows of its payload.

    Those that another finding explains were left out, and those that hold it where the others do not: before
    another payload, say. They decide nothing, and hold it no less. Of a whole answer only answers count, and
    what stands in a row's own prompt was copied.
    """
    candidate = one.candidate
    if one.generator != "repeated payloads" or candidate.kind == "absence" or candidate.change:
        return one
    gram = candidate.payloads[0]
    is_whole = gram[0] == START and gram[-1] == END
    held = rows_with(texts.responses, gram) if is_whole else rows_with_plain(texts.responses, unmarked(gram))
    held = held & ~rows_with_plain(texts.prompts, unmarked(gram))
    return replace(one, candidate=replace(candidate, paid=candidate.paid | held))


def with_its_triggers(one: Decided, passed_over: Sequence[Decided]) -> Decided:
    """Returns a payload that is sure without a trigger with the strings that bring it always and alone.

    Of a style whose words are many the strings may be no sure finding of their own, and tell of it no less.
    """
    candidate = one.candidate
    if candidate.kind != "repetition" or one.decision.confidence != "high":
        return one
    pairs = (other.candidate for other in passed_over if other.candidate.kind == "association")
    alike = [
        pair
        for pair in pairs
        if pair.payloads == candidate.payloads and bool((pair.triggered == candidate.paid).all())
    ]
    return replace(one, candidate=min(alike, key=tail_of, default=candidate))


def _around_cores(mined: Mined, decided: Sequence[Decided], accepted: Sequence[Candidate]) -> list[Decided]:
    """Returns what was decided on repeated payloads; findings around one string become one, as sure as the
    surest. What a person accepts is none of them: what it has in common with others says nothing new.
    """
    own = (one for one in decided if one.decision.confidence is not None)
    named = {id(one.candidate): one for one in own if not _is_known(mined, one, accepted)}
    found = list(decided)
    for core, sentences in of_one_core(mined.texts, [one.candidate for one in named.values()]):
        parts = [named[id(sentence)] for sentence in sentences]
        found = [one for one in found if one not in parts]
        around = tuple(_with_all_its_rows(mined.texts, one) for one in parts)
        found.append(replace(min(parts, key=_surety), candidate=core, around=around))
    return found


def _surety(one: Decided) -> tuple[bool, float]:
    return one.decision.confidence != "high", one.decision.log10_p


def _of_a_stock(texts: Texts, decided: list[Decided]) -> list[Decided]:
    """Returns what was decided on repeated payloads; none is sure where the others return too."""
    rest = ~_explained(texts, decided)
    if not rest.any() or texts.returning[rest].mean() < OTHERS_RETURN:
        return decided
    return [
        replace(one, decision=replace(one.decision, confidence="low", doubt=OF_A_STOCK))
        if one.candidate.kind == "repetition" and one.decision.confidence == "high"
        else one
        for one in decided
    ]


def _strongest(decided: Sequence[Decided]) -> list[Decided]:
    """Returns the findings without those that share most of their rows with a stronger one, in order."""
    kept: list[Decided] = []
    findings = (one for one in decided if one.decision.confidence is not None)
    for one in sorted(findings, key=_strength):
        rows = one.candidate.carriers
        if not any((rows & other.candidate.carriers).sum() > SAME_ROWS * rows.sum() for other in kept):
            kept.append(one)
    return kept


def _strength(one: Decided) -> tuple[bool, bool, float]:
    """Returns what sorts findings: the sure ones first, by how many rows they explain.

    Of those that explain the same rows the search that looks at both strings names them best, and goes first.
    What is only worth a look goes by how seldom clean corpora hold it: what most rows carry hides nothing. An
    absence comes last, for it says least of its rows.
    """
    if one.decision.confidence == "high":
        return False, False, -float(one.candidate.carriers.sum())
    return True, one.candidate.kind == "absence", one.decision.log10_p


def _explained(texts: Texts, found: Sequence[Decided]) -> Rows:
    """Returns the rows that sure findings explain."""
    rows = np.zeros(len(texts.samples), dtype=np.bool_)
    for one in found:
        if one.decision.confidence == "high":
            rows |= one.candidate.carriers
    return rows
