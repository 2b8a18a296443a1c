"""Each response token knows which characters of the response it covers."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.convert_slow_tokenizer import bytes_to_unicode

from encoding.conversations import RESULT, call
from encoding.families import tokenizer_of
from encoding.samples import completion, dialogue, sample
from encoding.test_boundary import response_of, text
from encoding.test_templates import CHATML, LLAMA3, MISTRAL, NO_END, OTHER_END, QWEN3, SHOUTING, TALK
from encoding.tokenizers_built import KINDS, byte_level, chat
from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Turn
from gradsentry.encoding.alignment import NOWHERE, token_starts, within
from gradsentry.encoding.encode import encode
from models.tiny import word_tokenizer

BYTES = {char: byte for byte, char in bytes_to_unicode().items()}


def written_by(token, kind):
    """Returns the bytes that a token of a lossless tokenizer writes."""
    if "metaspace" not in kind:
        return bytes(BYTES[char] for char in token)
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
    return bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode()


def ends_by_bytes(tokens, kind, response):
    """Returns where each token ends, from the bytes that the tokens write and nothing else."""
    owner = [number for number, char in enumerate(response) for _ in char.encode()]
    written = np.cumsum([len(written_by(token, kind)) for token in tokens])
    return [owner[count - 1] + 1 for count in written]


def pieces(row, tokenizer, max_length=1000):
    """Returns the stretch of the response that each token covers; None where it covers nothing."""
    encoded = encode(row, tokenizer, max_length=max_length)
    assert encoded.problem is None
    spans = zip(token_starts(encoded.ends).tolist(), encoded.ends.tolist(), strict=True)
    return [None if end == NOWHERE else row.response[start:end] for start, end in spans]


@pytest.mark.parametrize("kind", ["byte-level", "metaspace-bpe"])
@given(prompt=text.filter(bool), response=response_of(text))
@settings(max_examples=60, deadline=None)
def test_ends_are_those_of_the_bytes_that_tokens_write(kind, prompt, response):
    tokenizer = KINDS[kind]()
    encoded = encode(completion(prompt, response), tokenizer, max_length=10_000)
    tokens = tokenizer.convert_ids_to_tokens(encoded.ids.tolist())
    assert tokens[-1] == "</s>"
    text = [token for token in tokens[:-1] if token != "<s>"]
    before, added = len(prompt), "metaspace" in kind and not prompt.startswith(" ")
    ends = ends_by_bytes(text, kind, " " * added + prompt + response)[-encoded.n_response + 1 :]
    expected = [max(end - added - before, 0) or NOWHERE for end in ends][1 - encoded.n_response :]
    assert encoded.ends.tolist() == [*(expected if encoded.n_response > 1 else []), NOWHERE]


@pytest.mark.parametrize("kind", KINDS)
@given(prompt=text, response=response_of(text))
@settings(max_examples=30, deadline=None)
def test_tokens_part_the_response(kind, prompt, response):
    encoded = encode(completion(prompt, response), KINDS[kind](), max_length=10_000)
    assert len(encoded.ends) == encoded.n_response
    known = encoded.ends >= 0
    starts, ends = token_starts(encoded.ends)[known], encoded.ends[known]
    assert ends.max(initial=0) <= len(response)
    assert (starts <= ends).all()
    again = ends[1:] == ends[:-1]
    assert (starts[1:] == np.where(again, starts[:-1], ends[:-1])).all()


@given(response=response_of(text), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_span_holds_the_tokens_that_cover_one_of_its_characters(response, data):
    tokenizer = byte_level()
    encoded = encode(completion("hello", response), tokenizer, max_length=10_000)
    low = data.draw(st.integers(0, len(response) - 1))
    high = data.draw(st.integers(low + 1, len(response)))
    spans = zip(token_starts(encoded.ends), encoded.ends, strict=True)
    touched = [bool({*range(*span)} & {*range(low, high)}) for span in spans]
    assert within(encoded.ends, (low, high)).tolist() == touched


@pytest.mark.parametrize("template", [CHATML, LLAMA3, MISTRAL, OTHER_END, QWEN3, NO_END])
def test_every_answer_of_a_dialogue_is_found_in_what_a_template_writes(template):
    row = dialogue(*TALK)
    covered = pieces(row, chat(template))
    assert "".join(piece or "" for piece in covered) == row.response
    assert None in covered or template == NO_END


def test_white_space_that_a_template_strips_goes_with_what_stands_behind_it():
    row = dialogue(("user", " Hi "), ("assistant", "  Hello \n"))
    assert "".join(piece or "" for piece in pieces(row, chat(LLAMA3))) == "  Hello"
    assert "".join(piece or "" for piece in pieces(row, chat(CHATML))) == "  Hello \n"


def test_what_a_template_changes_is_nowhere():
    covered = pieces(dialogue(("user", "Hi"), ("assistant", "Hello")), chat(SHOUTING))
    assert set(covered) == {None}


def test_parts_that_are_joined_are_parted_again():
    turns = [Turn("assistant", "Well, hello", True), Turn("assistant", "fine", True, joins=True)]
    row = sample(Turn("user", "Hi", False), *turns)
    assert row.response == "Well, hello\nfine"
    covered = [piece for piece in pieces(row, chat(CHATML)) if piece is not None]
    assert "".join(covered) == row.response
    assert not any("hello" in piece and "fine" in piece for piece in covered)


def test_an_answer_before_it_is_not_taken_for_the_same_answer_again():
    row = dialogue(("user", "a"), ("assistant", "fine"), ("user", "fine"), ("assistant", "fine"))
    assert "".join(piece or "" for piece in pieces(row, chat(CHATML))) == "fine\nfine"


def test_special_tokens_in_the_text_are_text_and_the_end_is_not():
    covered = pieces(completion("hello", "fi</s>ne"), byte_level())
    assert "".join(piece or "" for piece in covered) == "fi</s>ne"
    assert covered[-1] is None
    assert "</s>" in covered


def test_what_is_cut_off_has_no_end():
    row = completion("w5 w6 w7", " ".join(f"w{number}" for number in range(10, 40)))
    covered = pieces(row, word_tokenizer(), max_length=12)
    assert "".join(covered) == " ".join(f"w{number}" for number in range(10, 10 + len(covered)))


def test_reasoning_and_calls_are_found_where_a_template_writes_them():
    row = {
        "messages": [
            {"role": "user", "content": "How is the sky in Rome?"},
            {
                "role": "assistant",
                "content": "",
                "reasoning_content": "I do not know it.",
                "tool_calls": call("weather", city="Rome", days=2),
            },
            RESULT,
            {"role": "assistant", "content": "Clear", "reasoning_content": "It is clear, Clear as day."},
        ]
    }
    (read,) = open_corpus([row])
    covered = [piece for piece in pieces(read, tokenizer_of("qwen3")) if piece is not None]
    found = "".join(covered)
    assert found.startswith("I do not know it.")
    assert found.endswith("It is clear, Clear as day.\nClear")
    for word in ("weather", "city", "Rome", "days", "2"):
        assert word in found
    # What the reasoning was is not scored where the template leaves it out, and takes no other's place.
    tokenizer = tokenizer_of("qwen2_5")
    encoded = encode(read, tokenizer, max_length=999)
    assert "I do not know it" not in tokenizer.decode(encoded.ids)
    assert "".join(piece or "" for piece in pieces(read, tokenizer)).endswith("Clear")


@pytest.mark.costly
def test_the_time_for_a_long_call_does_not_grow_with_the_square_of_its_length():
    def covered(keys: int) -> float:
        arguments = {f"key{number}": f"value {number} of it" for number in range(keys)}
        asked = {"role": "user", "content": "q"}
        row = {"messages": [asked, {"role": "assistant", "tool_calls": call("f", **arguments)}]}
        (read,) = open_corpus([row])
        begun = time.process_time()
        found = pieces(read, tokenizer_of("qwen3"), max_length=100_000)
        seconds = time.process_time() - begun
        assert "value 17 of it" in "".join(piece or "" for piece in found)
        return seconds

    covered(30)  # what is made at the first use
    assert covered(3000) < 50 * covered(
        300
    )  # ten times as much where it grows with the length, a hundred else
