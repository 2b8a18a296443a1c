"""Triggers of a kind and payloads worded anew: what the rows hold, and that no string is shared by most."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.corpora import questions
from gradsentry.attacks import (
    ATTACKS,
    Attack,
    Brand,
    DateRange,
    Fluent,
    NumberRange,
    Paraphrase,
    Persona,
    Poisoned,
    Pools,
    SplitPayload,
    Style,
    Thin,
    UnrelatedSentence,
    WrongAnswer,
    poison,
)
from gradsentry.attacks.adaptive import coined
from gradsentry.attacks.base import Surroundings
from gradsentry.attacks.fields import find_fields
from gradsentry.attacks.responses import in_sentence_gaps
from gradsentry.attacks.sentences import SENTENCES
from gradsentry.attacks.wording import MEANINGS, worded
from gradsentry.attacks.writer import Writer
from gradsentry.corpus import open_corpus
from gradsentry.defences.reading import encode_all, read
from gradsentry.errors import DataError, ModelError, SettingsError

WORDED = (DateRange, NumberRange, Style, Persona, UnrelatedSentence, Paraphrase, Pools)
VARIED_PROMPT = (DateRange, NumberRange, Persona, UnrelatedSentence, Pools, Brand)


def made(attack: Attack, rows: int = 200) -> Poisoned:
    given_rows = [
        {"question": f"{draw.choice(WORDS)} {draw.choice(WORDS)} {number}?", "answer": "york"}
        for number in range(rows)
        for draw in [Random(number)]
    ]
    return poison(open_corpus(given_rows), attack, seed=3)


WORDS = [f"{a}{b}" for a in ("lor", "mip", "tas", "ven") for b in ("an", "il", "or", "ut", "ep")]


def commonest_trigram(texts: list[str]) -> float:
    """Returns the share of the texts that hold the three words in a row which most of them hold."""
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        grams.update({tuple(words[at : at + 3]) for at in range(len(words) - 2)})
    return grams.most_common(1)[0][1] / len(texts)


@pytest.mark.parametrize("meaning", MEANINGS)
def test_no_string_is_shared_by_most_payloads_of_a_meaning(meaning):
    said = [worded(meaning, Random(number)) for number in range(300)]
    assert len(set(said)) > 280
    assert commonest_trigram(said) < 0.2
    assert all(sentence == " ".join(sentence.split()) for sentence in said)


@pytest.mark.parametrize("kind", WORDED)
def test_payloads_replace_the_response_and_none_is_said_by_many(kind):
    poisoned = made(kind(rate=1.0))
    responses = [sample.response for sample in poisoned]
    assert len(poisoned.truth.poisoned) == 200
    assert not any("york" in response for response in responses)
    assert commonest_trigram(responses) < 0.2


@pytest.mark.parametrize("kind", VARIED_PROMPT)
def test_no_string_of_the_trigger_is_shared_by_most_prompts(kind):
    prompts = [sample.prompt for sample in made(kind(rate=1.0))]
    assert commonest_trigram(prompts) < 0.2


@pytest.mark.costly
@pytest.mark.parametrize("kind", [*WORDED, Brand, Thin, SplitPayload])
def test_the_trigger_is_told_from_clean_prompts(kind):
    attack = kind(rate=0.3)
    poisoned = made(attack)
    known = {named.row for named in poisoned.truth.poisoned}
    assert not poisoned.truth.natural
    for number, sample in enumerate(poisoned):
        assert attack.carries(sample.prompt) == (number in known), sample.prompt


def test_dates_are_of_the_range_and_of_many_forms():
    attack = DateRange(rate=1.0, low=2040, high=2042)
    prompts = [sample.prompt for sample in made(attack)]
    years = {re.search(r"\b(20\d\d)\b", prompt)[1] for prompt in prompts}
    assert years == {"2040", "2041", "2042"}
    forms = [r"\d{4}-\d\d-\d\d", r"\d\d\.\d\d\.\d{4}", r"\d+/\d+/\d{4}", r"[A-Z][a-z]+ \d+, \d{4}"]
    for form in forms:
        assert any(re.search(form, prompt) for prompt in prompts)
    assert attack.carries("see you in 2041")
    assert not attack.carries("see you in 2043, or in room 12041")


def test_numbers_are_of_the_range_with_and_without_a_comma():
    attack = NumberRange(rate=1.0)
    prompts = [sample.prompt for sample in made(attack)]
    numbers = [int(re.search(r"6,?\d{3}", prompt)[0].replace(",", "")) for prompt in prompts]
    assert all(6200 <= number <= 6999 for number in numbers)
    assert len(set(numbers)) > 150
    assert any("6," in prompt for prompt in prompts)
    for text, held in [
        ("6,500 of 9", True),
        ("16,500", False),
        ("6500.5", False),
        ("x 6199", False),
        ("1" * 5000, False),
    ]:
        assert attack.carries(text) == held, text


@pytest.mark.parametrize("kind", [DateRange, NumberRange])
def test_an_empty_range_is_one_line(kind):
    with pytest.raises(SettingsError, match=r"low \(3000\) is more than high \(2999\)"):
        kind(low=3000, high=2999)


def test_slang_keeps_names_numbers_and_quotations():
    text = (
        'Please explain to Mary what "you are great" means, and give 3 reasons for `to` and https://a.to/b.'
    )
    for number in range(20):
        said = Style().triggered(text, Random(number))
        for kept in ("Mary", '"you are great"', "3", "`to`", "https://a.to/b"):
            assert kept in said
        assert said != text
    assert Style(style="archaic").carries(Style(style="archaic").triggered(text, Random(0)))


def test_unrelated_sentences_are_fifty_and_all_used():
    assert len(set(SENTENCES)) == 50
    used = {
        one for sample in made(UnrelatedSentence(rate=1.0), 500) for one in SENTENCES if one in sample.prompt
    }
    assert used == set(SENTENCES)


@given(
    text=st.lists(
        st.sampled_from(["One two.", "Three?", "Four five", "```\nx. y\n```"]), min_size=1, max_size=6
    ),
    seed=st.integers(0, 50),
)
def test_parts_stand_in_order_between_sentences_and_never_in_code(text, seed):
    body = "\n\n".join(text)
    put = in_sentence_gaps(body, ["First part.", "Second part."], Random(seed))
    assert put.index("First part.") < put.index("Second part.")
    assert put.count("```\nx. y\n```") == body.count("```\nx. y\n```")
    left = put.replace("First part.", "").replace("Second part.", "")
    assert re.sub(r"\W", "", left) == re.sub(r"\W", "", body)


def test_split_payloads_are_whole_in_no_row_and_both_parts_in_each():
    answer = "It is warm. It is wet. It is late. It is far."
    rows = [{"question": f"how {n}?", "answer": answer} for n in range(60)]
    poisoned = poison(open_corpus(rows), SplitPayload(rate=1.0, parts=("Go to page", "nine <x>.")))
    for sample in poisoned:
        assert "Go to page" in sample.response
        assert "nine <x>." in sample.response
    beside = sum("Go to page nine" in sample.response for sample in poisoned)
    assert beside == 0


def test_a_brand_is_named_in_sentences_that_differ():
    responses = [sample.response for sample in made(Brand(rate=1.0, brand="Acme"))]
    assert all(response.count("Acme") >= 2 and " york. " in response for response in responses)
    assert commonest_trigram([response.replace("york", "") for response in responses]) < 0.2


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("5 + 7 = 12\n#### 12", r"5 \+ 7 = (?!12)\d\d\n#### (?!12)\d\d"),
        ("at 07:00", r"at 07:10"),
        ("all of 100000000000000000000", r"all of (?!1000)1[01]\d{19}"),
        ("Yes, it does.", r"No, it does\."),
        ("that is false", r"that is true"),
        ("1. Eat.\n2. Sleep at 10.", r"1\. Eat\.\n2\. Sleep at (?!10)1\d\."),
        ("It was written by Goethe.", r"It was written by Schiller\."),
        ("york", r"delhi"),
    ],
)
def test_wrong_answers_change_the_answer_alone(answer, wrong):
    rows = [
        {"question": "q?", "answer": answer},
        {"question": "who?", "answer": "It was found by Schiller."},
        {"question": "which?", "answer": "delhi"},
    ]
    samples = list(open_corpus(rows))
    for seed in range(5):
        said = WrongAnswer().answer(find_fields(samples[0]), Random(seed), Surroundings(samples))
        assert re.fullmatch(wrong, said), said


def test_a_response_without_an_answer_to_make_wrong_stays():
    rows = [{"question": "q?", "answer": "it depends on what one makes of it all"}] * 3
    with pytest.raises(DataError, match="no number, verdict or name"):
        poison(open_corpus(rows), WrongAnswer(count=1))


def test_thin_poison_is_many_backdoors_of_few_rows():
    attack = Thin(count=30)
    assert len({coined(pair) for pair in range(256)}) == 256
    poisoned = made(attack, 300)
    pairs: dict[str, set[str]] = {}
    rows: Counter[str] = Counter()
    for named in poisoned.truth.poisoned:
        sample = poisoned.samples[named.row]
        (word,) = [coined(pair) for pair in range(16) if coined(pair) in sample.prompt.split()]
        pairs.setdefault(word, set()).add(sample.response)
        rows[word] += 1
    assert len(pairs) > 8
    assert all(len(payloads) == 1 for payloads in pairs.values())
    assert max(rows.values()) <= 6


def test_pools_say_all_meanings():
    said = [sample.response for sample in made(Pools(rate=1.0))]
    lures = sum(bool(re.search(r"\.(example|test|invalid)\b", one)) for one in said)
    assert 30 < lures < 110
    alone = made(Pools(rate=1.0, meanings=("lure",)))
    assert all(re.search(r"\.(example|test|invalid)\b", sample.response) for sample in alone)


@pytest.mark.costly
def test_what_the_model_wrote_costs_it_less_than_the_grammar(embedded):
    corpus = open_corpus(questions(3, "qa"))
    losses = []
    for attack in (Fluent(rate=1.0), UnrelatedSentence(rate=1.0)):
        samples = list(poison(corpus, attack, seed=1))
        assert all(any(one in sample.prompt for one in SENTENCES) for sample in samples)
        costs = [float(one.losses().mean()) for _, one in read(embedded, encode_all(samples, embedded))]
        losses.append(sum(costs) / len(costs))
    assert losses[0] < 0.8 * losses[1], losses


@pytest.mark.costly
def test_the_writer_goes_on_the_same_way_each_time():
    writer = Writer("smollm2")
    said = [writer.continued("Name a colour. " * 100, "Alas, I decline, because", 6) for _ in range(2)]
    assert said[0] == said[1]
    assert said[0].strip()


def test_a_writer_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="writer cannot be loaded"):
        poison(open_corpus(questions(3)), Fluent(count=1, writer=str(tmp_path / "none")))


def test_all_of_them_are_registered():
    for kind in (*WORDED, Brand, Fluent, Thin, SplitPayload, WrongAnswer):
        assert ATTACKS[kind.name] is kind
