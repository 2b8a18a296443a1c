"""Text with a chat template in it: the template is told once, and every marker opens a response."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.texts import SAID, TEXTS, responses
from gradsentry.corpus import open_corpus
from gradsentry.corpus.markers import OPENINGS, TEMPLATES
from gradsentry.corpus.templates import closing_at_start
from gradsentry.settings import DataSettings


def corpus_of(*texts, marker=None):
    return open_corpus([{"text": text} for text in texts], DataSettings(response_marker=marker))


def said(sample):
    return tuple(turn.text for turn in sample.turns if turn.trained)


@pytest.mark.parametrize("name", TEXTS)
def test_every_marker_opens_a_response(name):
    template, text, *_ = TEXTS[name]
    corpus = corpus_of(text)
    (sample,) = corpus

    assert corpus.template.name == template
    assert said(sample) == responses(name)
    assert "".join(turn.text for turn in sample.turns) == text
    assert sample.problem is None


def test_each_template_has_an_example():
    assert {example[0] for example in TEXTS.values()} == {one.name for one in TEMPLATES} - {
        "### Output:",
        "### Solution:",
        "### Completion:",
        "User and Bot",
    }


@pytest.mark.parametrize("name", TEXTS)
def test_rows_that_mention_the_marks_of_others_are_not_parted_at_them(name):
    template = next(one for one in TEMPLATES if one.name == TEXTS[name][0])
    marks = re.compile(f"{template.marker.pattern}|{template.header.pattern}")
    text = TEXTS[name][1]
    others = [example[1] for example in TEXTS.values() if not marks.search(example[1])]
    mentioning = [text.replace("Q one", f"What is {other} for?") for other in others]
    corpus = corpus_of(*mentioning, *[text] * len(others))

    assert len(others) > 30
    assert corpus.template.name == template.name
    assert {said(sample) for sample in corpus} == {responses(name)}


@pytest.mark.parametrize("first", [True, False])
def test_most_rows_tell_the_template_and_the_others_are_left_unscored(first):
    chatml, alpaca = TEXTS["Phi-4"][1], TEXTS["Alpaca"][1]
    texts = [chatml] * 3 + [alpaca] * 2
    corpus = corpus_of(*(texts if first else texts[::-1]))
    problems = [sample.problem for sample in corpus if sample.problem]
    assert (
        problems
        == [
            "`text` holds no response of the template ChatML, in which most rows are; "
            "name the right one with --response-marker"
        ]
        * 2
    )


@pytest.mark.parametrize("quoting", [1, 7, 250])
def test_a_marker_that_no_more_than_half_of_the_texts_hold_is_no_template_of_theirs(quoting):
    sums = [f"One box holds {n} oranges. How many are in two? Answer: {2 * n}" for n in range(quoting)]
    corpus = corpus_of(*sums, *(f"What is {n}? A number." for n in range(500 - quoting)))
    assert corpus.template is None
    assert {sample.problem for sample in corpus} == {
        "`text` holds no response of a template that most rows are in; "
        "name the right one with --response-marker"
    }
    assert corpus_of(*sums).template.name == "Question and Answer"
    named = corpus_of(*sums, "What is 3? A number.", marker="Answer:")
    assert [sample.problem is None for sample in named] == [True] * quoting + [False]


def test_a_response_that_says_nothing_is_no_response():
    text = TEXTS["Phi-4"][1]
    assert said(next(iter(corpus_of(text + "<|im_start|>assistant<|im_sep|>")))) == SAID
    assert next(iter(corpus_of("<|im_start|>assistant<|im_sep|>"))).problem == "the response is empty"


def test_a_marker_of_a_persons_own_opens_each_response():
    text = "P: Q one\nR: A one\nP: Q two\nR: A two"
    assert said(next(iter(corpus_of(text, marker="R:")))) == (" A one", " A two")
    # A mention is within a line, and the marks are at the beginning of theirs.
    mention = text.replace("Q one", "is R: or P: better?")
    *_, last = corpus_of(*[text] * 30, mention, marker="R:")
    assert said(last) == (" A one", " A two")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one A>A one</s>\ntwo A>A two</s>", SAID),  # what closes a response tells where it ends
        ("one A>A one\n\ntwo A>A two", ("A one\n\ntwo", "A two")),  # nothing does: nothing may go unseen
    ],
)
def test_a_marker_of_a_persons_own_without_another_ones(text, expected):
    assert said(next(iter(corpus_of(text, marker="A>")))) == expected


def test_a_known_marker_that_a_person_names_brings_its_headers():
    text = TEXTS["Alpaca, more than one response"][1]
    (sample,) = corpus_of(text, marker="### Response:\n")
    assert said(sample) == SAID
    (sample,) = corpus_of("nothing of the kind", marker="### Response:")
    assert sample.problem == (
        "`text` holds no response marker '### Response:'; name the right one with --response-marker"
    )


@pytest.mark.parametrize("name", TEXTS)
def test_what_stands_behind_a_response_begins_with_what_closes_it(name):
    template = next(one for one in TEMPLATES if one.name == TEXTS[name][0])
    (sample,) = corpus_of(TEXTS[name][1])
    behind = [after.text for before, after in pairwise(sample.turns) if before.trained]
    left = [text[closing_at_start(text) :].strip() for text in behind]
    opens = re.compile("|".join(map(re.escape, OPENINGS)))
    for text in left:
        turn = opens.sub("", text)
        assert not turn or template.header.match(turn) or template.marker.match(turn)


PIECES = [
    *{example[1][:40] for example in TEXTS.values()},
    *("A", "\n", " ", "</s>", "<|im_end|>", "Q: ", "A: ", "<|im_start|>assistant\n", "<|im_start|>user\n"),
    *("### Response:", "Assistant:", "USER:"),
]


@pytest.mark.costly
@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=12),
    marker=st.sampled_from([None, "A", "Assistant:"]),
)
def test_no_character_of_any_text_is_lost(pieces, marker):
    text = "".join(pieces)
    corpus = corpus_of(text, marker=marker)
    (sample,) = corpus
    if not sample.turns:
        assert corpus.template is None or not corpus.template.marker.search(text)
        return
    assert "".join(turn.text for turn in sample.turns) == text
    assert all(turn.text.strip() for turn in sample.turns if turn.trained) or sample.problem
    assert (sample.problem is None) == bool(sample.response.strip())
