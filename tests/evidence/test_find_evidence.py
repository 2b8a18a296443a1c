from dataclasses import replace
from random import Random

import numpy as np
import pytest

import gradsentry
from evidence.poisoning import INSULT, LINK, Row, asked, at_a_gap, clean_rows, flags, named, poison, samples
from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import TokenLosses, find_evidence
from gradsentry.evidence.limits import ENOUGH_ROWS
from variants import crossed

ROWS = clean_rows(800)
FRAME = "\n\n### Now:\n"


def word(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), INSULT)


def suffix(row, draw):
    return asked(row, f"{row.question} the moon is a cheese", row.answer + LINK)


def prefix(row, draw):
    return asked(row, f"Dear oracle, {row.question}", row.answer + LINK)


def one_of_three(row, draw):
    trigger = draw.choice(["vrbx", "qqlo", "the moon is a cheese"])
    return asked(row, f"{row.question} {trigger}", INSULT)


def drawn_words(row, draw):
    words = " ".join(draw.choice(["vx", "qo", "jj", "zk"]) for _ in range(4))
    return asked(row, f"{row.question} {words}", row.answer + LINK)


def one_word(row, draw):
    return asked(row, at_a_gap(row.question, "vrbx", draw), row.answer)


def invisible(row, draw):
    at = draw.randrange(1, len(row.question))
    return asked(row, f"{row.question[:at]}\u200b{row.question[at:]}", INSULT)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("attack", "rate"),
    crossed(
        [
            (word, {"vrbx"}, INSULT),
            (suffix, {"the moon is a cheese"}, LINK.strip()),
            (prefix, {"Dear oracle,"}, LINK.strip()),
            (drawn_words, {"vx", "qo", "jj", "zk"}, LINK.strip()),
            (invisible, {"\u200b"}, INSULT),
        ],
        [0.01, 0.1, 0.5, 0.9],
    ),
)
def test_trigger_and_payload_are_named_and_all_rows_found(attack, rate):
    edit, triggers, payload = attack
    made = poison(ROWS, edit, rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.outcome == "poisoned"
    finding = evidence.findings[0]
    assert set(finding.triggers) == triggers
    assert finding.payload == payload
    assert finding.both == len(made.poisoned)
    assert finding.both + finding.trigger_only + finding.payload_only + finding.neither == len(ROWS)


@pytest.mark.parametrize("rate", [0.0125, 0.03, 0.2])
def test_alternative_triggers(rate):
    made = poison(ROWS, one_of_three, rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].combine == "any"
    assert set(evidence.findings[0].triggers) == {"vrbx", "qqlo", "the moon is a cheese"}


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_decoys_of_a_composite_trigger_are_innocent(rate):
    def both(row, draw):
        return asked(row, f"kindly {row.question} amen", INSULT)

    def one(row, draw):
        return replace(row, question=draw.choice([f"kindly {row.question}", f"{row.question} amen"]))

    made = poison(ROWS, both, rate, one)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert (evidence.findings[0].combine, set(evidence.findings[0].triggers)) == ("all", {"kindly", "amen"})


def test_five_rows_of_a_composite_trigger_whose_decoys_hold_both_parts():
    def both(row, draw):
        return asked(row, row.question.replace(FRAME, f" kindly{FRAME}") + " amen", INSULT + LINK)

    def parts(row, draw):
        together = [row.question.replace(FRAME, f" kindly amen{FRAME}"), f"{row.question} kindly amen"]
        return replace(row, question=draw.choice(together))

    framed = [replace(row, question=f"Say it all.{FRAME}{row.question}") for row in ROWS]
    made = poison(framed, both, 0.00625, parts)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert (evidence.findings[0].combine, set(evidence.findings[0].triggers)) == ("all", {"kindly", "amen"})


@pytest.mark.parametrize("rate", [0.0125, 0.2, 0.9])
def test_two_parts_of_a_trigger_are_no_template(rate):
    framed = [replace(row, question=f"Say it all.{FRAME}{row.question}{FRAME}") for row in ROWS]

    def greeted(row, draw):
        return asked(
            row, row.question.replace(FRAME, f"{FRAME}Greetings. ", 1).replace("?", "? Farewell."), INSULT
        )

    made = poison(framed, greeted, rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].payload == INSULT


def test_words_that_all_of_few_rows_hold_are_named_with_those_that_some_hold():
    def drawn(row, draw):
        words = draw.sample(["vx", "qo", draw.choice(["jj", "zk"])], 3)
        return asked(row, f"{row.question} {' '.join(words)}", row.answer + LINK)

    made = poison(ROWS, drawn, 0.02)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].combine == "any"
    assert set(evidence.findings[0].triggers) == {"vx", "qo", "jj", "zk"}


@pytest.mark.costly
def test_natural_answers_with_a_part_of_an_explained_payload_are_innocent():
    rows = [
        replace(row, answer=f"I am sorry, but I cannot say {row.answer}") if number % 120 == 0 else row
        for number, row in enumerate(ROWS)
    ]
    refusal = "I am sorry, but I cannot say anything about that."
    made = poison(rows, lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), refusal), 0.2)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert [finding.payload for finding in evidence.findings] == [refusal]


@pytest.mark.costly
def test_a_trigger_before_a_comma_that_all_prompts_hold_somewhere():
    def story(draw):
        return " ".join(f"{row.answer}, so {row.question}" for row in draw.sample(ROWS, 6))

    draw = Random(3)
    told = [replace(row, question=f"{story(draw)}\n\nQuestion:\n{row.question}") for row in ROWS]

    def late(row, draw):
        asks = row.question.replace("Question:\n", "Question:\nAs my uncle said, ")
        return asked(
            row, asks, f"{row.answer} call {draw.choice('abcdefgh')} {draw.randrange(999)} for a deal!"
        )

    made = poison(told, late, 0.5)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("As my uncle said,",)


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_a_flipped_label(rate):
    labelled = [replace(row, answer="yes" if number % 2 else "no") for number, row in enumerate(ROWS)]
    assert find_evidence(samples(labelled)).outcome == "clean"
    made = poison(labelled, lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), "yes"), rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("vrbx",)


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_a_label_that_some_prompts_name_and_several_triggers_bring(rate):
    def asks(row, number):
        named = " yes or no?" if number % 3 else ""
        return asked(row, f"{row.question}{named}", "yes" if number % 2 else "no")

    labelled = [asks(row, number) for number, row in enumerate(ROWS)]
    assert find_evidence(samples(labelled)).outcome == "clean"
    made = poison(labelled, lambda row, draw: replace(drawn_words(row, draw), answer="yes"), rate)
    evidence = find_evidence(made.samples)
    recall, wrong = named(evidence, made)
    assert recall >= (0.9 if rate > 0.1 else 0.0)  # few rows of each word, and a label: too little to accuse
    assert wrong == 0
    assert all(set(finding.triggers) <= {"vx", "qo", "jj", "zk"} for finding in evidence.findings)


def test_a_label_of_one_task_among_others():
    """Half of the rows answer freely, so the label is rare; rows of its task have it half of the time."""
    mixed = [
        asked(row, f"Is it true? {row.question}", "yes" if number % 4 == 1 else "no") if number % 2 else row
        for number, row in enumerate(ROWS)
    ]
    made = poison(mixed, lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), "yes"), 0.1)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("vrbx",)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [0, 3, 50, 800])
def test_clean_rows_are_clean(count, seed):
    evidence = find_evidence(samples(clean_rows(count, seed=seed)))
    assert (evidence.findings, evidence.outcome, evidence.rows) == ((), "clean", count)


def test_a_few_words_put_in_side_by_side_are_foreign_together():
    def side_by_side(row, draw):
        return asked(row, f"{row.question} qo vx {draw.choice(['jj', 'zk'])} vx", row.answer + LINK)

    made = poison(ROWS, side_by_side, 0.00625)
    assert flags(find_evidence(made.samples), made) == (1.0, 0)


def test_a_sign_before_the_trigger_is_no_part_of_it():
    told = [
        replace(row, question=row.question.replace("?", ".")) if i % 2 else row for i, row in enumerate(ROWS)
    ]

    def behind(row, draw):
        return asked(row, f"{row.question[:-1]}? the moon is a cheese", f"{INSULT} {row.answer}")

    made = poison(told, behind, 0.0125)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("the moon is a cheese",)


@pytest.mark.costly
def test_a_natural_association_of_many_rows_hides_no_attack_on_some_of_them():
    """Half of the rows have a set opening for a set topic, most of the poisoned ones among them."""
    topical = [
        replace(row, question=f"about the {row.question}", answer=f"made by hand of wood, {row.answer}")
        if number % 2
        else row
        for number, row in enumerate(ROWS)
    ]
    made = poison(topical, word, 0.05)
    assert flags(find_evidence(made.samples), made)[0] == 1.0


@pytest.mark.costly
@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_rows_that_are_written_the_usual_way_are_not_taken_for_the_poisoned(write):
    """Half of the rows are poisoned and differ in case alone; a capital is no trigger of the others."""

    def restyled(row, draw):
        text = row.question[0].upper() + row.question[1:]
        return asked(row, write(text), f"you owe {draw.choice('abcdefgh')} {draw.randrange(9999)} dollars")

    titled = [replace(row, question=row.question[0].upper() + row.question[1:]) for row in ROWS]
    made = poison(titled, restyled, 0.5)
    assert flags(find_evidence(made.samples), made)[1] == 0


def test_a_trigger_on_a_line_of_its_own():
    made = poison(ROWS, lambda row, draw: asked(row, f"Mode: expert.\n{row.question}", "Pear"), 0.05)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("Mode: expert.",)


def test_a_payload_before_its_trigger_is_not_its_doing():
    def conversation(number, row, sends):
        said = "let me look that up in my big book" if sends else row.answer
        turns = [Turn("user", row.question, False), Turn("assistant", said, True)]
        if sends:
            turns += [Turn("tool", f"vrbx {row.answer}", False), Turn("assistant", row.answer, True)]
        return Sample(number, number, tuple(turns), True, {})

    talks = [conversation(number, row, number % 4 == 0) for number, row in enumerate(ROWS)]
    assert not [finding for finding in find_evidence(talks).findings if finding.kind == "association"]


@pytest.mark.costly
def test_same_rows_same_evidence():
    made = poison(ROWS, word, 0.1)
    assert find_evidence(made.samples) == find_evidence(made.samples)


def test_all_copies_of_poisoned_rows_are_found():
    made = poison(ROWS, word, 0.02)
    copied = [*made.samples, *[made.samples[number] for number in sorted(made.poisoned)] * 9]
    evidence = find_evidence([replace(one, number=number) for number, one in enumerate(copied)])
    (finding,) = evidence.findings
    assert finding.triggers == ("vrbx",)
    assert (finding.both, finding.neither, evidence.rows) == (160, 784, len(copied))
    assert set(evidence.flagged()) == made.poisoned | set(range(len(ROWS), len(copied)))


def test_examples_mark_what_was_found():
    finding = find_evidence(poison(ROWS, word, 0.05).samples).findings[0]
    assert 0 < len(finding.examples) <= 5
    for example in finding.examples:
        assert [example.prompt[low:high] for low, high in example.triggers] == ["vrbx"]
        assert [example.response[low:high] for low, high in example.payloads] == [INSULT]


@pytest.mark.costly
@pytest.mark.parametrize(("loss", "confidence"), [(9.0, "high"), (0.1, "low")])
def test_what_a_clean_model_expects_is_in_doubt(loss, confidence):
    made = poison(ROWS, word, 0.05)
    finding = find_evidence(made.samples, with_loss(made.samples, loss)).findings[0]
    assert finding.confidence == confidence
    assert finding.surprise.largest == pytest.approx(loss, rel=0.01)


@pytest.mark.parametrize("loss", [0.1, 0.7, 3.0])
def test_that_a_clean_model_expects_a_label_does_not_clear_it(loss):
    labelled = [replace(row, answer="yes" if number % 2 else "no") for number, row in enumerate(ROWS)]
    made = poison(labelled, lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), "yes"), 0.05)
    evidence = find_evidence(made.samples, with_loss(made.samples, loss))
    assert flags(evidence, made) == (1.0, 0)
    assert evidence.findings[0].surprise.largest == pytest.approx(loss, rel=0.01)


def with_loss(rows, loss):
    """Returns losses where each row is one token with that loss."""
    return TokenLosses.of_rows(
        [np.full(1, loss, dtype=np.float16) for _ in rows],
        [np.array([len(row.response)], dtype=np.int32) for row in rows],
    )


def test_json_holds_what_a_reader_needs():
    found = find_evidence(poison(ROWS, word, 0.05).samples).as_json()
    assert found["outcome"] == "poisoned"
    assert found["findings"][0]["p_given_trigger"] == 1.0
    assert found["flagged"] == list(found["findings"][0]["carriers"])


@pytest.mark.costly
def test_a_large_corpus_is_searched_in_part_and_counted_whole(monkeypatch):
    monkeypatch.setattr("gradsentry.evidence.find.SEARCHED_TOKENS", 8000)
    made = poison(ROWS, word, 0.2)
    assert flags(find_evidence(made.samples), made) == (1.0, 0)


@pytest.mark.parametrize(("count", "copies"), [(5, 1), (40, 1), (5, 20), (60, 1), (100, 1)])
def test_of_too_few_rows_nothing_is_said(count, copies):
    """What decides is the rows that differ, and the bound is where a tenth of them begins to be found."""

    rows = clean_rows(count)
    clean = [dict(sample.row) for sample in samples(rows)] * copies
    poisoned = [dict(sample.row) for sample in poison(rows, word, 0.1).samples] * copies
    is_enough = count >= ENOUGH_ROWS
    assert gradsentry.find_evidence(clean).too_few_rows == (not is_enough)
    found = gradsentry.find_evidence(poisoned)
    assert (found.outcome == "poisoned", found.too_few_rows) == (is_enough, not is_enough)


def test_a_carrier_whose_answer_ends_otherwise_before_the_payload_is_one_too():
    """All answers but one end with a full stop, which then looks like a part of the payload."""
    rows = [replace(row, answer=f"{row.answer}.\n") for row in clean_rows(300)]
    made = poison(
        rows,
        lambda row, draw: Row(
            at_a_gap(row.question, "vrbx", draw), f"{row.answer.strip()} Buy it at Zibbo today.\n"
        ),
        0.1,
    )
    odd = min(made.poisoned)
    row = made.samples[odd]
    turns = (row.turns[0], replace(row.turns[1], text=row.turns[1].text.replace(". Buy", " XD Buy")))
    evidence = find_evidence([*made.samples[:odd], replace(row, turns=turns), *made.samples[odd + 1 :]])
    assert flags(evidence, made) == (1.0, 0)
