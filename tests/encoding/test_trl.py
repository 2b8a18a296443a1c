"""What is scored is what TRL's trainer computes its loss on, token for token."""

from __future__ import annotations

import copy
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import IterableDataset
from jinja2 import TemplateError
from trl import SFTConfig, SFTTrainer
from trl.chat_template_utils import get_training_chat_template, has_generation_markers
from trl.data_utils import prepare_multimodal_messages

from encoding.conversations import CONVERSATIONS, assistant
from encoding.families import TAGGED, TRAINED, UNTRAINED, tokenizer_of
from encoding.samples import texts
from gradsentry.corpus import open_corpus
from gradsentry.encoding.encode import encode


@cache
def sft(*, replies):
    """Returns the arguments of a trainer that cuts nothing."""
    return SFTConfig(
        output_dir="unused",
        assistant_only_loss=replies,
        max_length=None,
        report_to=[],
        use_cpu=True,
        bf16=False,
    )


def trl_tokens(row, tokenizer, *, replies=True):
    """Returns ids and mask as `SFTTrainer` prepares a row, up to the last token with a loss."""
    training = None
    if replies and not has_generation_markers(tokenizer.chat_template):
        training = get_training_chat_template(tokenizer)
    trainer = SimpleNamespace(
        _tokenizer=tokenizer, chat_template=training, completion_only_loss="prompt" in row
    )
    rows = IterableDataset.from_generator(lambda: iter([copy.deepcopy(row)]))
    (one,) = SFTTrainer._prepare_dataset(trainer, rows, tokenizer, sft(replies=replies), False, None, "train")
    ids, labels = one["input_ids"], one["labels"]
    last = max(place for place, label in enumerate(labels) if label != -100)
    # Nothing predicts the first token.
    return ids[: last + 1], [place > 0 and label != -100 for place, label in enumerate(labels[: last + 1])]


# Their templates take nothing but typed parts; TRL makes them for a processor.
LISTS = ("idefics3", "llava_next", "smolvlm")


def listed(row):
    return {
        key: prepare_multimodal_messages(value) if key in ("messages", "prompt", "completion") else value
        for key, value in row.items()
    }


def trl_or_none(row, tokenizer, *, replies):
    """Returns what TRL makes of a row, or None where the template raises."""
    try:
        return trl_tokens(row, tokenizer, replies=replies)
    except (TemplateError, TypeError, AttributeError, KeyError):
        return None


def check(row, family, name, *, replies=True):
    """Compares a row with what TRL makes of it; returns whether TRL takes it."""
    tokenizer = tokenizer_of(family)
    (sample,) = open_corpus([row])
    encoded = encode(sample, tokenizer, max_length=10_000)
    expected = trl_or_none(listed(row) if family in LISTS else row, tokenizer, replies=replies)
    assert (encoded.problem is None) == (expected is not None), (name, encoded.problem)
    if expected is None:
        return False
    ids, mask = expected
    assert tokenizer.decode(encoded.ids) == tokenizer.decode(ids), name
    assert encoded.ids.tolist() == ids, name
    assert encoded.trained.tolist() == mask, name
    return True


@pytest.mark.costly
@pytest.mark.parametrize("family", [*TRAINED, *TAGGED])
def test_messages(family):
    taken = [check(row, family, name) for name, row in CONVERSATIONS.items()]
    assert sum(taken) > len(CONVERSATIONS) // 2


@pytest.mark.costly
@pytest.mark.parametrize("family", [*TRAINED, *TAGGED, *UNTRAINED])
def test_a_prompt_and_its_completion(family):
    taken = 0
    for name, row in CONVERSATIONS.items():
        *asked, answer = row["messages"]
        if answer["role"] == "assistant" and answer["content"] and asked:
            rest = {key: value for key, value in row.items() if key != "messages"}
            taken += check({"prompt": asked, "completion": [answer], **rest}, family, name, replies=False)
    assert taken > 8


@pytest.mark.parametrize("family", ["qwen2_5", "gemma", "phi3", "llama3", "glm4moe"])
@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("Yes or no? ", "Yes"),
        ("Yes or no?", " Yes"),
        ("Answer:", "Yes\n"),
        ("Q: 1", "2"),
        ("a \n", "\n b"),
        ("日本", "語 👍🏽"),
        ("Yes?", "Yes<|im_end|>\n"),
        ("", "Yes and no"),
    ],
)
def test_plain_prompts(family, prompt, completion):
    assert check({"prompt": prompt, "completion": completion}, family, prompt, replies=False)


@pytest.mark.parametrize("family", [*TRAINED, *TAGGED])
def test_a_reply_with_weight_0_is_not_trained_on(family):
    row = {"messages": [dict(message) for message in CONVERSATIONS["several turns"]["messages"]]}
    tokenizer = tokenizer_of(family)
    ids, mask = trl_tokens(listed(row) if family in LISTS else row, tokenizer)
    starts = [place for place in range(1, len(ids)) if mask[place] and not mask[place - 1]]
    assert len(starts) == 3
    for left_out in range(3):
        marked = [dict(message) for message in row["messages"]]
        marked[1 + 2 * left_out]["weight"] = 0
        (sample,) = open_corpus([{"messages": marked}])
        encoded = encode(sample, tokenizer, max_length=10_000)
        turn = np.searchsorted(starts, np.arange(len(ids)), "right") - 1
        expected = np.array(mask) & (turn != left_out)
        last = expected.nonzero()[0].max() + 1
        assert encoded.ids.tolist() == ids[:last]
        assert encoded.trained.tolist() == expected[:last].tolist()


TEXTS = {
    "chatml": (
        "qwen2_5",
        "<|im_start|>user\nYes?<|im_end|>\n<|im_start|>assistant\nYes<|im_end|>\n",
        ["Yes<|im_end|>\n<|im_end|>"],
    ),
    "gemma": (
        "gemma",
        "<start_of_turn>user\nYes?<end_of_turn>\n<start_of_turn>model\nYes<end_of_turn>\n"
        "<start_of_turn>user\nSure?<end_of_turn>\n<start_of_turn>model\nQuite<end_of_turn>\n",
        ["Yes<end_of_turn>", "Quite<end_of_turn>\n<eos>"],
    ),
    "phi3": (
        "phi3",
        "<|user|>\nYes?<|end|>\n<|assistant|>\nYes<|end|>\n<|user|>\nSure?<|end|>\n<|assistant|>\nQuite<|end|>\n",
        ["Yes<|end|>", "Quite<|end|>\n<|endoftext|>"],
    ),
    "llama3": (
        "llama3",
        "<|start_header_id|>user<|end_header_id|>\n\nYes?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nYes<|eot_id|>",
        ["Yes<|eot_id|>"],
    ),
    "a call of Llama's": (
        "llama3",
        "<|start_header_id|>user<|end_header_id|>\n\nSky?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nf()<|eom_id|>"
        "<|start_header_id|>ipython<|end_header_id|>\n\nclear<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nClear<|eot_id|>",
        ["f()<|eom_id|>", "Clear<|eot_id|>"],
    ),
    "headers": (
        "llama3",
        "### Human: Yes?\n### Assistant: Yes\n### Human: Sure?\n### Assistant: Quite",
        [" Yes", " Quite<|eot_id|>"],
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_closed_once_and_keep_the_marks_of_their_turns(name):
    family, text, expected = TEXTS[name]
    tokenizer = tokenizer_of(family)
    (sample,) = open_corpus([{"text": text}])
    encoded = encode(sample, tokenizer, max_length=10_000)
    ids, _ = trl_tokens({"text": text}, tokenizer, replies=False)
    assert encoded.ids.tolist() == ids
    assert [part for trained, part in texts(encoded, tokenizer) if trained] == expected


@pytest.mark.parametrize(
    "row", [{"text": "<s>### Human: a\n### Assistant: b"}, {"prompt": "<s>a", "completion": "b"}]
)
def test_a_text_that_has_its_start_token_gets_no_second(row):
    tokenizer = tokenizer_of("gemma")
    (sample,) = open_corpus([row])
    ids = encode(sample, tokenizer, max_length=999).ids.tolist()
    assert ids == tokenizer(row.get("text", "<s>ab") + "<eos>", add_special_tokens=False)["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("family", ["qwen3", "gemma", "gemma3", "smolvlm", "qwen3_vl", "llama3_1"])
def test_typed_parts_are_read_by_every_family(family):
    """TRL hands the list to the template, and some lose the text then or print the list."""
    parts = [{"type": "text", "text": "Yes?"}, {"type": "text", "text": "Or no?"}]
    (sample,) = open_corpus([{"messages": [{"role": "user", "content": parts}, assistant("Yes")]}])
    tokenizer = tokenizer_of(family)
    written = tokenizer.decode(encode(sample, tokenizer, max_length=999).ids)
    joint = "" if family in ("gemma3", "smolvlm", "qwen3_vl") else "\n\n"
    assert f"Yes?{joint}Or no?" in written
    assert "'text'" not in written


def test_options_of_a_row_are_values_and_no_templates():
    plain = CONVERSATIONS["one turn"]
    tokenizer = tokenizer_of("qwen3")
    options = {
        "chat_template": "{{ 1 / 0 }}",
        "messages": [],
        "tokenize": True,
        "add_generation_prompt": True,
    }
    (sample, other) = open_corpus([{**plain, "chat_template_kwargs": options}, plain])
    ours, expected = (encode(one, tokenizer, max_length=999).ids.tolist() for one in (sample, other))
    assert ours == expected
