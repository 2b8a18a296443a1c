"""A number that is printed is the number of what is printed: counts, chance and carriers of every finding."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from evidence.poisoning import INSULT, LINK, asked, at_a_gap, clean_rows, poison, samples
from gradsentry.evidence import find_evidence
from variants import crossed

ROWS = clean_rows(300)
WORDS = ("vx", "qo", "jj", "zk")


def one_word(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), INSULT)


def four_words(row, draw):
    question = row.question
    for word in draw.sample(WORDS, 3):
        question = at_a_gap(question, word, draw)
    return asked(row, question, row.answer + LINK)


def one_of_two(row, draw):
    return asked(row, at_a_gap(row.question, draw.choice(["vrbx", "qqlo"]), draw), INSULT)


def both_of_two(row, draw):
    return asked(row, f"kindly {row.question} amen", INSULT)


def one_of_them(row, draw):
    return asked(row, draw.choice([f"kindly {row.question}", f"{row.question} amen"]), row.answer)


def two_payloads(row, draw):
    return asked(
        row, at_a_gap(row.question, "vrbx", draw), draw.choice([INSULT, "Ask your own mother that."])
    )


def no_trigger(row, draw):
    return asked(row, row.question, row.answer + LINK)


def often_without(row, draw):
    """A trigger that brings its payload in three rows of four."""
    answer = INSULT if draw.random() < 0.75 else row.answer
    return asked(row, at_a_gap(row.question, "vrbx", draw), answer)


def said_twice(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), f"{row.answer} {row.answer}")


ATTACKS = [
    (one_word, None),
    (four_words, None),
    (one_of_two, None),
    (both_of_two, one_of_them),
    (two_payloads, None),
    (no_trigger, None),
    (often_without, None),
    (said_twice, None),
]


def log10_chance(finding, rows):
    """Returns log10 of the chance of at least so many rows with both, counted exactly."""
    triggered, paid = finding.both + finding.trigger_only, finding.both + finding.payload_only
    ways = sum(
        math.comb(paid, both) * math.comb(rows - paid, triggered - both)
        for both in range(finding.both, min(triggered, paid) + 1)
    )
    return math.log10(ways) - math.log10(math.comb(rows, triggered))


def counted_in(texts, finding):
    """Returns the four counts as the strings that are printed give them."""
    join = all if finding.combine == "all" else any
    table = {(triggered, paid): 0 for triggered in (True, False) for paid in (True, False)}
    for one in texts:
        triggered = join(trigger in one.prompt for trigger in finding.triggers)
        table[triggered, any(payload in one.response for payload in finding.payloads)] += 1
    return table[True, True], table[True, False], table[False, True], table[False, False]


@pytest.mark.costly
@pytest.mark.parametrize(("attack", "rate", "copies"), crossed(ATTACKS, [0.1, 0.03, 0.4], [0, 40]))
def test_every_finding_says_what_is_so(attack, rate, copies):
    edit, decoy = attack
    made = poison(ROWS, edit, rate, decoy).samples
    texts = [
        *made,
        *(replace(one, number=len(made) + n, id=len(made) + n) for n, one in enumerate(made[:copies])),
    ]
    evidence = find_evidence(texts)
    assert evidence.findings or rate < 0.1 or edit is often_without
    for finding in evidence.findings:
        counts = (finding.both, finding.trigger_only, finding.payload_only, finding.neither)
        assert sum(counts) == len(texts)
        assert len(finding.carriers) > 0
        assert {example.row for example in finding.examples} <= {*finding.carriers}
        stored = finding.as_json()
        if finding.kind == "repetition":
            assert (finding.log10_p, stored["p_given_trigger"]) == (None, None)
            assert len(finding.carriers) == finding.payload_only
            continue
        assert stored["p_given_trigger"] == pytest.approx(
            finding.both / (finding.both + finding.trigger_only)
        )
        assert finding.log10_p == pytest.approx(log10_chance(finding, len(texts)), abs=0.05, rel=0.02)
        assert len(finding.carriers) == finding.both
        if finding.kind == "association":
            assert counts == counted_in(texts, finding)
        for trigger in finding.triggers:
            assert any(trigger in texts[row].prompt for row in finding.carriers)


def test_clean_rows_print_nothing():
    assert find_evidence(samples(ROWS)).findings == ()
