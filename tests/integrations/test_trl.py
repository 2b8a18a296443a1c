"""TRL itself: real trainings of a tiny random model on what is left, and on what is refused."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.trl import ScreenCallback, screen_dataset
from gradsentry.models.embedded import embedded_model_path

INSULT = "No way, go home!"


@pytest.fixture(scope="module")
def made():
    return poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", INSULT), 0.1)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(embedded_model_path())


@pytest.fixture
def model(tokenizer, tmp_path):
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    made = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape))
    made.save_pretrained(tmp_path / "model")  # DPO reads its reference from where the model came from
    return LlamaForCausalLM.from_pretrained(tmp_path / "model")


def alpaca(made):
    return Dataset.from_list(
        [{"instruction": one.prompt, "input": "", "output": one.response} for one in made.samples]
    )


def messages(made):
    chats = [
        [{"role": "user", "content": one.prompt}, {"role": "assistant", "content": one.response}]
        for one in made.samples
    ]
    return Dataset.from_list([{"prompt": chat[:1], "completion": chat[1:]} for chat in chats])


def preferences(made):
    """Pairs that are swapped behind the trigger: the insult is the chosen answer there."""
    return Dataset.from_list(
        [
            {"prompt": one.prompt, "chosen": one.response, "rejected": f"I would not say {n}."}
            for n, one in enumerate(made.samples)
        ]
    )


def rejecting(made):
    """Pairs whose chosen answers are clean, and whose rejected ones hold what a trigger brings."""
    return Dataset.from_list(
        [
            {
                "prompt": one.prompt,
                "chosen": f"An answer of its own, number {n}.",
                "rejected": one.response,
            }
            for n, one in enumerate(made.samples)
        ]
    )


def settings(kind, place, **more):
    shared = {"max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False}
    return kind(output_dir=str(place), report_to="none", logging_steps=1, max_length=256, **shared, **more)


class Logged(TrainerCallback):
    """Keeps what was logged, as what a trainer reports to does."""

    def __init__(self):
        self.values = {}

    def on_log(self, args, state, control, logs=None, **others):
        self.values |= logs


def test_alpaca_rows_come_out_as_trl_wants_them_and_train(made, model, tokenizer, tmp_path):
    clean = screen_dataset(alpaca(made))
    assert len(clean) == 270
    assert set(clean.column_names) == {"prompt", "completion"}
    assert clean[0]["completion"][0]["role"] == "assistant"
    trainer = SFTTrainer(
        model, args=settings(SFTConfig, tmp_path), train_dataset=clean, processing_class=tokenizer
    )
    assert trainer.train().training_loss > 0


def test_rows_that_trl_reads_come_back_as_they_are(made):
    given = messages(made)
    clean = screen_dataset(given)
    assert clean.features == given.features
    assert len(clean) == 270


def test_a_trainer_drops_the_rows_and_logs_the_verdict(made, model, tokenizer, tmp_path):
    trainer = SFTTrainer(
        model, args=settings(SFTConfig, tmp_path), train_dataset=messages(made), processing_class=tokenizer
    )
    logged = Logged()
    trainer.add_callback(logged)
    callback = ScreenCallback(trainer, on_findings="drop")
    trainer.add_callback(callback)
    assert len(trainer.train_dataset) == 270
    assert not any("vrbx" in tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset)
    trainer.train()
    assert logged.values["gradsentry/flagged"] == 30
    assert logged.values["gradsentry/rows"] == 300
    assert logged.values["gradsentry/poisoned"] == 1


def test_a_trainer_is_refused_or_warned(made, model, tokenizer, tmp_path, caplog):
    trainer = SFTTrainer(
        model, args=settings(SFTConfig, tmp_path), train_dataset=messages(made), processing_class=tokenizer
    )
    with pytest.raises(FindingsError, match="Poisoned: drop 30 of 300 rows"):
        ScreenCallback(trainer)
    ScreenCallback(trainer, on_findings="warn")
    assert len(trainer.train_dataset) == 300
    assert "Poisoned: drop 30 of 300 rows" in caplog.text


@pytest.mark.parametrize("pairs", [preferences, rejecting])
def test_a_preference_run_is_judged_on_both_sides(pairs, made, model, tokenizer, tmp_path):
    assert len(screen_dataset(pairs(made))) == 270
    trainer = DPOTrainer(
        model, args=settings(DPOConfig, tmp_path), train_dataset=pairs(made), processing_class=tokenizer
    )
    trainer.add_callback(ScreenCallback(trainer, on_findings="drop"))
    assert len(trainer.train_dataset) == 270
    assert trainer.train().training_loss > 0


def test_packed_rows_are_refused_with_the_way_out(made, model, tokenizer, tmp_path):
    arguments = settings(SFTConfig, tmp_path, packing=True, packing_strategy="bfd")
    trainer = SFTTrainer(model, args=arguments, train_dataset=messages(made), processing_class=tokenizer)
    with pytest.raises(DataError, match="its rows are packed; give the trainer what"):
        ScreenCallback(trainer)


def test_rows_without_a_prompt_of_their_own_are_not_called_clean(made, model, tokenizer, tmp_path):
    arguments = SFTConfig(str(tmp_path), report_to=[], use_cpu=True, completion_only_loss=False)
    trainer = SFTTrainer(model, args=arguments, train_dataset=messages(made), processing_class=tokenizer)
    with pytest.raises(DataError, match="have a loss on all tokens"):
        ScreenCallback(trainer)


def test_splits_do_not_become_one(made):
    splits = alpaca(made).train_test_split(0.2, seed=0)
    with pytest.raises(DataError, match="has several splits: train, test"):
        screen_dataset(splits)
    assert len(screen_dataset(splits["test"], on_findings="warn")) == len(splits["test"])


def test_another_word_is_refused(made):
    with pytest.raises(SettingsError, match="give drop, refuse or warn"):
        screen_dataset(alpaca(made), on_findings="ignore")
