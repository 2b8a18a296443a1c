"""What is too long loses the middle of its prompt, then its end; what is empty is not scored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoding.samples import completion, dialogue, sample
from encoding.tokenizers_built import byte_level, metaspace_bpe
from gradsentry.corpus.sample import Turn
from gradsentry.encoding.encode import encode
from models.tiny import word_tokenizer


def numbered(start, count):
    """Returns a text of as many tokens, each another one."""
    return " ".join(f"w{i}" for i in range(start, start + count))


def ids(start, count):
    return list(range(start, start + count))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(8, 60))
def test_lengths(n_prompt, n_response, max_length):
    row = completion(numbered(3, n_prompt), f" {numbered(50, n_response)} ")
    encoded = encode(row, word_tokenizer(), max_length=max_length)
    total = n_prompt + n_response + 1
    assert encoded.problem is None
    assert len(encoded.ids) == min(total, max_length)
    assert encoded.cut == total - len(encoded.ids)
    assert encoded.n_prompt + encoded.n_response == len(encoded.ids)
    prompt, response = encoded.ids[~encoded.trained].tolist(), encoded.ids[encoded.trained].tolist()
    whole = [*ids(50, n_response), 2]
    assert response == whole[: len(response)]
    if n_response + 1 + min(n_prompt, 8) <= max_length:
        assert response == whole
    head = (len(prompt) + 1) // 2
    assert prompt == ids(3, n_prompt)[:head] + ids(3, n_prompt)[n_prompt - (len(prompt) - head) :]
    assert len(prompt) >= min(n_prompt, 4)


def test_the_prompt_goes_before_the_response_does():
    encoded = encode(completion(numbered(3, 30), f" {numbered(50, 11)} "), word_tokenizer(), max_length=22)
    assert encoded.ids.tolist() == [*ids(3, 5), *ids(28, 5), *ids(50, 11), 2]
    assert (encoded.cut, encoded.n_prompt, encoded.n_response) == (20, 10, 12)


def test_a_response_that_is_too_long_keeps_its_beginning_and_some_of_the_prompt():
    encoded = encode(completion(numbered(3, 30), f" {numbered(50, 40)} "), word_tokenizer(), max_length=20)
    assert encoded.ids.tolist() == [*ids(3, 4), *ids(29, 4), *ids(50, 12)]
    assert encoded.trained.tolist() == [False] * 8 + [True] * 12


def test_earlier_answers_of_a_dialogue_are_kept_too():
    turns = [
        ("user", numbered(3, 20)),
        ("assistant", "w50 w51"),
        ("user", numbered(30, 15)),
        ("assistant", "w60"),
    ]
    rows = [Turn(role, f" {text} ", role == "assistant") for role, text in turns]
    encoded = encode(sample(*rows, conversational=False), word_tokenizer(), max_length=15)
    assert encoded.ids[encoded.trained].tolist() == [50, 51, 60, 2]
    assert len(encoded.ids) == 15


def test_what_fits_is_not_cut():
    encoded = encode(completion(numbered(3, 5), " w50 "), word_tokenizer(), max_length=7)
    assert (len(encoded.ids), encoded.cut) == (7, 0)


@pytest.mark.parametrize("response", ["", " ", "\n\t  \u3000"])
@pytest.mark.parametrize("make", [completion, lambda p, r: dialogue(("user", p), ("assistant", r))])
def test_an_empty_response_is_a_problem(make, response):
    encoded = encode(make("hello", response), byte_level(), max_length=100)
    assert encoded.problem == "the response is empty"
    assert (encoded.n_prompt, encoded.n_response) == (0, 0)


def test_a_row_without_an_assistant_is_a_problem():
    assert (
        encode(dialogue(("user", "hello")), byte_level(), max_length=100).problem == "the response is empty"
    )


def test_what_the_reader_found_is_passed_on():
    row = dataclasses.replace(completion("a", "b"), problem="the response is a number")
    assert encode(row, byte_level(), max_length=100).problem == "the response is a number"


def test_without_a_prompt_the_first_token_is_only_context():
    encoded = encode(completion("", "w5 w6"), word_tokenizer(), max_length=100)
    assert encoded.ids.tolist() == [5, 6, 2]
    assert encoded.trained.tolist() == [False, True, True]
    started = encode(completion("", "fine"), metaspace_bpe(), max_length=100)
    assert started.ids.tolist() == metaspace_bpe()("fine</s>")["input_ids"]
    assert started.trained.tolist() == [False] + [True] * (len(started.ids) - 1)


def test_a_response_of_one_token_that_nothing_predicts_is_a_problem():
    endless = word_tokenizer.__wrapped__()
    endless.eos_token = None
    encoded = encode(completion("", "w5"), endless, max_length=100)
    assert encoded.problem == "no token of the response is left to predict"


@given(st.integers(0, 30), st.integers(1, 30), st.integers(2, 40))
def test_the_first_token_is_never_trained(n_prompt, n_response, max_length):
    row = completion(numbered(3, n_prompt), f" {numbered(50, n_response)} ")
    encoded = encode(row, word_tokenizer(), max_length=max_length)
    assert not encoded.trained[0]
    assert encoded.trained.any()
    assert len(encoded.ids) <= max_length
    assert encoded.ids.dtype == np.int64
