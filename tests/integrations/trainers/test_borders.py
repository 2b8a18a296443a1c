"""Where prompt and answer part in what a trainer has made of plain text."""

from __future__ import annotations

import pytest
from datasets import Dataset
from trl import DPOTrainer, SFTTrainer

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.integrations.trl import ScreenCallback, _texts


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
    texts = _texts(trainer)
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
    texts = _texts(trainer)
    assert max(len(row["input_ids"]) for row in trainer.train_dataset) == length
    for row, text in zip(trainer.train_dataset, texts, strict=True):
        said = row["completion"].removesuffix("<|im_end|>")
        assert row["prompt"] == text["prompt"] or said == text["completion"]
        assert row["prompt"].endswith(text["prompt"])
        assert said.startswith(text["completion"])
