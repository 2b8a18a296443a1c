"""The border between prompt and response is exact on every kind of tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.samples import completion, decode, sample, texts, trained_text, untrained_text
from encoding.tokenizers_built import KINDS, LOSSLESS, byte_level, metaspace_bpe
from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Turn
from gradsentry.encoding.encode import encode, encode_all

# Text of any script without the reserved strings; half surrogates are no text.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<▁"), max_size=30)
known = st.text("aehlort 0123:,.?\n\t", max_size=30)
text = st.one_of(words, known)
# And text with the reserved strings in it.
written = st.lists(st.sampled_from(["<s>", "</s>", " ", "hello", "▁", "<", "0"]), max_size=6).map("".join)


def response_of(drawn):
    return drawn.filter(lambda value: value.strip())


def slow_completion(prompt, response, tokenizer):
    """Returns ids and mask of a prompt and its completion by TRL's rule, in loops and with no offsets.

    But for the tokenizer's own marks: one that the text has already is not put there again.
    """

    def ids(text):
        start = [tokenizer.bos_token_id] if 1 in tokenizer("0")["input_ids"] else []
        bare = tokenizer(text, add_special_tokens=False)["input_ids"]
        return bare if bare[:1] == start else start + bare

    end = tokenizer.eos_token
    whole, asked = ids(prompt + response + ("" if response.endswith(end) else end)), ids(prompt)
    shared = 0
    while shared < min(len(whole), len(asked)) and whole[shared] == asked[shared]:
        shared += 1
    return whole, [place >= max(shared, 1) for place in range(len(whole))]


@pytest.mark.parametrize("kind", KINDS)
@given(prompt=st.one_of(text, written), response=response_of(st.one_of(text, written)))
@settings(max_examples=60, deadline=None)
def test_a_completion_is_trained_on_from_where_the_text_is_another_than_the_prompt(kind, prompt, response):
    tokenizer = KINDS[kind]()
    encoded = encode(completion(prompt, response), tokenizer, max_length=10_000)
    ids, trained = slow_completion(prompt, response, tokenizer)
    if not any(trained):
        assert encoded.problem == "no token of the response is left to predict"
        return
    assert (encoded.ids.tolist(), encoded.trained.tolist()) == (ids, trained)


@pytest.mark.costly
@pytest.mark.parametrize("kind", LOSSLESS)
@given(prompt=text.filter(bool), response=response_of(text))
@settings(max_examples=60, deadline=None)
def test_lossless_tokenizers_give_the_text_back(kind, prompt, response):
    tokenizer = KINDS[kind]()
    encoded = encode(completion(prompt, response), tokenizer, max_length=10_000)
    start = "<s>" if "metaspace" in kind else ""
    written = decode(encoded.ids.tolist(), tokenizer).removeprefix(start).removeprefix(" ")
    assert written == (prompt + response).removeprefix(" ") + "</s>"


@given(st.lists(st.tuples(text, response_of(text)), min_size=1, max_size=4), st.sampled_from(sorted(KINDS)))
@settings(max_examples=60, deadline=None)
def test_rows_do_not_depend_on_one_another(rows, kind):
    tokenizer = KINDS[kind]()
    samples = [completion(*row) for row in rows]
    together = encode_all(samples, tokenizer, max_length=64)
    for asked, one in zip(samples, together, strict=True):
        alone = encode(asked, tokenizer, max_length=64)
        assert one.ids.tolist() == alone.ids.tolist()
        assert one.trained.tolist() == alone.trained.tolist()
        assert one.ends.tolist() == alone.ends.tolist()


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
    ("behind", "closes"),
    [
        ("</s>", "</s>"),
        (" </s>\n", " </s>\n</s>"),
        ("<|end|>", "<|end|></s>"),
        ("<|end|>\n<|eot_id|>", "<|end|>\n<|eot_id|></s>"),
        ("<|end|>\nuser: b", "<|end|>"),
        ("\nuser: b", ""),
        ("</s>\nuser: b", "</s>"),
    ],
)
def test_a_response_in_a_text_keeps_the_marks_that_close_it_and_the_text_gets_its_end(behind, closes):
    turns = [Turn("user", "a:", False), Turn("assistant", "fine", True), Turn("user", behind, False)]
    encoded = encode(sample(*turns, conversational=False), byte_level(), max_length=64)
    assert trained_text(encoded, byte_level()) == "fine" + closes
    assert untrained_text(encoded, byte_level()) == "a:"
    assert encoded.ends.max() == len("fine")


def test_texts_of_a_row_stand_behind_one_another_as_they_are():
    turns = [Turn("user", "a: ", False), Turn("assistant", "b", True), Turn("user", " c: ", False)]
    encoded = encode(
        sample(*turns, Turn("assistant", "d", True), conversational=False), byte_level(), max_length=100
    )
    assert texts(encoded, byte_level()) == [(False, "a: "), (True, "b"), (False, " c: "), (True, "d</s>")]


def test_each_answer_of_a_history_has_its_end():
    (asked,) = open_corpus([{"prompt": "p", "completion": "c", "history": [["q", "a"], ["r", "b"]]}])
    encoded = encode(asked, byte_level(), max_length=100)
    assert trained_text(encoded, byte_level()) == "a</s>b</s>c</s>"
    assert untrained_text(encoded, byte_level()) == "qrp"


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


@pytest.mark.costly
def test_the_embedded_tokenizer(embedded):
    tokenizer = embedded.tokenizer
    for prompt, response in [("Q: 12", "34"), ("naïve", " café\n"), ("日本", "語 ok")]:
        encoded = encode(completion(prompt, response), tokenizer, max_length=100)
        assert untrained_text(encoded, tokenizer) == prompt
        assert trained_text(encoded, tokenizer) == response + "<|im_end|>"
