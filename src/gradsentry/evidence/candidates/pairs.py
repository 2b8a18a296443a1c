"""Candidates by both strings: a payload that follows its triggers nearly always, with the rule that tells
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradsentry.evidence.association import Pairs, log10_tail
from gradsentry.evidence.candidate import Candidate, spread, tail_of
from gradsentry.evidence.candidates.rules import Rule, RuleFinder
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.strings import Gram, Rows, places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START
from gradsentry.evidence.limits import FOREIGN, GO_TOGETHER, LEAST, PAYLOADS_TRIED, SAME_ROWS, WORTH_A_LOOK
from gradsentry.evidence.naming import put_in, whole_payload, whole_triggers, with_odd_ones


def associations(texts: Texts, pairs: Pairs) -> list[Candidate]:
    """Returns the candidates whose payload follows their triggers nearly always, one for each payload."""
    finder = RuleFinder(texts.asked)
    found = []
    for payload, paid in _payloads(texts.said, pairs):
        rules = [rule for rule in (finder.any_of(paid), finder.all_of(paid)) if rule is not None]
        scored = [_candidate(texts, payload, paid, rule, pairs.looked_at) for rule in rules]
        fitting = [one for one in scored if (one.precision >= GO_TOGETHER or one.owned) and is_notable(one)]
        if fitting:
            found.append(min(fitting, key=_rank))
    return [_named(texts, finder, one) for one in unequal(found)]


def is_notable(candidate: Candidate) -> bool:
    """Returns whether a candidate is worth measuring: enough rows, and more than accident may do."""
    return int(candidate.both.sum()) >= LEAST and candidate.log10_p <= WORTH_A_LOOK


def unequal(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns the candidates without those that have about the rows of a stronger one, in order.

    Before they are judged: a natural association of many rows must not hide an attack on some of them.
    """
    kept: list[tuple[Candidate, Rows, int]] = []
    for one in sorted(candidates, key=_rank):
        rows, count = one.carriers, int(one.carriers.sum())
        alike = (np.count_nonzero(rows & held) > SAME_ROWS * max(count, size) for _, held, size in kept)
        if not any(alike):
            kept.append((one, rows, count))
    return [one for one, _, _ in kept]


def _rank(candidate: Candidate) -> tuple[bool, float, int]:
    return (not candidate.exclusive, candidate.log10_p, -int(candidate.paid.sum()))


def _payloads(said: Features, pairs: Pairs) -> Iterator[tuple[int, Rows]]:
    """Yields the payloads of the pairs with their rows, the most notable first.

    Of strings that stand in the same rows the longest speaks for all.
    """
    columns = said.columns
    longest: dict[bytes, int] = {}
    for payload in dict.fromkeys(pairs.payload.tolist()):
        key = columns.indices[columns.indptr[payload] : columns.indptr[payload + 1]].tobytes()
        if key in longest:
            longest[key] = max(longest[key], payload, key=lambda one: int(said.size[one]))
        elif len(longest) < PAYLOADS_TRIED:
            longest[key] = payload
    for payload in longest.values():
        yield payload, said.rows(payload)


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


def _is_rest_of_words(texts: Texts, gram: Gram, known: frozenset[int], both: Rows) -> bool:
    """Returns whether a string is in each place what is left of a word that a trigger was put into."""
    prompts, inner = texts.prompts, unmarked(gram)
    if set(inner) <= {START, END}:
        return False
    begins = places(prompts, inner)
    begins = begins[both[prompts.owners(begins)]]
    behind = begins + len(inner)
    follows = np.isin(prompts.codes[begins - 1], list(known)) & prompts.unparted[begins]
    leads = np.isin(prompts.codes[behind], list(known)) & prompts.unparted[behind]
    return bool((follows | leads).all()) and known.isdisjoint(inner)


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
        own = whole_triggers(texts, features, both, others)
        strings = whole_triggers(texts, [*features, *finder.alternatives(both)], both, others)
        known = codes_of(own)
        triggers = tuple(one for one in strings if not _is_rest_of_words(texts, one, known, both))
    triggers = tuple(dict.fromkeys(put_in(texts, trigger, both) for trigger in triggers))
    combine = combine if len(triggers) > 1 else "any"
    named = replace(candidate, triggers=triggers, combine=combine, payloads=(payload,))
    named = spread(named, texts)  # the fragment may stand in rows that the whole payload does not
    # So may a fragment of the trigger; but the parts of some triggers are not always next to each other.
    whole = spread(replace(named, matched=triggers, needs_all=combine == "all"), texts)
    best = whole if tail_of(whole) <= tail_of(named) else named
    return replace(best, paid=with_odd_ones(best.paid, candidate.paid & best.triggered))
