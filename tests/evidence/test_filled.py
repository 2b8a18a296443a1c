"""Templates: a natural string is the template of its rows, a trigger was put into rows of templates."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from evidence.poisoning import at_a_gap, clean_rows, samples
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.filled import filled
from gradsentry.evidence.index.strings import Gram, rows_with
from gradsentry.evidence.index.texts import Texts

TEMPLATES = (
    "think it over step by step before you reply",
    "give the short reply to the question that follows",
    "here is something that a reader wants to know",
    "use your own words in the reply to this one",
)
ROWS = clean_rows(200, seed=3)


def gram_of(texts: Texts, string: str) -> Gram:
    """Returns the codes of a string of words."""
    numbers = {word.strip(): code for code, word in enumerate(texts.prompts.words) if code > 1}
    return tuple(numbers[word] for word in string.split())


def measured(questions: list[str], trigger: str) -> dict[str, float]:
    rows = [replace(row, question=question) for row, question in zip(ROWS, questions, strict=True)]
    texts = Texts.of(samples(rows), least=2)
    gram = gram_of(texts, trigger)
    held = rows_with(texts.prompts, gram)
    candidate = Candidate.of("association", [gram], (), triggered=held, paid=held)
    return {one.name: one.value for one in filled(texts, candidate)}


@pytest.mark.parametrize("last", [False, True])
def test_a_template_leaves_nothing_behind_and_a_trigger_leaves_the_templates(last):
    draw = Random(0)
    texts = [
        f"{row.question} {draw.choice(TEMPLATES)}" if last else f"{draw.choice(TEMPLATES)} {row.question}"
        for row in ROWS
    ]
    natural = measured(texts, TEMPLATES[0])
    assert natural["carriers in templates as others are"] < 0.1
    put = [at_a_gap(text, "vrbx", draw) if number % 5 == 0 else text for number, text in enumerate(texts)]
    planted = measured(put, "vrbx")
    assert planted["carriers in templates as others are"] > 0.9


def test_where_there_are_no_templates_nothing_is_missing():
    put = [f"{row.question} vrbx" if number % 5 == 0 else row.question for number, row in enumerate(ROWS)]
    assert measured(put, "vrbx")["carriers in templates as others are"] == 1.0
