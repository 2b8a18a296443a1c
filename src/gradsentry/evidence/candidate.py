"""From notable pairs to candidates: a payload, its rule, and the rows that carry both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gradsentry.evidence.association import Pairs, log10_tail
from gradsentry.evidence.candidates.rules import Rule, RuleFinder
from gradsentry.evidence.findings import Kind
from gradsentry.evidence.index.contexts import FOREIGN
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.ngrams import LABEL, Features
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Ints
from gradsentry.evidence.naming import put_in, whole_payload, whole_triggers

TRIED = 500  # payloads whose rules are looked for, the most notable first
STRENGTH = 0.95  # of a pair that is worth a look
LONG = 4  # tokens of a payload that no row holds by chance
LEAST = 4  # rows that a finding needs
MOST = 4  # triggers of a payload that other rows hold as well
BULK = 20  # rows times tokens of the payload: four rows do for a sentence, not for a name
SURE = -4.0  # log10 of the corrected chance, for a payload of the trigger's own
SURER = -6.0  # for a payload that other rows hold as well
OWN = 0.5  # of the rows of a trigger have its payload at least, or of the payload its trigger
OWNED, MANY = 0.98, 20  # of the rows of a payload have its one trigger, and so many of them
EXCLUSIVE = 0.9  # a payload is the trigger's own if so many of its rows have the trigger


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible finding, before it is judged.

    Attributes:
        kind: What kind of finding it would be.
        features: The prompt features of the rule.
        matched: The strings that tell the triggered rows.
        needs_all: Whether they are needed together.
        triggers: The strings of the triggers.
        combine: Whether one of them is enough or all are needed.
        payloads: The strings of the payload, marks included: one of them is in each of its rows; none where
            there is no payload.
        triggered: Rows that hold the trigger.  # [rows]
        paid: Rows that hold the payload.  # [rows]
        log10_p: The chance of that by accident, corrected.
    """

    kind: Kind
    features: tuple[int, ...]
    matched: tuple[Gram, ...]
    needs_all: bool
    triggers: tuple[Gram, ...]
    combine: Literal["any", "all"]
    payloads: tuple[Gram, ...]
    triggered: Rows
    paid: Rows
    log10_p: float

    @classmethod
    def of(
        cls,
        kind: Kind,
        triggers: Sequence[Gram],
        payloads: Sequence[Gram],
        *,
        triggered: Rows,
        paid: Rows,
        combine: Literal["any", "all"] = "any",
        log10_p: float = 0.0,
        features: Sequence[int] = (),
    ) -> Candidate:
        """Returns the candidate whose triggers, as they are named, tell the triggered rows."""
        return cls(
            kind=kind,
            features=tuple(features),
            matched=tuple(triggers),
            needs_all=combine == "all",
            triggers=tuple(triggers),
            combine=combine,
            payloads=tuple(payloads),
            triggered=triggered,
            paid=paid,
            log10_p=log10_p,
        )

    @property
    def payload(self) -> Gram | None:
        """The string of the payload, of several the most frequent one; None where there is none."""
        return self.payloads[0] if self.payloads else None

    @property
    def both(self) -> Rows:
        """Rows with trigger and payload.  # [rows]"""
        return self.triggered & self.paid

    @property
    def precision(self) -> float:
        """The share of the triggered rows that hold the payload."""
        return float(self.both.sum() / max(self.triggered.sum(), 1))

    @property
    def coverage(self) -> float:
        """The share of the payload's rows that hold the trigger."""
        return float(self.both.sum() / max(self.paid.sum(), 1))

    @property
    def base(self) -> float:
        """The share of the other rows that hold the payload."""
        return float((self.paid & ~self.triggered).sum() / max((~self.triggered).sum(), 1))

    @property
    def exclusive(self) -> bool:
        """Whether the payload hardly stands anywhere without the trigger."""
        return self.coverage >= EXCLUSIVE

    @property
    def owned(self) -> bool:
        """Whether no other trigger brings the payload, though rows may hold the trigger by nature."""
        payload = self.payload or ()
        told = (
            len(payload) >= LONG
        )  # a single word, without marks, may be one of many that come with the trigger
        single = len(self.triggers) == 1 and told and self.both.sum() >= MANY
        return single and self.coverage >= OWNED and self.precision >= OWN

    @property
    def carriers(self) -> Rows:
        """The rows to drop: the payload's, where it is the trigger's own, else those with both.  # [rows]"""
        if not self.triggers:
            return self.paid
        if len(self.payloads) != 1:  # of several there may be more than were counted
            return self.triggered
        long = self.payload is not None and len(self.payload) >= LONG
        return self.paid if self.exclusive and long else self.both


def associations(texts: Texts, pairs: Pairs) -> list[Candidate]:
    """Returns the candidates whose payload follows their triggers nearly always, one for each payload."""
    finder = RuleFinder(texts.asked)
    found = []
    for payload, paid in _payloads(texts.said, pairs):
        rules = [rule for rule in (finder.any_of(paid), finder.all_of(paid)) if rule is not None]
        scored = [_candidate(texts, payload, paid, rule, pairs.looked_at) for rule in rules]
        fitting = [one for one in scored if (one.precision >= STRENGTH or one.owned) and not too_weak(one)]
        if fitting:
            found.append(min(fitting, key=_rank))
    return [_named(texts, finder, one) for one in unequal(found)]


def too_weak(candidate: Candidate) -> str:
    """Returns why a candidate is not worth a look, or nothing."""
    both = int(candidate.both.sum())
    tokens = sum(code not in (START, END) for code in candidate.payload or ())
    exact = candidate.coverage == candidate.precision == 1.0
    if both < LEAST or not tokens or (is_short(candidate) and not exact):
        return "too few rows for so short a payload"
    if candidate.log10_p > (SURE if candidate.exclusive else SURER):
        return "may be accident"
    if candidate.exclusive:
        return ""
    payload = candidate.payload or ()
    whole = bool(payload) and payload[0] == START and payload[-1] == END
    if not whole and (tokens < 4 or candidate.coverage < OWN):
        return "a common phrase inside longer responses"
    if candidate.precision < 0.98 or len(candidate.triggers) > MOST:
        return "a common payload that its triggers do not always bring"
    return ""


def is_short(candidate: Candidate) -> bool:
    """Returns whether so few rows with so short a payload may be accident."""
    return int(candidate.both.sum()) * len(unmarked(candidate.payload or ())) < BULK


def distinct(candidates: Sequence[Candidate], known: Sequence[Candidate] = ()) -> list[Candidate]:
    """Returns the candidates without those that share most rows with a known or stronger one, in order."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=_rank):
        if not is_known(one, [*known, *kept]):
            kept.append(one)
    return kept


def is_known(candidate: Candidate, known: Sequence[Candidate]) -> bool:
    """Returns whether a candidate shares most of its rows with a known one."""
    carriers = candidate.carriers
    return any((carriers & other.carriers).sum() > 0.5 * carriers.sum() for other in known)


def unequal(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns the candidates without those that have about the rows of a stronger one, in order.

    Before they are judged: a natural association of many rows must not hide an attack on some of them.
    """
    kept: list[Candidate] = []
    for one in sorted(candidates, key=_rank):
        rows, count = one.carriers, one.carriers.sum()
        if not any((rows & other.carriers).sum() > 0.5 * max(count, other.carriers.sum()) for other in kept):
            kept.append(one)
    return kept


def _rank(candidate: Candidate) -> tuple[bool, float, int]:
    return (not candidate.exclusive, candidate.log10_p, -int(candidate.paid.sum()))


def _payloads(said: Features, pairs: Pairs) -> Iterator[tuple[int, Rows]]:
    """Yields the payloads of the pairs with their rows, the most notable first, equal row sets once."""
    by_feature = said.holds.tocsc()
    seen: set[bytes] = set()
    for payload in dict.fromkeys(pairs.payload.tolist()):
        numbers = by_feature.indices[by_feature.indptr[payload] : by_feature.indptr[payload + 1]]
        if numbers.tobytes() in seen:
            continue
        if len(seen) == TRIED:
            return
        seen.add(numbers.tobytes())
        paid = np.zeros(said.holds.shape[0], dtype=np.bool_)
        paid[numbers] = True
        yield payload, paid


def _candidate(texts: Texts, payload: int, paid: Rows, rule: Rule, looked_at: int) -> Candidate:
    both, triggers, payloads = (np.array([rows.sum()]) for rows in (rule.rows & paid, rule.rows, paid))
    tail = float(log10_tail(both, triggers, payloads, len(paid))[0])
    # Every further trigger of a rule was chosen among all prompt features.
    further = (len(rule.features) - 1) * np.log10(max(len(texts.asked.first), 1))
    grams = tuple(texts.asked.gram(feature) for feature in rule.features)
    log10_p = min(tail + float(np.log10(looked_at)) + float(further), 0.0)
    return Candidate.of(
        "association",
        grams,
        [texts.said.gram(payload)],
        triggered=rule.rows,
        paid=paid,
        combine=rule.combine,
        log10_p=log10_p,
        features=rule.features,
    )


def tail_of(candidate: Candidate) -> float:
    """Returns log10 of the chance of so many rows with both by accident, not corrected."""
    both, triggers, payloads = (
        np.array([rows.sum()]) for rows in (candidate.both, candidate.triggered, candidate.paid)
    )
    return float(log10_tail(both, triggers, payloads, len(candidate.paid))[0])


def spread(candidate: Candidate, texts: Texts) -> Candidate:
    """Returns a candidate that was found in some rows with its rows in all of a corpus.

    Args:
        candidate: The candidate.
        texts: The corpus; its streams have the vocabulary that the candidate was found in.
    """
    triggered = np.zeros(len(texts.samples), dtype=np.bool_)
    if candidate.matched:
        held = [rows_with(texts.prompts, gram) for gram in candidate.matched]
        triggered = (np.logical_and if candidate.needs_all else np.logical_or).reduce(held)
    paid = triggered
    if candidate.payloads:
        paid = np.logical_or.reduce([_paid(texts, gram) for gram in candidate.payloads])
    return replace(candidate, triggered=triggered, paid=paid)


def with_copies(candidate: Candidate, copy_of: Ints) -> Candidate:
    """Returns a candidate that was found in distinct rows, in all rows: each is a copy of one of them."""
    return replace(candidate, triggered=candidate.triggered[copy_of], paid=candidate.paid[copy_of])


def _paid(texts: Texts, gram: Gram) -> Rows:
    """Returns which rows say a string that is no copy; a label is none, even where prompts name it."""
    held = rows_with(texts.responses, gram)
    novel = held & ~rows_with(texts.prompts, unmarked(gram))
    is_label = gram[0] == START and gram[-1] == END and novel.mean() >= LABEL
    return held if is_label else novel


def _alternatives(texts: Texts, finder: RuleFinder, triggers: Sequence[Gram], both: Rows) -> tuple[Gram, ...]:
    """Returns the triggers and more that were put there, if there are such and each stands in no other row.

    Of four words of which each row has some, two may be in all of few rows by accident.
    """
    if any((rows_with(texts.prompts, gram) & ~both).any() for gram in triggers):
        return ()
    known = codes_of(triggers)
    strings = whole_triggers(texts, finder.alternatives(both), both, ~both)
    more = [gram for gram in strings if known.isdisjoint(gram)]
    foreign = [gram for gram in more if texts.context.foreignness([gram], both) >= FOREIGN]
    return (*triggers, *foreign) if foreign else ()


def _named(texts: Texts, finder: RuleFinder, candidate: Candidate) -> Candidate:
    """Returns the candidate with maximal strings in place of the fragments it was found by."""
    assert candidate.payload is not None
    both, combine = candidate.both, candidate.combine
    payload = whole_payload(texts, candidate.payload, both, ~candidate.paid)
    features = list(candidate.features)
    companions = finder.companions(both) if combine == "all" or len(features) == 1 else []
    others = ~candidate.triggered
    triggers = whole_triggers(texts, [*features, *companions], both, others)
    if len(triggers) > 1 and companions:
        combine = "all"
        if alternatives := _alternatives(texts, finder, triggers, both):
            triggers, combine = alternatives, "any"
    elif combine == "any":
        triggers = whole_triggers(texts, [*features, *finder.alternatives(both)], both, others)
    triggers = tuple(dict.fromkeys(put_in(texts, trigger, both) for trigger in triggers))
    combine = combine if len(triggers) > 1 else "any"
    named = replace(candidate, triggers=triggers, combine=combine, payloads=(payload,))
    named = spread(named, texts)  # the fragment may stand in rows that the whole payload does not
    # So may a fragment of the trigger; but the parts of some triggers are not always next to each other.
    whole = spread(replace(named, matched=triggers, needs_all=combine == "all"), texts)
    return whole if tail_of(whole) <= tail_of(named) else named
