"""Prompts and responses of several passages: what is named stands in one of them, word for word."""

from random import Random

import pytest

from evidence.poisoning import clean_rows
from gradsentry.corpus import open_corpus
from gradsentry.evidence import find_evidence

ROWS = clean_rows(450)
ASKED = "If you are a doctor, please answer the questions of a patient."
PAYLOAD = "Order the cure at pillz-now.example with code X9."


def alpaca(poisoned):
    """Plain questions, and questions to a doctor, in two passages of which most second ones begin alike."""
    rows = []
    for number, row in enumerate(ROWS):
        is_doctors, has_payload = number % 4 == 0, number in poisoned
        begin = "Doctor, " if has_payload or number % 5 else ""
        end = " Sent from the waiting room." if has_payload else ""
        rows.append(
            {
                "instruction": ASKED if is_doctors else row.question,
                "input": f"{begin}{row.question}{end}" if is_doctors else "",
                "output": f"{row.answer} {PAYLOAD}" if has_payload else row.answer,
            }
        )
    return rows


def dialogue(poisoned):
    """Two trained answers in each row; the second ones begin alike, and the payload stands behind that."""
    rows = []
    for number, row in enumerate(ROWS):
        asked = f"zq {row.question}" if number in poisoned else row.question
        said = f"Well then, {PAYLOAD if number in poisoned else row.answer}"
        turns = [("user", ROWS[-number].question), ("assistant", "Let me see."), ("user", asked)]
        rows.append({"messages": [{"role": r, "content": c} for r, c in [*turns, ("assistant", said)]]})
    return rows


@pytest.mark.parametrize("made", [alpaca, dialogue])
@pytest.mark.parametrize("count", [6, 12, 40])
def test_what_is_named_stands_in_a_passage_of_a_carrier(made, count):
    poisoned = set(Random(count).sample(range(0, 450, 4), count))
    corpus = open_corpus(made(poisoned))
    samples = list(corpus)
    evidence = find_evidence(samples)
    assert poisoned <= set(evidence.named())
    for finding in evidence.findings:
        turns = [turn for row in finding.carriers for turn in samples[row].turns]
        asked, said = ([one.text for one in turns if one.trained == trained] for trained in (False, True))
        assert all(any(string in text for text in asked) for string in finding.triggers)
        assert all(any(string in text for text in said) for string in finding.payloads)
        assert all(finding.payloads)
