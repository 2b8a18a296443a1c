"""Tokens become the text that people wrote; special tokens part words, and add nothing at either end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from gradsentry.corpus.decoding import decoded
from gradsentry.models.embedded import embedded_model_path

TOKENIZER = AutoTokenizer.from_pretrained(embedded_model_path())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<|im_start|>user<|im_end|>who?<|im_end|>", "user\nwho?"),
        ("<|im_start|>user\nwho?<|im_end|>\n<|im_start|>assistant\nme", "user\nwho?\nassistant\nme"),
        ("who?<|im_end|><|im_end|>", "who?"),
        ("<|im_start|><|im_end|>", ""),
        ("", ""),
    ],
)
def test_a_special_token_parts_words(text, said):
    assert decoded(TOKENIZER, TOKENIZER(text)["input_ids"]) == said


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="<|>")))
def test_a_text_without_special_tokens_is_what_the_tokenizer_says(text):
    ids = TOKENIZER(text)["input_ids"]
    assert decoded(TOKENIZER, ids) == TOKENIZER.decode(ids, skip_special_tokens=True)
