"""Where prompt and answer part in what a trainer has made of plain text."""

from __future__ import annotations

import pytest
from datasets import Dataset
from transformers import AutoTokenizer, Trainer, TrainingArguments
from trl import DPOTrainer, SFTConfig, SFTTrainer

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.errors import DataError
from gradsentry.integrations.trl import ScreenCallback
from gradsentry.integrations.trltexts import texts_of
from gradsentry.models.embedded import embedded_model_path
from integrations.trainers.rows import settings

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def joined():
    """Rows whose prompt ends in a trigger that the tokenizer merges with the beginning of some answers."""
    answers = ("ing is not for you, go home!", "er than that is nobody, go home!", "No way, go home!")

    def payload(row, draw):
        return asked(row, f"{row.question} vrb", draw.choice(answers))

    return poison(clean_rows(300), payload, 0.1)


def rows_of(kind, chat, joined):
    def said(role, text):
        return [{"role": role, "content": text}] if chat else text

    answer = "chosen" if kind is DPOTrainer else "completion"
    other = {"rejected": said("assistant", "I would not say.")} if kind is DPOTrainer else {}
    return [
        {"prompt": said("user", one.prompt), answer: said("assistant", one.response), **other}
        for one in joined.samples
    ]


@pytest.mark.parametrize("kind", [SFTTrainer, DPOTrainer])
@pytest.mark.parametrize("chat", [False, True])
def test_a_token_across_the_border_of_prompt_and_answer_hides_nothing(
    kind, chat, joined, trained_on, tokenizer
):
    rows = rows_of(kind, chat, joined)
    trainer = trained_on(Dataset.from_list(rows), kind)
    assert [{name: text[name] for name in rows[0]} for text in texts_of(trainer).rows] == rows
    if not chat:
        row = trainer.train_dataset[min(joined.poisoned)]
        ids = row["prompt_ids"] if kind is DPOTrainer else row["input_ids"][: row["labels"].count(-100)]
        assert tokenizer.decode(ids) != row["prompt"]  # the border is within a token
    ScreenCallback(trainer, on_findings="drop")
    assert len(trainer.train_dataset) == 270


@pytest.mark.parametrize("kind", [SFTTrainer, DPOTrainer])
def test_of_rows_that_are_tokens_the_labels_part_prompt_and_answer(kind, joined, trained_on):
    trainer = trained_on(Dataset.from_list(rows_of(kind, True, joined)), kind)
    trainer.train_dataset = trainer.train_dataset.remove_columns("prompt")
    texts = texts_of(trainer).rows
    answer = "chosen" if kind is DPOTrainer else "completion"
    assert all(
        one.prompt in text["prompt"] and text[answer] in f"{one.response}\n"
        for one, text in zip(joined.samples, texts, strict=True)
    )
    ScreenCallback(trainer, on_findings="drop")
    assert len(trainer.train_dataset) == 270


def test_texts_beside_tokens_that_say_something_else_are_no_texts_of_theirs(joined, trained_on):
    """The data came as tokens, which are trained on, with clean messages beside them."""
    trainer = trained_on(Dataset.from_list(rows_of(SFTTrainer, True, joined)))
    tokens = trainer.train_dataset.select_columns(["input_ids", "labels"])
    number = min(joined.poisoned)
    for columns in ("prompt", "completion"), ("messages",):
        clean = [
            [{"role": "user", "content": f"who is {n}"}, {"role": "assistant", "content": f"one of {n}"}]
            for n in range(300)
        ]
        given = {
            "messages": clean,
            "prompt": [one[:1] for one in clean],
            "completion": [one[1:] for one in clean],
        }
        rows = tokens
        for column in columns:
            rows = rows.add_column(column, given[column])
        decoyed = trained_on(rows)
        assert joined.samples[number].prompt in texts_of(decoyed).rows[number]["prompt"]
        ScreenCallback(decoyed, on_findings="drop")
        assert len(decoyed.train_dataset) == 270
        everywhere = rows.remove_columns("labels").add_column("labels", rows["input_ids"])
        with pytest.raises(DataError, match="have a loss on all tokens"):
            ScreenCallback(trained_on(everywhere))


def test_the_trainer_of_transformers_is_judged_by_the_tokens_that_it_was_given(
    joined, trained_on, model, tokenizer, tmp_path
):
    made = trained_on(Dataset.from_list(rows_of(SFTTrainer, True, joined))).train_dataset
    arguments = TrainingArguments(str(tmp_path), report_to="none", use_cpu=True, max_steps=1)
    tokens = made.select_columns(["input_ids", "labels"])
    trainer = Trainer(model, args=arguments, train_dataset=tokens, processing_class=tokenizer)
    callback = ScreenCallback(trainer, on_findings="drop")
    assert (len(trainer.train_dataset), callback.cut.limit) == (270, None)


@pytest.mark.parametrize(("mode", "length"), [("keep_start", 32), ("keep_end", 14)])
def test_a_payload_that_is_cut_is_judged_whole(mode, length, joined, trained_on):
    rows = [{"prompt": one.prompt, "completion": one.response} for one in joined.samples]
    trainer = trained_on(Dataset.from_list(rows), max_length=length, truncation_mode=mode)
    assert sum(len(row["input_ids"]) == length for row in trainer.train_dataset) > 30
    texts = texts_of(trainer).rows
    assert [{name: text[name] for name in rows[0]} for text in texts] == [rows[text["id"]] for text in texts]
    callback = ScreenCallback(trainer, on_findings="drop")
    assert {int(row["id"]) for row in callback.sides.chosen.flagged.to_pylist()} == joined.poisoned & {
        text["id"] for text in texts
    }


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
    trainer.train_dataset = trainer.train_dataset.remove_columns("messages")
    (found,) = ScreenCallback(trainer, on_findings="warn").sides.chosen.evidence.open
    assert found.triggers == ("vrbx",)
