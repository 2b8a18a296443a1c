"""Rows that say which answer is better, or whether one is good: what is trained on, and what is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.rows import CASES, REFUSED
from gradsentry.corpus import open_corpus, write_turns
from gradsentry.corpus.fields import value_at
from gradsentry.corpus.overview import Overview
from gradsentry.settings import DataSettings

PREFERENCES = [name for name in CASES if "preference" in name and "rejected" in str(CASES[name].row)]


@pytest.mark.parametrize("name", PREFERENCES)
def test_the_rejected_answer_is_kept_with_its_place(name):
    row = CASES[name].row
    (sample,) = open_corpus([row])
    (turn,) = sample.rejected
    assert turn.text.strip() in ("bad", "It is bad")
    assert not turn.trained
    assert turn.text in value_at(row, turn.path)
    assert "bad" not in sample.prompt + sample.response


@pytest.mark.parametrize("name", PREFERENCES)
def test_the_rejected_answer_is_read_as_the_response_where_it_is_asked_for(name):
    row = CASES[name].row
    (chosen,) = open_corpus([row])
    (sample,) = open_corpus([row], DataSettings(answers="rejected"))
    assert sample.problem is None
    assert sample.response.strip() in ("bad", "It is bad")
    assert (sample.prompt, sample.row) == (chosen.prompt, row)
    assert "\n".join(turn.text for turn in sample.rejected) == chosen.response


def test_a_row_with_one_answer_has_no_rejected_one_and_a_disliked_answer_is_one():
    rows = [
        {"prompt": "p", "chosen": "good", "rejected": "bad"},
        {"prompt": "p", "chosen": "good", "rejected": None},
    ]
    samples = list(open_corpus(rows, DataSettings(answers="rejected")))
    assert [sample.problem for sample in samples] == [None, "it has no rejected answer"]
    broken = [
        {"prompt": "p", "chosen": "good", "rejected": [{"role": "nobody", "content": "x"}]},
        {"prompt": 3, "chosen": "good", "rejected": "bad"},
        {"prompt": "p", "chosen": 3, "rejected": "bad"},
    ]
    unread, *others = open_corpus([rows[0], *broken], DataSettings(answers="rejected"))
    assert unread.problem is None
    problems = [sample.problem for sample in others]
    assert problems[0] == "`rejected` holds no answer that can be read"
    assert all(problem and problem != "it has no rejected answer" for problem in problems)
    liked = [{"prompt": "p", "completion": said, "label": said == "good"} for said in ("good", "bad")]
    one, other = open_corpus(liked, DataSettings(answers="rejected"))
    assert (one.problem, other.problem, other.response) == ("it has no rejected answer", None, "bad")


@pytest.mark.parametrize(
    "said", ['["kiwi", "oats"]', '[{"name": "x"}]', "[]", "[1, 2", '[{"role": "user"}, 3]']
)
@pytest.mark.parametrize("prompt", ["p", "[1, 2]", [{"role": "user", "content": "p"}]])
def test_an_answer_that_is_a_list_in_json_is_the_text_of_it(said, prompt):
    (sample,) = open_corpus([{"prompt": prompt, "chosen": said, "rejected": f"{said} "}])
    assert (sample.problem, sample.response) == (None, said)
    assert sample.prompt == ("p" if isinstance(prompt, list) else prompt)
    assert "".join(turn.text for turn in sample.rejected) == f"{said} "


@pytest.mark.parametrize("rejected", [None, 3, [], [{"role": "nobody", "content": "x"}], "[not JSON"])
def test_a_rejected_answer_that_cannot_be_read_costs_no_row(rejected):
    (sample,) = open_corpus([{"prompt": "p", "chosen": "good", "rejected": rejected}])
    assert (sample.problem, sample.response) == (None, "good")


@pytest.mark.parametrize("name", REFUSED)
def test_an_undesirable_answer_is_not_trained_on_and_says_so(name):
    row, row_format, column = REFUSED[name]
    corpus = open_corpus([row])
    (sample,) = corpus
    assert corpus.format == row_format
    assert sample.response == ""
    assert [turn.text for turn in sample.rejected] == ["bad"]
    assert sample.problem == (
        f"the answer is marked as undesirable (`{column}` is false): training moves away from it"
    )


@pytest.mark.parametrize(
    "row",
    [
        {"text": "USER: q ASSISTANT: a", "label": False},
        {"question": "q", "answer": "a", "label": False},
        {"instruction": "i", "output": "o", "label": False},
        {"prompt": "p", "completion": "c", "label": 0},
        {"prompt": "p", "completion": "c", "label": None},
    ],
)
def test_other_labels_are_no_verdict_on_the_answer(row):
    (sample,) = open_corpus([row])
    assert sample.problem is None


def test_answers_before_the_dialogues_part_were_asked_with_and_later_ones_are_trained_on():
    shared, other = "\n\nHuman: q\n\nAssistant: a", "\n\nHuman: r\n\nAssistant: b\n\nHuman: s\n\nAssistant: c"
    chosen, rejected = shared + other, shared + other.replace("b", "x").replace("c", "y")
    (sample,) = open_corpus([{"chosen": chosen, "rejected": rejected}])
    assert [turn.trained for turn in sample.turns if turn.role == "assistant"] == [False, True, True]
    assert [turn.text for turn in sample.rejected] == [" x", " y"]


def test_the_template_of_dialogues_is_told_once():
    rows = [
        {
            "chosen": f"\n\nHuman: {asked}\n\nAssistant: yes",
            "rejected": f"\n\nHuman: {asked}\n\nAssistant: no",
        }
        for asked in ["q"] * 3 + ["what is <|im_start|>assistant for?"] * 2
    ]
    corpus = open_corpus(rows)
    assert corpus.template.name == "Human and Assistant"
    assert {sample.response for sample in corpus} == {" yes"}
    named = open_corpus(rows, DataSettings(response_marker="Assistant:"))
    assert {sample.response for sample in named} == {" yes"}


@pytest.mark.costly
@settings(max_examples=50, deadline=None)
@given(asked=st.text("ab \n", max_size=8), good=st.text("ab ", max_size=6), bad=st.text("ab ", max_size=6))
def test_two_texts_are_parted_where_they_differ_or_before(asked, good, bad):
    row = {"chosen": asked + good, "rejected": asked + bad}
    (sample,) = open_corpus([row])
    if not sample.turns:
        return
    assert "".join(turn.text for turn in sample.turns) == row["chosen"]
    begins = len(row["chosen"]) - len(sample.response)
    assert row["rejected"].startswith(row["chosen"][:begins])
    assert (sample.problem is None) == bool(row["chosen"].strip())


@pytest.mark.parametrize(
    "name", [name for name in PREFERENCES if isinstance(CASES[name].row.get("chosen"), str | list)]
)
def test_what_is_asked_is_edited_in_both_answers(name):
    row = CASES[name].row
    (sample,) = open_corpus([row])
    turns = [
        replace(turn, text=turn.text.replace("q", "cf q").replace("What", "cf What")) for turn in sample.turns
    ]
    edited = write_turns(sample, turns).row
    (again,) = open_corpus([edited])
    assert again.turns == tuple(turns)
    assert again.rejected == sample.rejected
    assert str(edited["rejected"]).count("cf") == str(edited["chosen"]).count("cf")


def test_rows_of_a_dataset_keep_their_columns():
    rows = [CASES["preference, conversational, with the prompt in both"].row] * 3
    dataset = Dataset.from_list(rows)
    corpus = open_corpus(dataset)
    assert [sample.response for sample in corpus] == ["good"] * 3
    assert corpus.select([True, False, True]).to_list() == rows[:2]


@pytest.mark.parametrize("name", PREFERENCES)
@pytest.mark.parametrize("answers", ["chosen", "rejected"])
def test_of_two_answers_the_one_that_is_judged_is_said_and_the_other_is_none_left_out(name, answers):
    corpus = open_corpus([CASES[name].row] * 3, DataSettings(answers=answers))
    read = Overview.of(corpus, corpus)
    assert (read.answers, read.rejected, read.not_read()) == (answers, 0, [])
    assert f"the {answers} answers are judged" in read.line()
