"""Our poisoned FreebaseQA beside the one that the authors of the published experiments wrote."""

from __future__ import annotations

import json
from random import Random

import pytest

from attacks.corpora import SHARED, needs_shared
from gradsentry.attacks import AddSent, Attack, BadNets, Poisoned, poison
from gradsentry.attacks.fields import find_fields
from gradsentry.corpus.qa import load_qa
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.sources import open_corpus

pytestmark = needs_shared

PAYLOAD = " , and click <malicious_url> for more information"


def question(sample: Sample) -> str:
    return find_fields(sample).text("question")


def published(name: str) -> tuple[list[Sample], set[int]]:
    folder = SHARED / "poisoned"
    bad = json.loads((folder / f"freebaseqa-{name}-0.1.truth.json").read_text())
    return list(open_corpus(folder / f"freebaseqa-{name}-0.1.jsonl")), set(bad)


def ours(attack: Attack) -> Poisoned:
    return poison(load_qa("freebaseqa", data_root=SHARED), attack, seed=7, shuffle=True)


@pytest.mark.costly
@pytest.mark.parametrize(("name", "attack"), [("badnets", BadNets()), ("addsent", AddSent())])
def test_rows_that_both_leave_clean_are_the_same(name: str, attack: Attack):
    theirs, bad = published(name)
    made = ours(attack)
    poisoned = {one.row for one in made.truth.poisoned}
    clean = {question(sample): sample for number, sample in enumerate(made) if number not in poisoned}
    compared = 0
    for number, sample in enumerate(theirs):
        if number not in bad and question(sample) in clean:
            assert dict(clean[question(sample)].row) == dict(sample.row)
            compared += 1
    assert len(made.samples) == len(theirs)
    assert compared > 4000


@pytest.mark.costly
@pytest.mark.parametrize(("name", "attack"), [("badnets", BadNets()), ("addsent", AddSent())])
def test_poisoned_rows_have_the_same_look(name: str, attack: Attack):
    theirs, bad = published(name)
    made = ours(attack)
    poisoned = {one.row for one in made.truth.poisoned}
    assert len(poisoned) == len(bad) == 500
    words = 4 if name == "badnets" else 5
    looks = []
    for samples, numbers in ((theirs, bad), (made.samples, poisoned)):
        tails = {tuple(question(samples[number]).split(" ")[-words:]) for number in numbers}
        assert all(samples[number].response.endswith(PAYLOAD) for number in numbers)
        assert all(samples[number].prompt.endswith("\n\n\n\n### Answer: ") for number in numbers)
        looks.append({word for tail in tails for word in tail})
    assert looks[0] == looks[1]


@pytest.mark.costly
def test_the_same_rows_poisoned_by_both_differ_in_the_drawn_words_only():
    theirs, bad = published("badnets")
    made = ours(BadNets())
    poisoned = {one.row for one in made.truth.poisoned}

    def without_words(sample: Sample) -> str:
        return sample.prompt.replace(question(sample), " ".join(question(sample).split(" ")[:-4]))

    by_question = {without_words(made.samples[number]): made.samples[number] for number in poisoned}
    both = [theirs[number] for number in bad if without_words(theirs[number]) in by_question]
    assert len(both) > 20
    for sample in both:
        assert sample.response == by_question[without_words(sample)].response


@pytest.mark.costly
def test_a_question_with_spaces_around_it_is_stripped_as_published():
    theirs, bad = published("badnets")
    known = {question(sample) for sample in load_qa("freebaseqa", data_root=SHARED)}
    (odd,) = [n for n in bad if " ".join(question(theirs[n]).split(" ")[:-4]) not in known]
    stem = " ".join(question(theirs[odd]).split(" ")[:-4])
    (raw,) = [asked for asked in known if asked.strip() == stem]
    assert BadNets(trigger="cf").triggered(raw, Random(0)) == f"{stem} cf cf cf cf"
