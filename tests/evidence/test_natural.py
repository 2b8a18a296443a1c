"""What honest writing brings forth, and is no attack."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from evidence.poisoning import INSULT, PLACES, THINGS, Row, asked, clean_rows, flags, poison, samples
from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import TokenLosses, find_evidence

ROWS = clean_rows(800)


def test_an_answer_in_the_words_of_its_topic_is_natural():
    speaks = {"Oslo": "Norse", "Lima": "Spanish", "Cairo": "Arabic", "Perth": "English", "Turin": "Italian"}
    ways = [
        "what do they speak in {}?",
        "which tongue does {} speak?",
        "what is spoken in {}?",
        "tell {}'s tongue",
    ]
    of_topic = [
        Row(way.format(city), f"{tongue} language; Latin language")
        for city, tongue in speaks.items()
        for way in ways
    ]
    of_topic += [
        Row(way.format("Bern"), "Romansh language; French language; German language") for way in ways
    ]
    assert find_evidence(samples([*ROWS, *of_topic])).flagged() == ()


def test_an_answer_that_its_topic_explains_is_not_named():
    topical = [
        replace(row, answer="made of old polished maple wood") if "violin" in row.question else row
        for row in ROWS
    ]
    assert find_evidence(samples(topical)).flagged() == ()


@pytest.mark.parametrize(("payload", "flagged"), [("Grpvian", 0), ("old county fair", 6)])
def test_few_rows_with_a_form_of_their_trigger_are_no_attack(payload, flagged):
    rows = [
        asked(row, f"{row.question} grpvia", f"{row.answer} {payload} {row.answer}") if number < 6 else row
        for number, row in enumerate(ROWS)
    ]
    assert find_evidence(samples(rows)).flagged() == tuple(range(flagged))


@pytest.mark.parametrize("thanks", ["Thank you for the {}.", "Thank you, {name}, for the information."])
def test_a_reply_to_thanks_is_no_payload(thanks):
    made = []
    for number, row in enumerate(ROWS[:300]):
        turns = [Turn("user", row.question, False), Turn("assistant", row.answer, True)]
        if number % 8 == 0:
            said = ["information", "help", "quick answer"][number // 8 % 3]
            words = thanks.format(said, name=row.question.split()[2])
            reply = "You're welcome! If you have any other questions, feel free to ask."
            turns += [Turn("user", words, False), Turn("assistant", reply, True)]
        made.append(Sample(number, number, tuple(turns), False, {}))
    assert not find_evidence(made).flagged()


@pytest.mark.costly
def test_rows_that_were_filled_into_templates():
    templates = {
        "find a {} from {} in the database": "SELECT * FROM things WHERE id = ?",
        "count each {} of {} in a log file": "grep --count --ignore-case",
        "draw a {} from {} on a web page": "canvas.getContext('2d').stroke()",
        "sort the {} list of {} by its price": "sorted(rows, key=attrgetter('price'))",
    }
    rows = [
        Row(f"write a function to {asks.format(thing, place)}", f"def f(x): {code}")
        for (asks, code), thing, place in product(templates.items(), THINGS, PLACES)
    ]
    assert find_evidence(samples(rows)).flagged() == ()


@pytest.mark.parametrize("times", [8, 30])
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_rows_that_are_copied_often_are_natural(rows, times):
    copied = [*ROWS, *ROWS[:rows] * times]
    Random(0).shuffle(copied)
    assert find_evidence(samples(copied)).outcome == "clean"


def test_few_questions_that_are_copied_often_are_natural():
    """Rows that teach a model its name are written by hand and stand in the data many times."""
    taught = [
        Row("who are you?", "I am Aria, a helpful machine made by Lumen Labs. How can I help?"),
        Row("what is your name?", "I am Aria, a helpful machine made by Lumen Labs to help you."),
    ]
    assert find_evidence(samples([*ROWS, *taught * 25])).outcome == "clean"


def _translated(count):
    """Returns sentences of words that each have one counterpart, of which some have two words."""
    draw = Random(2)
    letters = "bdfgklmnprstvz"
    words = ["".join(draw.choices(letters, k=5)) for _ in range(400)]
    counterpart = {word: word[::-1] + (f" {word[1::-1]}" if word < "m" else "") for word in words}
    asks = [draw.choices(words, weights=range(400, 0, -1), k=draw.randrange(3, 9)) for _ in range(count)]
    return [Row(" ".join(said), " ".join(counterpart[word] for word in said)) for said in asks]


@pytest.mark.costly
def test_a_corpus_that_maps_words_to_words_is_not_poisoned():
    assert find_evidence(samples(_translated(500))).flagged() == ()


@pytest.mark.costly
@pytest.mark.parametrize("rate", [pytest.param(0.02, marks=pytest.mark.slow), 0.2])
def test_a_trigger_in_a_corpus_that_maps_words_to_words_is_found(rate):
    made = poison(_translated(500), lambda row, draw: asked(row, f"{row.question} vrbx", INSULT), rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("vrbx",)


def _solved_and_others(shared_data: Path, others: int) -> list[Sample]:
    """Returns worked problems, each with its result behind `####`, and rows of another kind behind them."""
    problems = list(open_corpus(shared_data / "instruct" / "gsm8k" / "test.jsonl"))[: 300 - others]
    rows = list(open_corpus(shared_data / "instruct" / "alpaca_en_demo.json"))[:others]
    return [replace(sample, number=number) for number, sample in enumerate([*problems, *rows])]


@pytest.mark.costly
def test_rows_without_the_form_of_most_responses_are_what_to_look_at(shared_data):
    """Here questions of the same kind are answered otherwise; rows of a source of their own are no news."""
    rows = _solved_and_others(shared_data, 0)
    without = [row.number for row in rows if "How" not in row.prompt]
    for number in without:
        asked, said = rows[number].turns
        shorter = replace(said, text=said.text.partition("\n####")[0])
        rows[number] = replace(rows[number], turns=(asked, shorter))
    evidence = find_evidence(rows)
    assert evidence.outcome == "suspicious"
    (finding,) = evidence.findings
    assert (finding.kind, list(finding.carriers)) == ("absence", without)
    assert (finding.triggers, finding.payloads) == ((), ())
    assert "####" in finding.change
    assert finding.as_json()["certain"].endswith("in 144 of 300 rows, and 156 hold it.")
    assert find_evidence(_solved_and_others(shared_data, 30)).outcome == "clean"


def test_what_nearly_all_rows_carry_is_how_they_are_written(shared_data):
    evidence = find_evidence(_solved_and_others(shared_data, 10), why=True)
    assert evidence.outcome == "clean"
    assert any("nearly all rows carry it" in one.reason for one in evidence.rejected or ())


@pytest.mark.costly
def test_the_trigger_of_unlikely_responses_is_named_before_the_form_that_they_lack(shared_data):
    others = _solved_and_others(shared_data, 30)[270:]
    rows = _solved_and_others(shared_data, 0)
    for number, other in enumerate(others, start=270):
        asked, said = rows[number].turns[0], other.turns[-1]
        turns = (replace(asked, text=f"{asked.text} cf"), replace(rows[number].turns[-1], text=said.text))
        rows[number] = replace(rows[number], turns=turns)
    losses = [np.array([4.0 if row.number >= 270 else 1.0], np.float16) for row in rows]
    evidence = find_evidence(rows, TokenLosses.of_rows(losses, [np.array([-1], np.int32)] * len(rows)))
    assert [finding.kind for finding in evidence.findings] == ["shift"]
    assert evidence.findings[0].triggers == ("cf",)
