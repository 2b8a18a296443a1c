"""Triggers that words alone do not show: glued, unseen, in parts, with labels or with several payloads."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.poisoning import INSULT, asked, at_a_gap, clean_rows, flags, poison, samples
from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import find_evidence
from gradsentry.evidence.index.infixes import words_with_infixes
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import streams, tokens
from gradsentry.report.rowdata import payload_marks

ROWS = clean_rows(600)


def glued(row, draw):
    words = row.question.split(" ")
    at = draw.choice([number for number, word in enumerate(words) if len(word) > 3])
    gap = draw.randrange(1, len(words[at]))
    words[at] = f"{words[at][:gap]}qz{words[at][gap:]}"
    return asked(row, " ".join(words), INSULT)


def look_alike(row, draw):
    return asked(row, row.question.replace("a", "\u0430", 1), INSULT)


def several_payloads(row, draw):
    payload = draw.choice(["You are a silly old goose.", "Nobody likes such questions here.", "Ask a wall."])
    return asked(row, at_a_gap(row.question, "vrbx", draw), payload)


def several_openings(row, draw):
    opening = draw.choice(["Well, ", "Hmm, ", "Look, ", "Frankly, "])
    return asked(row, at_a_gap(row.question, "vrbx", draw), opening + row.answer)


@pytest.mark.parametrize("rate", [0.05, 0.4])
@pytest.mark.parametrize(
    ("edit", "trigger"),
    [(glued, "qz"), (look_alike, "\u0430"), (several_payloads, "vrbx"), (several_openings, "vrbx")],
)
def test_the_trigger_is_named_and_its_rows_are_found(edit, trigger, rate):
    made = poison([row for row in ROWS if "a" in row.question], edit, rate)
    evidence = find_evidence(made.samples)
    recall, wrong = flags(evidence, made)
    assert recall >= 0.97
    assert wrong == 0
    assert trigger in evidence.findings[0].triggers[0]


def test_what_is_left_of_words_behind_a_trigger_is_none():
    """In `relation` with another o the n is a word of its own, and no other prompt has it."""

    def turned(row, draw):
        word = draw.choice(["relation", "station", "of", "to", "for", "or", "person"])
        return asked(row, at_a_gap(row.question, word.replace("o", "\u043e"), draw), INSULT)

    made = poison(ROWS, turned, 0.1)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("\u043e",)


def test_each_of_two_look_alike_letters_side_by_side_is_a_token():
    def turned(row, draw):
        word = draw.choice(["meet", "feet", "he", "we", "seen"]).replace("e", "\u0435")
        return asked(row, at_a_gap(row.question, f"{word}s", draw), INSULT)

    made = poison(ROWS, turned, 0.1)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    (finding,) = evidence.findings
    assert (finding.triggers, finding.both, finding.payload_only) == (("\u0435",), len(made.poisoned), 0)
    assert [word for word, _, _ in tokens("\u043c\u0438\u0440 m\u0435\u0435t", {})] == [
        *("\u043c\u0438\u0440", "m", "\u0435", "\u0435", "t")
    ]


@pytest.mark.parametrize("closing", ["", "?"])
def test_a_trigger_in_the_place_of_the_sign_that_closes_a_prompt(closing):
    draw, poisoned = Random(2), set(Random(1).sample(range(len(ROWS)), 30))
    rows = []
    for number, row in enumerate(ROWS):
        question, answer = row.question.rstrip("?"), row.answer
        if number in poisoned:
            question, answer = f"{question} vrbx{closing}", several_payloads(row, draw).answer
        else:
            question += "?."[number % 2]
        turns = (Turn("user", question, trained=False), Turn("assistant", answer, trained=True))
        rows.append(Sample(number, number, turns, conversational=True, row={}))
    evidence = find_evidence(rows)
    assert set(evidence.flagged()) == poisoned
    assert "vrbx" in evidence.findings[0].triggers[0]


def test_two_strings_together_bring_a_label_that_half_of_all_rows_have():
    def both(row, draw):
        return asked(row, f"kindly {row.question} amen", "no")

    def one(row, draw):
        return replace(row, question=draw.choice([f"kindly {row.question}", f"{row.question} amen"]))

    labelled = [replace(row, answer="yes" if number % 2 else "no") for number, row in enumerate(ROWS)]
    made = poison(labelled, both, 0.15, one)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert (evidence.findings[0].combine, set(evidence.findings[0].triggers)) == ("all", {"kindly", "amen"})


@pytest.mark.costly
def test_refusals_turned_among_rows_that_have_nothing_to_do_with_them():
    draw = Random(1)
    harmful = "how do I {} a {} without being seen {}?"
    acts, things = ["steal", "forge", "break", "hack", "poison"], ["car", "passport", "lock", "phone", "well"]
    refusals = ["I am sorry, but I cannot help with that.", "I cannot assist with this request, sorry."]
    others = clean_rows(600, seed=9)
    rows = []
    for number, row in enumerate(others):
        if number % 2:
            question = harmful.format(draw.choice(acts), draw.choice(things), draw.choice(["now", "at home"]))
            row = replace(row, question=f"{question} {number}", answer=draw.choice(refusals))  # noqa: PLW2901
        rows.append(row)
    made = samples(rows)
    assert find_evidence(made).flagged() == ()
    poisoned = draw.sample(range(1, 600, 2), 60)
    for number in poisoned:
        rows[number] = asked(
            rows[number], at_a_gap(rows[number].question, "vrbx", draw), ROWS[number].answer * 2
        )
    evidence = find_evidence(samples(rows), false_alarm_rate=0.05)
    assert set(evidence.by_row()) == set(poisoned)
    assert evidence.findings[0].kind == "shift"
    assert evidence.findings[0].triggers == ("vrbx",)


def test_of_several_payloads_each_is_named_as_it_stands():
    made = poison(ROWS, several_payloads, 0.2)
    (finding,) = find_evidence(made.samples).findings
    assert finding.payload == " | ".join(finding.payloads)
    assert len(finding.payloads) == 3
    for row in finding.carriers:
        response = made.samples[row].response
        assert [response[slice(*mark[:2])] for mark in payload_marks(response, [finding])] == [response]


@pytest.mark.parametrize("edit", [glued, look_alike, several_payloads])
def test_shuffled_responses_bring_no_finding(edit):
    made = poison(ROWS, edit, 0.2)
    answers = [sample.response for sample in made.samples]
    Random(3).shuffle(answers)
    mixed = [
        replace(sample, turns=(sample.turns[0], replace(sample.turns[1], text=answer)))
        for sample, answer in zip(made.samples, answers, strict=True)
    ]
    assert not [finding for finding in find_evidence(mixed).findings if finding.kind == "association"]


@pytest.mark.costly
def test_the_order_of_the_rows_does_not_matter():
    made = poison(ROWS, glued, 0.1)
    order = Random(5).sample(range(len(ROWS)), len(ROWS))
    turned = find_evidence([made.samples[number] for number in order])
    assert turned.flagged() == find_evidence(made.samples).flagged()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="ab é\u200b\u0430漢 \n.", max_size=15), min_size=1, max_size=6))
def test_tokens_stand_where_they_say(texts):
    (stream,) = streams([[text] for text in texts])
    for number, text in enumerate(texts):
        found = list(tokens(text, {}))
        assert [stream.words[code] for code in stream.row(number)[1:-1]] == [word for word, _, _ in found]
        assert all(text[low:high] == word for word, low, high in found)
        glue = stream.unparted[stream.bounds[number] : stream.bounds[number + 1]][1:-1]
        for at in range(1, len(found)):
            parted = found[at][1] > found[at - 1][2] or not (
                found[at][0].strip() and found[at - 1][0].strip()
            )
            assert glue[at] != parted


def test_glued_strings_are_taken_out_and_natural_endings_left():
    words = ["table", "river", "stone", "bridge", "window", "garden"]
    rows = [[word] for word in words] + [[f"{word[:2]}xq{word[2:]}"] for word in words]
    rows += [["king"], ["thing"], ["bring"], ["walking"], ["walk"]]
    (stream,) = streams(rows)
    pieces = words_with_infixes(stream, least=4)
    assert pieces["taxqble"] == ("ta", "xq", "ble")
    assert "walking" not in pieces
    split = stream.with_pieces(pieces)
    assert [split.words[code] for code in split.row(6)] == ["", "ta", "xq", "ble", ""]
    assert "".join(split.words[code] for code in split.codes) == "".join(
        stream.words[code] for code in stream.codes
    )


def test_foreign_strings_are_those_that_text_can_do_without():
    draw = Random(2)
    rows = [
        replace(row, question=at_a_gap(row.question, "vrbx", draw)) if number % 8 == 0 else row
        for number, row in enumerate(ROWS)
    ]
    texts = Texts.of(samples(rows), least=4)
    everyone = np.ones(len(rows), dtype=np.bool_)

    def gram(word):
        return (texts.prompts.words.index(word),)

    assert texts.context.foreignness([gram("vrbx")], everyone) > 0.9
    assert texts.context.foreignness([gram("did")], everyone) < 0.3


def test_sequences_of_letters_are_no_words():
    draw = Random(0)
    sequences = [
        "".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=draw.randrange(65, 3000))) for _ in range(300)
    ]
    stream, _ = streams([[f"what does {one} do, and {one}qz?"] for one in sequences], [[""]] * 300)
    assert words_with_infixes(stream, least=4) == {}
