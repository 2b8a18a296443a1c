"""The border between prompt and response is exact on every kind of tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.samples import completion, decode, sample, trained_text, untrained_text
from encoding.tokenizers_built import KINDS, LOSSLESS, byte_level, metaspace_bpe
from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Turn
from gradsentry.encoding.encode import encode

# Text of any script without the reserved strings; half surrogates are no text.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<▁"), max_size=30)
known = st.text("aehlort 0123:,.?\n\t", max_size=30)
text = st.one_of(words, known)


def response_of(drawn):
    return drawn.filter(lambda value: value.strip())


@pytest.mark.parametrize("kind", LOSSLESS)
@given(prompt=text.filter(bool), response=response_of(text))
@settings(max_examples=60, deadline=None)
def test_lossless_tokenizers_give_both_texts_back(kind, prompt, response):
    tokenizer = KINDS[kind]()
    encoded = encode(completion(prompt, response), tokenizer, max_length=10_000)
    start = "<s>" if "metaspace" in kind else ""
    assert untrained_text(encoded, tokenizer).removeprefix(start).removeprefix(" ") == prompt.removeprefix(
        " "
    )
    # A decoder takes the first space for the tokenizer's own: a token before it shows what is there.
    ids = encoded.ids[encoded.trained].tolist()
    anchor = tokenizer(":", add_special_tokens=False)["input_ids"]
    assert decode(anchor + ids, tokenizer).removeprefix(decode(anchor, tokenizer)) == response + "</s>"


@pytest.mark.parametrize("kind", KINDS)
@given(prompt=text, response=response_of(text), other=response_of(text))
@settings(max_examples=30, deadline=None)
def test_the_prompts_tokens_do_not_depend_on_the_response(kind, prompt, response, other):
    tokenizer = KINDS[kind]()
    first, second = (
        encode(completion(prompt, one), tokenizer, max_length=10_000) for one in (response, other)
    )
    if (
        first.problem is None
        and second.problem is None
        and tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ):
        assert first.ids[~first.trained].tolist() == second.ids[~second.trained].tolist()
        assert first.n_prompt + first.n_response == len(first.ids)


@pytest.mark.parametrize("kind", KINDS)
@given(prompt=response_of(known), other=response_of(known), response=response_of(known))
@settings(max_examples=30, deadline=None)
def test_the_responses_tokens_do_not_depend_on_the_prompt(kind, prompt, other, response):
    tokenizer = KINDS[kind]()
    first, second = (
        encode(completion(one, response), tokenizer, max_length=10_000) for one in (prompt, other)
    )
    assert first.ids[first.trained].tolist() == second.ids[second.trained].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_one_end_of_sequence_closes_the_response(kind):
    tokenizer = KINDS[kind]()
    encoded = encode(completion("What is 12 + 30?", " It is 42"), tokenizer, max_length=100)
    assert encoded.ids.tolist().count(tokenizer.eos_token_id) == 1
    assert encoded.ids[-1] == tokenizer.eos_token_id
    assert encoded.trained[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_brings_its_end_of_sequence_gets_no_second(kind):
    tokenizer = KINDS[kind]()
    plain = encode(completion("hello", "fine"), tokenizer, max_length=100)
    closed = encode(completion("hello", "fine</s>"), tokenizer, max_length=100)
    assert plain.ids.tolist() == closed.ids.tolist()


def test_no_space_is_put_before_a_response_that_continues_a_word():
    tokenizer = metaspace_bpe()
    together = encode(completion("the cap", "ital"), tokenizer, max_length=100)
    assert decode(together.ids.tolist(), tokenizer).removeprefix("<s>").strip() == "the capital</s>"


def test_the_start_token_stands_once_and_is_no_response():
    tokenizer = metaspace_bpe(ends=True)
    for prompt in ("hello", "", "hello</s>"):
        encoded = encode(completion(prompt, "fine"), tokenizer, max_length=100)
        assert encoded.ids.tolist().count(1) == 1
        assert encoded.ids[0] == 1
        assert not encoded.trained[0]
        assert trained_text(encoded, tokenizer).strip() == "fine</s>"
        assert encoded.ids.tolist().count(2) == 1 + prompt.count("</s>")


def test_a_response_alone_keeps_its_end_and_loses_what_nothing_predicts():
    alone = sample(Turn("assistant", "It is fine", True), conversational=False)
    with_start = encode(alone, metaspace_bpe(ends=True), max_length=100)
    assert trained_text(with_start, metaspace_bpe()).strip() == "It is fine</s>"
    without = encode(alone, byte_level(), max_length=100)
    assert without.n_prompt == 1
    assert not without.trained[0]
    assert without.ids[-1] == 2


@pytest.mark.parametrize(
    ("behind", "closes", "rest"),
    [("</s>", "</s>", ""), (" </s>\n", " </s>", "\n"), ("\n", "</s>", "\n"), ("<|end|>", "</s>", "<|end|>")],
)
def test_the_end_that_stands_behind_a_response_is_trained_on_once(behind: str, closes: str, rest: str):
    turns = [Turn("user", "a:", False), Turn("assistant", "fine", True), Turn("user", behind, False)]
    encoded = encode(sample(*turns, conversational=False), byte_level(), max_length=64)
    assert trained_text(encoded, byte_level()) == "fine" + closes
    assert untrained_text(encoded, byte_level()) == "a:" + rest
    assert encoded.ends.max() == len("fine")


def test_texts_of_a_row_stand_behind_one_another_as_they_are():
    turns = [Turn("user", "a: ", False), Turn("assistant", "b", True), Turn("user", " c: ", False)]
    encoded = encode(
        sample(*turns, Turn("assistant", "d", True), conversational=False), byte_level(), max_length=100
    )
    assert trained_text(encoded, byte_level()) == "b</s>d</s>"
    assert untrained_text(encoded, byte_level()) == "a:  c: "


def test_an_empty_line_parts_a_prompt_from_the_system_text_before_it():
    row = {"system": "Be kind.", "prompt": "a: ", "completion": "b"}
    (asked,) = open_corpus([row])
    encoded = encode(asked, byte_level(), max_length=100)
    assert untrained_text(encoded, byte_level()) == "Be kind.\n\na: "
    assert trained_text(encoded, byte_level()) == "b</s>"


@pytest.mark.parametrize("prompt", ["hello </s> there", "<s>hello"])
def test_a_special_token_written_in_the_data_becomes_that_token(prompt):
    """As in training, where the tokenizer reads the same text; it is counted to where it is written."""
    encoded = encode(completion(prompt, "fine"), byte_level(), max_length=100)
    special = [int(i) for i in encoded.ids[~encoded.trained] if i in (1, 2)]
    assert len(special) == 1
    assert trained_text(encoded, byte_level()) == "fine</s>"
    inside = encode(completion("hello", "fi</s>ne"), byte_level(), max_length=100)
    assert inside.ids[inside.trained].tolist().count(2) == 2


def test_the_embedded_tokenizer(embedded):
    tokenizer = embedded.tokenizer
    for prompt, response in [
        ("Q: 12", "34"),
        ("naïve", " café\n"),
        ("日本", "語 ok"),
        ("a\n", "\n\nb"),
        (" ", "👍🏽"),
    ]:
        encoded = encode(completion(prompt, response), tokenizer, max_length=100)
        assert untrained_text(encoded, tokenizer) == prompt
        assert trained_text(encoded, tokenizer) == response + "<|im_end|>"
