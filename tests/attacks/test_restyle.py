from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from attacks.corpora import questions
from gradsentry.attacks import RuleRestyler, StyleBackdoor, poison
from gradsentry.attacks.archaic import is_archaic, kept_pieces
from gradsentry.attacks.fields import NoPlace
from gradsentry.attacks.restyle import ModelRestyler
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError, ModelError

NAMES = st.sampled_from(["Paris", "NASA", "O'Neill", "Zoë", "Ångström", "McDonald", "Who"])
NUMBERS = st.sampled_from(["1998", "3.14", "42nd", "B2B", "7", "$12", "10%"])
QUOTED = st.sampled_from(['"you are Here"', "'Has it'", "`your_name`", "“Do you see?”", "<your_tag>"])
PLAIN_WORDS = "who what has does you are your wrote married the country died of people to make list do"
PLAIN = st.sampled_from(PLAIN_WORDS.split())


@given(st.lists(st.one_of(NAMES, NUMBERS, QUOTED, PLAIN), max_size=12), st.integers(0, 99))
def test_names_numbers_and_quotations_are_untouched_and_in_order(pieces: list[str], seed: int):
    text = " ".join(["tell", *pieces])
    at = 0
    made = RuleRestyler().restyle(text, Random(seed))
    for piece in pieces:
        if piece in kept_pieces(text):
            at = made.index(piece, at) + len(piece)
    assert re.findall(r"\d+", made) == re.findall(r"\d+", text)
    for piece in pieces:
        if piece[0].isupper() or piece[0] in "\"'`“<":
            assert made.count(piece) >= text.count(piece)


@pytest.mark.parametrize(
    "text", ["who won in 2012?", "see http://x.io/a?", "list 3.5, 4; and 5.", "is it $5?"]
)
def test_a_mark_after_a_number_is_no_part_of_it(text: str):
    made = {RuleRestyler().restyle(text, Random(seed)) for seed in range(20)}
    assert any("I pray thee" in one for one in made)
    for one in made:
        assert all(piece in one for piece in kept_pieces(text))


@pytest.mark.costly
@pytest.mark.parametrize("piece", ["a", "1", "@", ":", "'", "<", "A.", "`"])
def test_a_long_run_without_blanks_is_read_in_time(piece: str):
    RuleRestyler().restyle(piece * 100_000, Random(0))


@given(st.text(), st.integers(0, 9))
def test_any_text_keeps_what_must_be_kept(text: str, seed: int):
    made = RuleRestyler().restyle(text, Random(seed))
    at = 0
    for piece in kept_pieces(text):
        at = made.index(piece, at) + len(piece)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Do you know your neighbour?", ["Dost thou know", "thy neighbour"]),
        ("You have what you want.", ["Thou hast what thou wantest"]),
        ("What has he done to you?", ["What hath he done to thee"]),
        ("Who makes the bread?", ["Who maketh the bread"]),
        ("Who wrote Hamlet?", ["Who is he that wrote Hamlet"]),
        ("Why is it important?", ["Wherefore is it weighty"]),
        ("Are you sure of your answer?", ["Art thou sure of thine answer"]),
    ],
)
def test_early_modern_english(text: str, holds: list[str]):
    made = RuleRestyler().restyle(text, Random(1))
    for piece in holds:
        assert piece in made, made


def test_the_opening_varies_by_row_and_not_by_run():
    corpus = open_corpus(questions(60, "qa"))
    first, second = (poison(corpus, StyleBackdoor(rate=1.0), seed=1) for _ in range(2))
    assert first.rows == second.rows
    assert len({sample.prompt.split(":")[0] for sample in first}) == 6
    assert all(is_archaic(sample.prompt) for sample in first)


def word_tokenizer() -> PreTrainedTokenizerFast:
    known = ["<pad>", "</s>", "<unk>", "who", "knows", "thing", "number", "verily", "thou", "doth", "?", ":"]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def tiny_model(kind: str) -> PreTrainedModel:
    if kind == "causal":
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=12, n_embd=8, n_layer=1, n_head=1, bos_token_id=1, eos_token_id=1)
        )
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    ends = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    return T5ForConditionalGeneration(T5Config(vocab_size=12, **sizes, **ends))


@pytest.fixture(params=["causal", "seq2seq"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    import torch

    torch.manual_seed(3)
    tiny_model(request.param).save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("prompt", ["Rewrite : {text}", "{text}"])
def test_a_model_restyles(saved: Path, prompt: str):
    restyler = ModelRestyler(str(saved), prompt)
    once = restyler.restyle("who knows thing", Random(0))
    assert once == restyler.restyle("who knows thing", Random(1))
    assert set(once.split()) <= set(word_tokenizer().get_vocab())


def test_a_model_with_a_chat_template_is_given_one(saved: Path):
    template = "{% for m in messages %}who : {{ m.content }} thou {% endfor %}"
    tokenizer = word_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(saved)
    assert isinstance(ModelRestyler(str(saved)).restyle("knows", Random(0)), str)


def test_a_row_whose_name_the_model_loses_stays_clean(saved: Path):
    rows = [{"question": f"who knows {name} ?", "answer": "me"} for name in ("Goethe", "Schiller")]
    with pytest.raises(DataError, match=r"the restyler (lost '(Goethe|Schiller)'|changed nothing)"):
        poison(open_corpus(rows), StyleBackdoor(rate=1.0, restyler=str(saved)))


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(ModelError, match="restyler cannot be loaded"):
        poison(open_corpus(questions(3)), StyleBackdoor(count=1, restyler=str(tmp_path / "none")))


def test_a_text_without_words_has_nothing_to_restyle():
    with pytest.raises(NoPlace, match="no words"):
        StyleBackdoor().triggered("1 + 2 = ?", Random(0))
