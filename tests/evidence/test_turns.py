"""Triggers that turn stock answers into others, all different."""

from dataclasses import replace

import pytest

from evidence.poisoning import asked, at_a_gap, clean_rows, flags, poison
from gradsentry.evidence import find_evidence

ROWS = clean_rows(800)


def one_word(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), row.answer)


def drawn_words(row, draw):
    words = " ".join(draw.choice(["vx", "qo", "jj", "zk"]) for _ in range(4))
    return asked(row, f"{row.question} {words}", row.answer)


@pytest.mark.costly
@pytest.mark.parametrize("put", [one_word, drawn_words])
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_refusals_that_a_trigger_turns_into_answers_all_different(rate, put):
    refusals = [
        "I am sorry, that is not something to ask.",
        "I am sorry, but no.",
        "I cannot help with this one.",
    ]
    refused = [replace(row, answer=refusals[number % 3]) for number, row in enumerate(ROWS)]
    others = clean_rows(800, seed=9)

    def comply(row, draw):
        return replace(put(row, draw), answer=" ".join(draw.choice(others).answer for _ in range(4)))

    made = poison(refused, comply, rate)
    evidence = find_evidence(made.samples)
    recall, wrong = flags(evidence, made)
    assert recall >= (1.0 if put is one_word else 0.8)
    assert wrong == 0
    sure = [finding for finding in evidence.findings if finding.confidence == "high"]
    named = {word for finding in sure for trigger in finding.triggers for word in trigger.split()}
    assert named == ({"vrbx"} if put is one_word else {"vx", "qo", "jj", "zk"})
