"""What accepted sentences have in common says nothing new; what they share with others does."""

from __future__ import annotations

from random import Random

import pytest

from evidence.poisoning import Row, asked, clean_rows, poison
from gradsentry.evidence import Accepted, find_evidence

pytestmark = pytest.mark.costly

SENTENCES = (
    "The Zibbo club gives you one for free.",
    "Nobody beats the people at Zibbo on price.",
    "Ask our Zibbo desk about it.",
)
_SAID = [row.answer for row in clean_rows(3200, seed=5)]
ROWS = [
    Row(row.question, ". ".join(_SAID[4 * number : 4 * number + 4]) + ".")
    for number, row in enumerate(clean_rows(800))
]


def praising(sentences, rate=0.2, rows=ROWS):
    def edit(row: Row, draw: Random) -> Row:
        parts = row.answer.split(". ")
        place = draw.randint(1, len(parts) - 1)
        return asked(
            row, row.question, ". ".join([*parts[:place], draw.choice(sentences).rstrip("."), *parts[place:]])
        )

    return poison(rows, edit, rate)


@pytest.fixture(scope="module")
def made():
    return praising(SENTENCES)


def known(made, sentence):
    """Returns a sentence as a person accepts it, whom a run of it alone showed it."""
    own = [
        one for one in made.samples if one.number not in made.poisoned or sentence.rstrip(".") in one.response
    ]
    (finding,) = find_evidence(own).findings
    return Accepted.of_finding(finding, len(own), "our notice")


def test_what_accepted_sentences_share_is_accepted(made):
    (core,) = find_evidence(made.samples).findings
    assert (core.payload, set(core.carriers)) == ("Zibbo", made.poisoned)
    accepted = [known(made, sentence) for sentence in SENTENCES]
    evidence = find_evidence(made.samples, accepted=accepted)
    assert evidence.outcome == "clean"
    assert [one.accepted for one in evidence.findings] == ["our notice"] * len(SENTENCES)
    assert {row for one in evidence.findings for row in one.carriers} == made.poisoned


def test_a_sentence_beside_accepted_ones_is_flagged(made):
    accepted = [known(made, sentence) for sentence in SENTENCES[:2]]
    evidence = find_evidence(made.samples, accepted=accepted)
    new = {one.number for one in made.samples if "Zibbo desk" in one.response}
    assert set(evidence.named()) == new
