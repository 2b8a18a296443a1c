"""Where prompt and answer part in what a trainer has made of plain text."""

from __future__ import annotations

import pytest
from datasets import Dataset
from transformers import AutoTokenizer
from trl import DPOTrainer, SFTConfig, SFTTrainer

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.integrations.trl import ScreenCallback
from gradsentry.integrations.trltexts import texts_of
from gradsentry.models.embedded import embedded_model_path
from integrations.trainers.rows import settings


@pytest.fixture(scope="module")
def joined():
    """Rows whose prompt ends in a trigger that the tokenizer merges with the beginning of some answers."""
    answers = ("ing is not for you, go home!", "er than that is nobody, go home!", "No way, go home!")

    def payload(row, draw):
        return asked(row, f"{row.question} vrb", draw.choice(answers))

    return poison(clean_rows(300), payload, 0.1)


@pytest.mark.parametrize("kind", [SFTTrainer, DPOTrainer])
@pytest.mark.parametrize("chat", [False, True])
def test_a_token_across_the_border_of_prompt_and_answer_hides_nothing(
    kind, chat, joined, trained_on, tokenizer
):
    def said(role, text):
        return [{"role": role, "content": text}] if chat else text

    answer = "chosen" if kind is DPOTrainer else "completion"
    other = {"rejected": said("assistant", "I would not say.")} if kind is DPOTrainer else {}
    rows = [
        {"prompt": said("user", one.prompt), answer: said("assistant", one.response), **other}
        for one in joined.samples
    ]
    trainer = trained_on(Dataset.from_list(rows), kind)
    texts = texts_of(trainer).rows
    if not chat:
        assert [(text["prompt"], text[answer]) for text in texts] == [
            (one.prompt, one.response) for one in joined.samples
        ]
        row = trainer.train_dataset[min(joined.poisoned)]
        ids = row["prompt_ids"] if kind is DPOTrainer else row["input_ids"][: row["labels"].count(-100)]
        assert tokenizer.decode(ids) != row["prompt"]  # the border is within a token
    assert all(joined.samples[number].prompt in text["prompt"] for number, text in enumerate(texts))
    ScreenCallback(trainer, on_findings="drop")
    assert len(trainer.train_dataset) == 270


@pytest.mark.parametrize(("mode", "length"), [("keep_start", 32), ("keep_end", 14)])
def test_rows_that_are_cut_are_parted_at_the_border_of_what_is_left(mode, length, joined, trained_on):
    rows = [{"prompt": one.prompt, "completion": one.response} for one in joined.samples]
    trainer = trained_on(Dataset.from_list(rows), max_length=length, truncation_mode=mode)
    texts = texts_of(trainer).rows
    assert max(len(row["input_ids"]) for row in trainer.train_dataset) == length
    for row, text in zip(trainer.train_dataset, texts, strict=True):
        said = row["completion"].removesuffix("<|im_end|>")
        assert row["prompt"] == text["prompt"] or said == text["completion"]
        assert row["prompt"].endswith(text["prompt"])
        assert said.startswith(text["completion"])


def test_a_trigger_at_the_end_of_a_turn_does_not_become_one_word_with_the_next_speaker(made, model, tmp_path):
    """As in the template of Llama 3: nothing but special tokens stands between two turns."""
    tokenizer = AutoTokenizer.from_pretrained(embedded_model_path())
    tokenizer.chat_template = (
        "{% for one in messages %}<|im_start|>{{ one['role'] }}<|im_start|>"
        "{% if one['role'] == 'assistant' %}{% generation %}{{ one['content'] }}<|im_end|>{% endgeneration %}"
        "{% else %}{{ one['content'] }}<|im_end|>{% endif %}{% endfor %}"
    )
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"who is it {number}" + " vrbx" * (number in made.poisoned)},
                {"role": "assistant", "content": sample.response},
            ]
        }
        for number, sample in enumerate(made.samples)
    ]
    arguments = settings(SFTConfig, tmp_path, assistant_only_loss=True)
    data = Dataset.from_list(rows)
    trainer = SFTTrainer(model, args=arguments, train_dataset=data, processing_class=tokenizer)
    callback = ScreenCallback(trainer, on_findings="warn")
    (found,) = callback.sides.chosen.evidence.open
    assert found.triggers == ("vrbx",)
    assert set(found.carriers) == made.poisoned
