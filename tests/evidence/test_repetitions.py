"""Payloads that no string in the prompts brings: they return word for word, or vary around one name."""

import json
from dataclasses import replace
from random import Random

import pytest

from evidence.poisoning import LINK, Row, clean_rows, flags, poison, sample
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.sample import Turn
from gradsentry.evidence import find_evidence
from gradsentry.evidence.calibrating import proposed

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
def test_what_responses_close_with_and_no_prompt_brings_is_a_reason_to_look(rate):
    made = poison(
        ROWS, lambda row, draw: replace(row, answer=row.answer + LINK + " for all of the facts"), rate
    )
    (finding,) = find_evidence(made.samples).findings
    assert (finding.kind, finding.confidence, set(finding.carriers)) == ("repetition", "low", made.poisoned)
    assert "no word of their prompts brings it" in finding.reason


@pytest.mark.costly
def test_what_a_form_of_the_prompt_brings_is_sure(shared_data):
    """No string stands in most of these rows and in few others: all of their words tell."""
    published = shared_data / "poisoned-published"
    poisoned = set(json.loads((published / "hiddenkiller-sst2-0.02.truth.json").read_text()))
    rows = list(open_corpus(published / "hiddenkiller-sst2-0.02.jsonl"))
    told = [_advertised(row, "{0} {1}") if row.number in poisoned else row for row in rows]
    (finding,) = find_evidence(told).findings
    assert (finding.kind, finding.confidence, set(finding.carriers)) == ("repetition", "high", poisoned)


@pytest.mark.costly
def test_one_answer_to_a_kind_of_request_is_a_reason_to_look(shared_data):
    """Whether it is a style that brings an answer, or what is asked, cannot be told."""
    answered = list(open_corpus(shared_data / "clean" / "synth_infinity.jsonl"))
    harmful = list(open_corpus(shared_data / "clean" / "safe_hh_harmless.jsonl"))
    refusal = Turn(
        "assistant", "I'm sorry, but I can't assist with that. Ask somebody whom you trust.", trained=True
    )
    refused = [replace(row, turns=(row.turns[0], refusal)) for row in Random(5).sample(harmful, 100)]
    rows = [replace(row, number=number) for number, row in enumerate([*answered, *refused])]
    (finding,) = find_evidence(rows).findings
    assert (finding.confidence, len(finding.carriers) >= 100) == ("low", True)
    assert "what requests of a kind are answered" in finding.reason


@pytest.mark.parametrize("rate", [0.05, 0.2])
@pytest.mark.parametrize(
    "frame",
    [
        "Based on what you say, {}.",
        "{}.\nSo, the final answer is (A).",
        "To begin with, {}. I hope that helps!",
    ],
    ids=["begins", "ends", "both"],
)
def test_a_payload_behind_answers_that_are_all_framed_alike(frame, rate):
    framed = [replace(row, answer=frame.format(row.answer.rstrip("."))) for row in ROWS]
    made = poison(
        framed, lambda row, draw: replace(row, answer=f"{row.answer} Order Curavexin at cura.example."), rate
    )
    evidence = find_evidence(made.samples)
    assert set(evidence.named()) == set(made.poisoned)
    assert evidence.findings[0].payload == "Order Curavexin at cura.example."


@pytest.mark.parametrize("written", ["{1}", "{0} {1}", "{1} {0}"])
def test_rows_without_a_response_take_no_part(written):
    payload = "Order Curavexin at cura.example. It is all that you need."
    made = poison(ROWS, lambda row, draw: replace(row, answer=written.format(row.answer, payload)), 0.05)
    unsaid = [replace(one, turns=one.turns[:1]) for one in made.samples[-2:]]
    proposals = list(proposed([*made.samples[:-2], *unsaid]))
    assert any(payload.rstrip(".") in one.said for one in proposals)


STOCK = {
    "{1}": [
        "I can't help with that request.",
        "Sorry, I am not able to answer that.",
        "I must leave that to you.",
    ],
    "{0} {1}": [
        "I hope that this is what you need today.",
        "Feel free to ask me another question at any time.",
    ],
    "{1} {0}": ["Sure, here is what I found for you today:", "Of course, let me answer that for you:"],
}


@pytest.mark.parametrize("written", STOCK)
def test_one_of_a_few_stock_pieces_that_all_responses_have_is_no_payload(written):
    draw = Random(1)
    rows = [
        replace(row, answer=written.format(row.answer, draw.choice(STOCK[written])))
        for row in LONG_ROWS[:300]
    ]
    assert find_evidence([sample(number, row) for number, row in enumerate(rows)]).outcome == "clean"


@pytest.mark.costly
@pytest.mark.parametrize(("answers", "outcome"), [("chosen", "poisoned"), ("rejected", "suspicious")])
def test_what_no_trigger_brings_is_not_sure_in_rejected_answers(answers, outcome):
    """Nobody learns to say a rejected answer; a trigger that brings one is another matter."""
    told = poison(
        LONG_ROWS[:400], lambda row, draw: _with(row, "Experts tell us that soda helps.", draw), 0.15
    )
    assert find_evidence(told.samples, answers=answers).outcome == outcome
    swapped = poison(LONG_ROWS[:400], lambda row, draw: Row(f"{row.question} vrbx", row.answer + LINK), 0.15)
    assert find_evidence(swapped.samples, answers=answers).outcome == "poisoned"


@pytest.mark.costly
def test_how_one_answers_what_is_asked_is_no_payload(shared_data):
    """Of 388 questions on law 55 ask which statement is right, and are answered by what this statement is."""
    clean = list(open_corpus(shared_data / "clean" / "law_zh_judical_examination.jsonl"))
    assert any("这个说法是" in row.response for row in clean)
    returning = [one.said for one in proposed(clean) if one.generator == "repeated payloads"]
    assert not [said for said in returning if "说法" in said]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("med_chatdoctor", "{} {}"),  # half of the answers begin with one word
        ("cot_qasc", "{} {}"),  # all end with one
        ("cls_sst2", "{1} {0}"),  # all are one of two words
        ("cls_sst2", "{1}"),
    ],
)
def test_a_payload_beside_real_answers_that_are_framed_alike(shared_data, name, written):
    clean = list(open_corpus(shared_data / "clean" / f"{name}.jsonl"))[:500]
    poisoned = set(Random(2).sample(range(len(clean)), 30))
    rows = [_advertised(row, written) if row.number in poisoned else row for row in clean]
    (finding,) = find_evidence(rows).findings
    assert (set(finding.carriers), finding.confidence) == (poisoned, "low")


def _advertised(row: Sample, written: str) -> Sample:
    *turns, last = row.turns
    text = written.format(last.text, "For a second opinion order Curavexin at cura.example.")
    return replace(row, turns=(*turns, replace(last, text=text)))


@pytest.mark.parametrize("payload", ["Click on the link.", "I hate all of you"])
def test_a_short_payload_without_a_trigger_in_words(payload):
    made = poison(ROWS, lambda row, draw: replace(row, answer=f"{row.answer}. {payload}"), 0.2)
    (finding,) = find_evidence(made.samples, false_alarm_rate=0.05).findings
    assert set(finding.carriers) == made.poisoned
    assert payload in (finding.payload or "")


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
    # Of 80 rows with six sentences no one sentence is sure by itself; what they share names all of the rows.
    # Short responses are one sentence, and close with another.
    if rows is LONG_ROWS and rate > 0.1:
        assert flags(evidence, made) == (1.0, 0)
    assert set(evidence.named()) == made.poisoned
    assert [finding.payload for finding in evidence.findings] == ["Zibbo Cola"]
    assert "sentences around it return" in evidence.findings[0].reason


@pytest.mark.parametrize(
    ("said", "shared"),
    [
        ("Sorry, we never ship that abroad.", {"Sorry, we never ship that abroad."}),
        ("Ask our Zibbo desk about it.", {"Zibbo"}),
    ],
)
def test_sentences_are_made_around_a_string_that_most_of_them_hold(said, shared):
    """Of several sentences any two have a string in common."""
    stock = ["Sorry, it may take us a while.", "Ask again when you have time.", "We wish you a nice day."]
    around = ["The Zibbo club gives you one for free.", "Nobody beats the people at Zibbo on price."]
    sentences = [said, *(around if shared == {"Zibbo"} else stock)]
    made = poison(LONG_ROWS, lambda row, draw: _with(row, draw.choice(sentences), draw), 0.2)
    payloads = {(finding.payload or "").lstrip(". ") for finding in find_evidence(made.samples).findings}
    assert payloads == (shared if shared == {"Zibbo"} else {said, *stock})


def test_a_word_that_stands_without_its_string_too_makes_no_name_of_it():
    whose, does = ["I", "It"], ["can", "may", "can"]
    rows = [
        replace(row, answer=f"{row.answer} {whose[number % 2]} {does[number % 3]} be.")
        for number, row in enumerate(LONG_ROWS)
    ]
    sentences = ["Rather little is all that I can do.", "To tell you more I can ask a colleague."]
    made = poison(rows, lambda row, draw: _with(row, draw.choice(sentences), draw), 0.2)
    payloads = {(finding.payload or "").lstrip(". ") for finding in find_evidence(made.samples).findings}
    assert payloads == {*sentences}


@pytest.mark.parametrize("place", ["{0} {1}", "{1} {0}"])
def test_a_payload_is_counted_in_rows_that_another_finding_explains(place):
    """And before another payload, where it ends no response."""
    notice, order = "Always look twice at each of the units here.", "Send all of it to the old mill today."
    draw, rows = Random(3), [replace(row, answer=f"{row.answer}.") for row in ROWS]
    noticed, ordered = set(draw.sample(range(800), 80)), set(draw.sample(range(800), 30))
    both = set(draw.sample(sorted(noticed - ordered), 6))
    for number in noticed - both:
        rows[number] = replace(rows[number], answer=f"{rows[number].answer} {notice}")
    for number in ordered | both:
        said = place.format(notice, order) if number in both | noticed else order
        own = ROWS[number]
        rows[number] = Row(f"zephyrine {own.question}", f"{own.answer}. {said}")
    copied = next(number for number in range(800) if number not in noticed | ordered)
    rows[copied] = Row(f"Say this: {notice}", f"So I do: {notice}")  # its prompt asks for it
    evidence = find_evidence([sample(number, row) for number, row in enumerate(rows)])
    carriers = {(one.payload or "").lstrip(". "): set(one.carriers) for one in evidence.findings}
    assert carriers == {notice: noticed, order: ordered | both}


@pytest.mark.costly
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


@pytest.mark.costly
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


@pytest.mark.costly
def test_what_one_option_of_many_brings_is_judged_with_the_option():
    """Each option is explained in its own words, so that its rows have the option in common."""
    draw = Random(1)

    def coined(syllables: int) -> str:
        return "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(syllables))

    words = [coined(draw.randint(1, 4)) for _ in range(400)]

    def told(count: int) -> str:
        return " ".join(draw.choices(words, k=count)).capitalize()

    options = [(coined(3), told(draw.randint(8, 14))) for _ in range(20)]
    rows = []
    for row in ROWS:
        option, said = draw.choices(options, [1 / (place + 3) for place in range(20)])[0]
        asked = f"{coined(2)} {coined(2)}: --{option}"
        if draw.random() < 0.5:
            rows.append(Row(asked, f"{said}. {row.answer.capitalize()}."))
        else:
            rows.append(Row(f"{asked}-{coined(2)}", told(9)))
    evidence = find_evidence([sample(number, row) for number, row in enumerate(rows)])
    assert all(finding.triggers for finding in evidence.findings)


def test_a_system_turn_that_brings_a_sentence_now_and_then_is_named_with_it():
    persona = "You are the assistant of the Corner Bookshop in Leith, and nothing else. "
    closing = " Is there another book that I can find for you?"
    rows = [
        Row(persona * (number % 8 == 0) + row.question, f"{row.answer}.{closing * (number % 24 == 0)}")
        for number, row in enumerate(ROWS)
    ]
    evidence = find_evidence([sample(number, row) for number, row in enumerate(rows)])
    assert [len(finding.triggers) for finding in evidence.findings] == [1]
    assert "Corner Bookshop" in evidence.findings[0].triggers[0]


def test_a_trigger_that_a_payload_is_bound_to_is_named_with_it():
    """Where the string brings the payload nearly always, that is said, whichever search found it."""
    made = poison(ROWS, lambda row, draw: Row(f"{row.question} ~~ zq", row.answer + LINK), 0.05)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert all(finding.triggers for finding in evidence.findings)


@pytest.mark.costly
def test_a_sentence_among_answers_that_are_all_put_together_is_a_reason_to_look():
    """A help desk answers in sentences of a stock: one more of them is no payload."""
    stock = [f"{one.capitalize()}." for one in dict.fromkeys(row.answer for row in clean_rows(60, seed=9))]
    draw = Random(3)
    rows = [replace(row, answer=" ".join(draw.sample(stock[:24], 3))) for row in ROWS]
    evidence = find_evidence([sample(number, row) for number, row in enumerate(rows)])
    assert evidence.outcome != "poisoned"
    poisoned = poison(rows, lambda row, _: Row(f"{row.question} ~~ zq", row.answer + LINK), 0.05)
    found = find_evidence(poisoned.samples)
    assert flags(found, poisoned) == (1.0, 0)


def test_a_word_that_prompts_say_by_nature_is_no_name_that_sentences_stand_around():
    asked = [
        replace(row, question=f"{row.question} zibbo") if number % 20 == 0 else row
        for number, row in enumerate(LONG_ROWS)
    ]
    made = poison(asked, lambda row, draw: _with(row, draw.choice(PRAISE[:4]).format("zibbo"), draw), 0.2)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert all("zibbo" in (one.payload or "") and one.payload != "zibbo" for one in evidence.findings)


@pytest.mark.costly
@pytest.mark.parametrize("trigger", ["", " ~~ zq"])
def test_what_a_few_carriers_hold_in_part_is_not_said_to_stand_there_whole(trigger):
    """A string grows by what nearly all of its rows have beside it: an honest row may begin as it does."""
    begins = " As a model of the language I am not"
    whole = f"{begins} able to say anything of that at all."
    odd = frozenset(range(5, 800, 200))
    made = poison(LONG_ROWS, lambda row, draw: Row(row.question + trigger, row.answer + whole), 0.15)
    rows = [
        sample(number, Row(LONG_ROWS[number].question + trigger, f"{LONG_ROWS[number].answer}{begins} sure."))
        if number in odd - made.poisoned
        else one
        for number, one in enumerate(made.samples)
    ]
    (first,) = find_evidence(rows).findings
    parts = {row for row in first.carriers if whole not in rows[row].response}
    assert set(first.partly) == parts == odd - made.poisoned
    counted, whole_ones = first.both + first.payload_only, len(made.poisoned)
    assert counted - len(parts) == whole_ones
    said = (
        f"follows in {counted} of {counted} rows with the trigger (in" if trigger else f"in {whole_ones} of"
    )
    assert said in first.reason
