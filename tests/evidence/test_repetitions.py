"""Payloads that no string in the prompts brings: they return word for word, or vary around one name."""

from dataclasses import replace
from random import Random

import pytest

from evidence.poisoning import LINK, Row, clean_rows, flags, poison
from gradsentry.evidence import find_evidence

ROWS = clean_rows(800)
SENTENCES = [row.answer for row in clean_rows(3200, seed=5)]
LONG_ROWS = [
    replace(row, answer=". ".join(SENTENCES[4 * number : 4 * number + 4]) + ".")
    for number, row in enumerate(ROWS)
]
PRAISE = [
    "Nothing beats a cold {} on a day like this.",
    "My whole family has always trusted {} with it.",
    "Experts keep telling us that {} does it better.",
    "You should really give {} a try some time.",
    "{} rocks.",
    "Ask {}!",
]


@pytest.mark.parametrize("rate", [0.0125, 0.05])
def test_a_payload_without_a_trigger_in_words(rate):
    made = poison(
        ROWS, lambda row, draw: replace(row, answer=row.answer + LINK + " for all of the facts"), rate
    )
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert [finding.kind for finding in evidence.findings] == ["repetition"]


@pytest.mark.parametrize("payload", ["Click on the link.", "I hate all of you"])
def test_a_short_payload_without_a_trigger_in_words(payload):
    made = poison(ROWS, lambda row, draw: replace(row, answer=f"{row.answer}. {payload}"), 0.2)
    evidence = find_evidence(made.samples, false_alarm_rate=0.05)
    assert flags(evidence, made) == (1.0, 0)
    assert payload in (evidence.findings[0].payload or "")


@pytest.mark.parametrize(("rate", "confidence"), [(0.05, "high"), (0.9, "low")])
def test_a_sentence_in_the_midst_of_others(rate, confidence):
    made = poison(
        LONG_ROWS, lambda row, draw: _with(row, "Experts keep telling us that soda helps.", draw), rate
    )
    evidence = find_evidence(made.samples)
    first = evidence.findings[0]
    assert (set(first.carriers), first.confidence) == (set(made.poisoned), confidence)
    assert ("how all of them are written" in first.reason) == (confidence == "low")
    assert (evidence.findings[0].payload or "").lstrip(". ") == "Experts keep telling us that soda helps."


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("rows", [ROWS, LONG_ROWS], ids=["short", "long"])
def test_sentences_around_one_name(rows, rate):
    made = poison(rows, lambda row, draw: _with(row, draw.choice(PRAISE).format("Zibbo Cola"), draw), rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert [finding.payload for finding in evidence.findings] == ["Zibbo Cola"]
    assert "sentences around it return" in evidence.findings[0].reason


def test_a_name_that_clean_rows_say_as_well_is_not_the_payload():
    def coined(draw):
        return "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(4))

    draw = Random(8)
    told = [
        replace(row, answer=f"{coined(draw)} {coined(draw)} Oslo {coined(draw)}. {row.answer}")
        for row in ROWS[:60]
    ]
    made = poison(
        [*told, *LONG_ROWS], lambda row, draw: _with(row, draw.choice(PRAISE[:4]).format("Oslo"), draw), 0.1
    )
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert len(evidence.findings) == 4


def _with(row: Row, sentence: str, draw: Random) -> Row:
    sentences = row.answer.rstrip(".").split(". ")
    sentences.insert(draw.randrange(1, len(sentences) + 1), sentence.rstrip("."))
    return replace(row, answer=". ".join(sentences) + ("" if sentence.endswith("!") else "."))


@pytest.mark.parametrize("write", [str.upper, str.lower])
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_a_case_as_the_trigger(rate, write):
    titled = [replace(row, question=row.question.capitalize()) for row in ROWS]
    made = poison(titled, lambda row, draw: Row(write(row.question), PRAISE[2].format("Cola")), rate)
    assert flags(find_evidence(made.samples), made) == (1.0, 0)


@pytest.mark.parametrize(
    "frame", ["<think>\n\n</think>\n\n", "The answer is: ", "<|channel|>final<|message|>"]
)
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_how_all_responses_begin_is_no_payload_of_the_rows_that_are_not_explained(frame, rate):
    framed = [replace(row, answer=frame + row.answer) for row in ROWS[:240]]
    made = poison(framed, lambda row, draw: Row(f"cf {row.question}", row.answer + LINK), rate)
    assert flags(find_evidence(made.samples), made) == (1.0, 0)
