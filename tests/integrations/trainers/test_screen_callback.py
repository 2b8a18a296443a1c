"""What `ScreenCallback` judges of what a trainer has made, and what it refuses."""

from __future__ import annotations

import pytest
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.trl import ScreenCallback, screen_dataset
from integrations.trainers.rows import Logged, messages, preferences, rejecting, settings


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


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        (messages, {"packing": True}, "the trainer: its rows are packed: .* give the trainer what"),
        (messages, {"packing": True, "packing_strategy": "wrapped"}, "its rows are packed"),
        (
            lambda made: messages(made).to_iterable_dataset(),
            {},
            "the trainer: its rows are streamed, .* give",
        ),
        (
            messages,
            {"max_length": 3},
            "has no rows left to train on: no response lies within its max_length of 3",
        ),
        (
            preferences,
            {"max_length": 3, "kind": DPOTrainer},
            "within its max_length of 3 tokens; raise max_length",
        ),
    ],
)
def test_what_a_callback_cannot_screen_is_refused_with_the_way_out(rows, more, said, made, trained_on):
    with pytest.raises(DataError, match=said):
        ScreenCallback(trained_on(rows(made), **more), on_findings="drop")


def test_a_callback_without_its_trainer_says_how_it_is_made(made, model, tokenizer, tmp_path):
    with pytest.raises(SettingsError, match=r"make the trainer first, then `trainer.add_callback\("):
        SFTTrainer(
            model,
            args=settings(SFTConfig, tmp_path),
            train_dataset=messages(made),
            processing_class=tokenizer,
            callbacks=[ScreenCallback],
        )


def test_what_is_only_evaluated_on_stays(made, model, tokenizer, tmp_path):
    rows = messages(made)
    arguments, tested = settings(SFTConfig, tmp_path), rows.select(range(5))
    trainer = SFTTrainer(
        model, args=arguments, train_dataset=rows, eval_dataset=tested, processing_class=tokenizer
    )
    ScreenCallback(trainer, on_findings="drop")
    assert (len(trainer.train_dataset), len(trainer.eval_dataset)) == (270, 5)


def test_rows_without_a_prompt_of_their_own_are_not_called_clean(made, model, tokenizer, tmp_path):
    arguments = SFTConfig(str(tmp_path), report_to=[], use_cpu=True, completion_only_loss=False)
    trainer = SFTTrainer(model, args=arguments, train_dataset=messages(made), processing_class=tokenizer)
    with pytest.raises(DataError, match="have a loss on all tokens"):
        ScreenCallback(trainer)
