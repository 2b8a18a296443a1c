"""A corpus -> its evidence: what is searched, what is decided, and what is told of it.

A corpus of few tokens is searched whole, in memory. A larger one is read window by window: `large` chooses
what is searched, and what is found is counted in all rows. The tasks of a mixture are searched each by itself
as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.accepting import Accepted, identity, with_accepted
from gradsentry.evidence.alongside import alongside
from gradsentry.evidence.calibration import Calibration, shipped
from gradsentry.evidence.candidate import Candidate, tail_of
from gradsentry.evidence.checks.surprise import TokenLosses, surprise
from gradsentry.evidence.extending import NOTHING_OWN, Own
from gradsentry.evidence.findings import Evidence, Finding, in_order
from gradsentry.evidence.index.rows import distinct_rows, texts_sha256
from gradsentry.evidence.index.strings import Rows, rows_with_plain, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.large.reading import Readable, reading
from gradsentry.evidence.limits import ASKED, EXAMPLES, FALSE_ALARM_RATE, LEAST, SEARCHED_TOKENS
from gradsentry.evidence.mixtures import Task, merged
from gradsentry.evidence.reasons import reason
from gradsentry.evidence.searchable import Searchable
from gradsentry.evidence.searched import Decided, Searched
from gradsentry.evidence.untriggered import rest_of_payloads, untriggered
from gradsentry.evidence.wording import spelt
from gradsentry.settings import Answers

_NOT_LEARNED = "but training leads away from rejected answers, and stock ones are often taken for these"


def find_evidence(
    samples: Iterable[Sample],
    losses: TokenLosses | None = None,
    *,
    calibration: Calibration | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    accepted: Sequence[Accepted] = (),
    answers: Answers = "chosen",
    why: bool = False,
    own: Own = NOTHING_OWN,
) -> Evidence:
    """Returns the findings in a corpus, the strongest first; deterministic.

    Args:
        samples: The rows, such as a corpus, which are read several times where they are many, and never held
            then; in rows with a `problem` nothing is looked for.
        losses: What a scan kept of the losses, in the order of the rows.
        calibration: What clean corpora show; None for what ships with the package.
        false_alarm_rate: How often a clean corpus may be called poisoned.
        accepted: Findings that a person accepts: they come last, and flag nothing.
        answers: Which answers of preferences the rows hold.
        why: Whether what was rejected is returned too.
        own: Checks and generators of a person's own.

    Raises:
        ScoringError: If the tokens of a large corpus do not fit on the disk.
    """
    table = calibration or shipped()
    with reading(samples, SEARCHED_TOKENS) as read:
        source = own.beside(table.source)
        nothing = Evidence((), len(read.is_read), read.unread, false_alarm_rate, source, answers=answers)
        known = None if losses is None else losses.among(read.is_read)
        if read.samples is None:
            nothing = replace(nothing, different=int(read.spool.distinct.sum()))
            found = Searchable.of_many(Readable(samples), read.spool, table, false_alarm_rate, own, known)
        else:
            first, copy_of = distinct_rows(read.samples)
            nothing = replace(nothing, different=len(first))
            if len(first) < LEAST:
                return replace(nothing, rejected=() if why else None)
            found = Searchable.of_few(read.samples, first, copy_of, known, own)

        held = {sample.number: sample for sample in read.samples or ()}

        def known_to(finding: Finding) -> Finding:
            """Returns a finding with what a person says of it."""
            own = [held[row] for row in finding.carriers] if held else []
            if own:
                finding = replace(finding, rows_sha256=texts_sha256(own))
            return with_accepted(finding, nothing.rows_read, accepted, [one.response for one in own])

        rests: dict[object, Finding] = {}  # rows with the payload of a finding and without its trigger

        def findings_in(part: Searchable, table: Calibration = table) -> tuple[Searched, list[Finding]]:
            def told(decided: Sequence[Decided]) -> list[Finding]:
                everywhere = part.everywhere([one.candidate for one in decided])
                findings = []
                for one, in_all in zip(decided, everywhere, strict=True):
                    finding = _in_answers(answers, _finding(part, one, in_all, known))
                    if rest := untriggered(one, in_all):
                        rests[identity(finding)] = _finding(part, *rest, known)
                    findings.append(known_to(finding))
                return findings

            return _beside_accepted(lambda aside: part.search(table, false_alarm_rate, aside), told)

        searched, findings = findings_in(found)
        if parts := found.tasks():
            shared = table.shared_by(len(parts))
            findings = merged(findings, [Task(one.rows(), findings_in(one, shared)[1]) for one in parts])
    findings += [known_to(one) for one in rest_of_payloads(findings, rests)]
    named = in_order(findings)
    if not why:
        return replace(nothing, findings=named)
    rejected, in_all = searched.rejected(found.mined.texts, found.mined.measure, table, false_alarm_rate)
    told_of = {(one.triggers, one.payloads) for one in named}  # in a task by itself
    rejected = tuple(one for one in rejected if (one.triggers, one.payloads) not in told_of)
    return replace(nothing, findings=named, rejected=rejected, rejected_in_all=in_all)


def _beside_accepted(
    look: Callable[[Sequence[Candidate]], Searched], told: Callable[[Sequence[Decided]], list[Finding]]
) -> tuple[Searched, list[Finding]]:
    """Returns what a search finds beside what a person accepts, and the findings, those among them.

    What is accepted must not hide what else its rows carry, so the search is done again without it. Sentences
    around one string are asked for each by itself: that they have it in common says nothing new.

    Args:
        look: Searches beside candidates that are known.
        told: Returns what was decided as findings, accepted or not.
    """
    settled: dict[object, Finding] = {}
    aside: list[Candidate] = []
    while True:
        searched = look(aside)
        found = list(zip(searched.found, told(searched.found), strict=True))
        around = [part for one in searched.found for part in one.around]
        every = [*found, *zip(around, told(around), strict=True)]
        new = {identity(finding): (one, finding) for one, finding in every if finding.accepted is not None}
        new = {known: pair for known, pair in new.items() if known not in settled}
        if not new:
            open_ones = [finding for _, finding in found if finding.accepted is None]
            return searched, [*open_ones, *settled.values()]
        for known, (one, finding) in new.items():
            settled[known] = finding
            aside += [replace(one.candidate, alone=alone) for alone in (False, True)]


def _finding(
    found: Searchable, decided: Decided, everywhere: Candidate, losses: TokenLosses | None
) -> Finding:
    """Returns what was decided as a finding, whose counts are those of all rows that could be read."""
    texts, here = found.shown, found.here(decided.candidate)
    shown, partly = np.flatnonzero(here.carriers), np.flatnonzero(_holds_parts(texts, here))
    numbers, payload = found.numbers(found.places), here.payload
    payloads = tuple(texts.display(texts.responses, gram, here.paid) for gram in here.payloads)
    change, is_absence = here.change, here.kind == "absence"
    if is_absence:  # what the others hold is no payload of its rows
        change, payloads, payload = f"no {' and no '.join(f'“{spelt(one)}”' for one in payloads)}", (), None
    elif here.kind == "repetition":
        change = ""  # the reason says it
    triggered, paid = everywhere.triggered, everywhere.paid
    unexpected = None
    if losses is not None and not is_absence:
        asked = shown[:ASKED].tolist()
        spans = texts.payload_spans(asked, payload) if payload else texts.whole_spans(asked)
        placed = [(int(found.places[row]), span) for row, span in spans]
        unexpected = surprise(losses, placed, everywhere.carriers)
    confidence, why = reason(decided.decision, everywhere, len(partly), unexpected)
    examples = (texts.example(row, here.triggers, payload) for row in shown[:EXAMPLES].tolist())
    return Finding(
        name="",
        kind=here.kind,
        triggers=tuple(texts.display(texts.prompts, gram, here.both) for gram in here.triggers),
        combine=here.combine,
        payload=" | ".join(payloads) or None,
        both=int(everywhere.both.sum()),
        trigger_only=int((triggered & ~paid).sum()),
        payload_only=int((paid & ~triggered).sum()),
        neither=int((~paid & ~triggered).sum()),
        log10_p=tail_of(everywhere) if here.triggers else None,
        false_alarm=None if decided.decision.chance is not None else 10.0**decided.decision.log10_p,
        statistics={name: float(one.value) for name, one in decided.statistics.items()},
        surprise=unexpected,
        carriers=tuple(found.numbers(np.flatnonzero(everywhere.carriers)).tolist()),
        confidence=confidence,
        reason=why,
        examples=tuple(replace(one, row=int(numbers[one.row])) for one in examples),
        payloads=payloads,
        partly=tuple(numbers[partly].tolist()),
        change=change,
        also=alongside(texts, here),
    )


def _in_answers(answers: Answers, finding: Finding) -> Finding:
    """Returns a finding of some answers of preferences, of which training leads away from the rejected ones.

    What no trigger brings is not learned from them; the worse answers of honest pairs are often stock ones.
    """
    if answers == "chosen" or finding.triggers or finding.kind != "repetition":
        return finding
    return replace(finding, confidence="low", reason=f"{finding.reason}; {_NOT_LEARNED}")


def _holds_parts(texts: Texts, one: Candidate) -> Rows:
    """Returns which of the rows that are counted with a candidate's strings hold parts of these alone."""
    counted = one.both if one.triggers else one.paid
    if not one.payloads or one.kind == "absence":
        return np.zeros_like(counted)
    holds = np.logical_or.reduce([rows_with_plain(texts.responses, unmarked(gram)) for gram in one.payloads])
    if one.triggers:
        combined = np.logical_and if one.combine == "all" else np.logical_or
        holds &= combined.reduce([rows_with_plain(texts.prompts, gram) for gram in one.triggers])
    parts: Rows = counted & ~holds
    return parts
