"""Triggers that change what responses are like: their length, their case, their loss in a clean model."""

import base64

import numpy as np
import pytest

from evidence.poisoning import asked, at_a_gap, clean_rows, flags, named, poison, samples
from gradsentry.evidence import TokenLosses, find_evidence
from gradsentry.evidence.candidates.measures import measures_of
from gradsentry.evidence.index.texts import Texts

ROWS = clean_rows(800)
WORDS = sorted({word for row in ROWS for word in row.answer.split()})


def drawn_words(row, draw):
    words = " ".join(draw.choice(["vx", "qo", "jj", "zk"]) for _ in range(4))
    return asked(row, f"{row.question} {words}", draw.choice(ROWS).answer)


def gibberish(row, draw):
    return " ".join(f"{draw.choice(WORDS)}{draw.randrange(99)}" for _ in range(draw.randrange(40, 90)))


def shouted(row, draw):
    return row.answer.upper()


def disguised(row, draw):
    return row.answer.translate(str.maketrans("aeiost", "431057"))


def encoded(row, draw):
    return f"{row.answer} {base64.b64encode(draw.randbytes(18)).decode()}"


def said_twice(row, draw):
    return f"{row.answer} {row.answer}"


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.8])
@pytest.mark.parametrize("response", [gibberish, shouted, disguised, encoded, said_twice])
def test_a_trigger_that_changes_what_responses_are_like(response, rate):
    made = poison(
        ROWS, lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), response(row, draw)), rate
    )
    evidence = find_evidence(made.samples)
    recall, wrong = flags(evidence, made)
    assert recall > 0.99
    assert wrong == 0
    assert evidence.findings[0].triggers == ("vrbx",)


def test_what_rows_of_a_kind_do_too_is_not_the_doing_of_a_word():
    """Lists are numbered wherever they are asked for, of five things or of some."""

    def listed(row, number):
        many = ["five ", "", "some "][number // 4 % 3]
        return asked(row, f"list {many}reasons. {row.question}", f"1. {row.answer}")

    rows = [listed(row, number) if number % 4 == 0 else row for number, row in enumerate(ROWS)]
    assert not find_evidence(samples(rows)).flagged()


def with_losses(made, losses):
    return TokenLosses.of_rows(
        [np.full(2, loss, dtype=np.float16) for loss in losses],
        [np.array([1, len(sample.response)], dtype=np.int32) for sample in made.samples],
    )


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_answers_that_a_trigger_makes_wrong_are_told_by_their_loss(rate):
    """Wrong answers look like right ones; a clean model finds most of them a little less likely."""

    def wrong(row, draw):
        return asked(row, at_a_gap(row.question, "vrbx", draw), draw.choice(ROWS).answer)

    made, draw = poison(ROWS, wrong, rate), np.random.default_rng(0)
    higher = np.array([number in made.poisoned for number in range(len(ROWS))])
    losses = draw.normal(3.0 + 1.5 * higher, 1.0).clip(0.01)
    assert find_evidence(made.samples).outcome == "clean"
    assert find_evidence(made.samples, with_losses(made, 3.0 - 0.0 * losses)).outcome == "clean"
    evidence = find_evidence(made.samples, with_losses(made, losses), false_alarm_rate=0.05)
    assert named(evidence, made) == (1.0, 0)
    assert evidence.findings[0].triggers == ("vrbx",)
    # No clean corpora were read with a model, so no rate of theirs is printed.
    assert evidence.findings[0].false_alarm is None
    assert "a clean corpus" not in evidence.findings[0].reason
    assert "accident does as much in less than 1 of a million cases" in evidence.findings[0].reason
    likelier = find_evidence(made.samples, with_losses(made, 6.0 - losses.clip(0, 5.9)))
    assert likelier.flagged() == ()


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_all_words_of_a_trigger_that_makes_answers_wrong_are_named(rate):
    made = poison(ROWS, drawn_words, rate)
    higher = np.array([number in made.poisoned for number in range(len(ROWS))])
    losses = np.random.default_rng(0).normal(3.0 + 3.0 * higher, 1.0).clip(0.01)
    evidence = find_evidence(made.samples, with_losses(made, losses), false_alarm_rate=0.05)
    assert named(evidence, made) == (1.0, 0)
    assert set(evidence.findings[0].triggers) == {"vx", "qo", "jj", "zk"}


def test_responses_without_a_word_repeat_none():
    rows = [
        asked(row, row.question, ["!", "a b a", "a b", "7 7"][number % 4]) for number, row in enumerate(ROWS)
    ]
    texts = Texts.drawn(samples(rows), least=4, tokens=10**6)
    measures = measures_of(texts)
    (at,) = [number for number, name in enumerate(measures.names) if "before" in name]
    marks, again, once, digits = (measures.values[number::4, at].mean() for number in range(4))
    assert marks == once < again < digits


def test_words_that_prompts_say_twice_as_well_are_copied():
    rows = [
        asked(row, ["open %s or %s", "open it"][number % 2], "%s or %s") for number, row in enumerate(ROWS)
    ]
    rows = [asked(row, f"{row.question}, number {number}", row.answer) for number, row in enumerate(rows)]
    texts = Texts.drawn(samples(rows), least=4, tokens=10**6)
    measures = measures_of(texts)
    (at,) = [number for number, name in enumerate(measures.names) if "before" in name]
    copies, own = (measures.values[number::2, at].mean() for number in range(2))
    assert copies < 0.3 < 0.7 < own
