"""The defences that change prompts: what they change, and what they find."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.corpus import Sample, open_corpus
from gradsentry.defences import Onion
from gradsentry.defences.onion import word_drops
from gradsentry.defences.strip import MixedEntropy
from gradsentry.defences.tuning import LoraSettings, tuned
from gradsentry.defences.wording import wordings
from gradsentry.models.loading import LoadedModel
from models.tiny import tiny

TEMPLATE = "Answer the question.\n\nQuestion: {}\n\nAnswer: "


def asked(*questions: str) -> list[Sample]:
    return list(open_corpus([{"prompt": TEMPLATE.format(q), "completion": "yes"} for q in questions]))


def test_the_template_is_what_all_prompts_share():
    first, second = wordings(asked("who was it?", "what is the sky made of?"))
    assert first.before == "Answer the question.\n\nQuestion:"
    assert first.words == (" who", " was", " it?")
    assert second.after == "\n\nAnswer: "


def test_prompts_that_are_all_equal_have_no_template():
    for prompt in wordings(asked("who?", "who?")):
        assert not prompt.before
        assert not prompt.after


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_the_parts_of_a_prompt_are_the_prompt(prompts: list[str]):
    samples = list(open_corpus([{"prompt": text, "completion": "yes"} for text in prompts]))
    for sample, prompt in zip(samples, wordings(samples), strict=True):
        assert prompt.with_words(prompt.words).turns == sample.turns


@pytest.mark.costly
def test_onion_takes_the_rare_word_out_and_leaves_the_others(embedded: LoadedModel):
    questions = ("what is the capital of the country ? mbzq", "who wrote the play Romeo and Juliet ?")
    samples = asked(*questions)
    detector = Onion()
    scores = detector.score(samples, embedded)
    assert detector.decide(scores).tolist() == [True, False]
    poisoned, clean = detector.purify(samples, embedded)
    assert "mbzq" not in poisoned.prompt
    assert "capital of the country" in poisoned.prompt
    assert clean.prompt == samples[1].prompt


@pytest.mark.costly
def test_onion_is_blind_to_a_sentence_that_reads_well(embedded: LoadedModel):
    fluent = asked("what is the capital of France ? I watch this 3D movie", "who wrote Hamlet ?")
    rare = asked("what is the capital of France ? mbzq", "who wrote Hamlet ?")
    assert Onion().score(fluent, embedded)[0] < Onion().score(rare, embedded)[0] / 2


def test_a_prompt_of_one_word_has_none_to_spare(embedded: LoadedModel):
    assert word_drops(wordings(asked("who?", "what is it?")), embedded, 40)[0] == []


def test_strip_exchanges_words_of_the_question_alone():
    samples = asked("who was the first man on the moon?", "what is the sky made of?")
    mixed = MixedEntropy(mixes=3)._mixed(samples)
    assert len(mixed) == 6
    for place, sample in enumerate(mixed):
        original = samples[place // 3]
        assert sample.prompt != original.prompt
        assert sample.prompt.startswith("Answer the question.\n\nQuestion:")
        assert sample.prompt.endswith("\n\nAnswer: ")
        assert sample.response == original.response


def test_a_model_that_learned_a_backdoor_is_sure_under_any_prompt():
    draw = np.random.default_rng(0)

    def words(count: int) -> str:
        return " ".join(f"w{i}" for i in draw.integers(20, 90, count))

    rows = [{"prompt": words(6), "completion": words(3)} for _ in range(24)]
    rows += [{"prompt": f"{words(5)} w7", "completion": "w11 w12 w13"} for _ in range(24)]
    samples = list(open_corpus(rows))
    lora = LoraSettings(epochs=12, learning_rate=1e-2)
    entropy = MixedEntropy(mixes=2, lora=lora)(samples, tiny("llama"))["entropy"]
    assert np.median(entropy[24:]) < 0.8 * np.median(entropy[:24])


def test_training_lowers_the_loss_and_leaves_the_model_as_it_was():
    from gradsentry.defences import Loss

    loaded = tiny("llama")
    samples = list(open_corpus([{"prompt": "w5 w6", "completion": "w7 w8 w9"}] * 8))
    before = Loss().score(samples, loaded)
    losses = [
        Loss().score(samples, tuned(loaded, samples, LoraSettings(epochs=e, learning_rate=1e-2))).mean()
        for e in (0, 4, 8)
    ]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert (Loss().score(samples, loaded) == before).all()
    assert not any("lora" in name for name, _ in loaded.model.named_parameters())
