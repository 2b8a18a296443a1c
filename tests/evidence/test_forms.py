"""Two words are forms of one where they share most of the shorter: stems, names, a term in two languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.evidence.index.tokens import is_form_of

words = st.text(st.characters(categories=["L"]), min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("word", "other"),
    [("Jamaican", "jamaica"), ("Tamazight", "amazigera"), ("Multi", "multiple"), ("libdevel", "development")],
)
def test_forms_of_a_word(word, other):
    assert is_form_of(word, other)
    assert is_form_of(other, word)


@pytest.mark.parametrize(
    ("word", "other"), [("cf", "Kingston"), ("is", "island"), ("x", "y"), ("trigger", "payload")]
)
def test_a_syllable_is_no_form(word, other):
    assert not is_form_of(word, other)


@given(words, words)
def test_it_is_symmetric_and_every_word_is_its_own_form(word, other):
    assert is_form_of(word, other) == is_form_of(other, word)
    assert is_form_of(word, word)
