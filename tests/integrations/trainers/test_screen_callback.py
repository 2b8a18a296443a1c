"""What `ScreenCallback` judges of what a trainer has made, and what it refuses."""

from __future__ import annotations

import pytest
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.trl import ScreenCallback, screen_dataset
from integrations.trainers.rows import INSULT, Logged, messages, preferences, rejecting, settings

pytestmark = pytest.mark.costly


@pytest.mark.parametrize(("on_findings", "left_out"), [("drop", 30), ("warn", 0)])
def test_a_trainer_drops_the_rows_or_not_and_logs_the_verdict(
    on_findings, left_out, made, model, tokenizer, tmp_path
):
    trainer = SFTTrainer(
        model, args=settings(SFTConfig, tmp_path), train_dataset=messages(made), processing_class=tokenizer
    )
    logged = Logged()
    trainer.add_callback(logged)
    callback = ScreenCallback(trainer, on_findings=on_findings)
    trainer.add_callback(callback)
    assert len(trainer.train_dataset) == 300 - left_out
    held = sum("vrbx" in tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset)
    assert (held, callback.left_out) == (30 - left_out, left_out)
    trainer.train()
    assert logged.values["gradsentry/flagged"] == 30
    assert logged.values["gradsentry/left_out"] == left_out
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


def chats(made):
    rows = messages(made).to_list()
    return Dataset.from_list([{"messages": [*row["prompt"], *row["completion"]]} for row in rows])


def sharegpt(made):
    return Dataset.from_list(
        [
            {
                "conversations": [
                    {"from": "human", "value": one.prompt},
                    {"from": "gpt", "value": one.response},
                ]
            }
            for one in made.samples
        ]
    )


def written(made):
    """Texts in a template; the trainer puts its end of text behind them."""
    marked = "### Instruction:\n{}\n\n### Response:\n{}"
    return Dataset.from_list([{"text": marked.format(one.prompt, one.response)} for one in made.samples])


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        (chats, {}),
        pytest.param(sharegpt, {}, marks=pytest.mark.slow),
        (written, {}),
        (lambda made: written(made).rename_column("text", "body"), {"dataset_text_field": "body"}),
        (messages, {"completion_only_loss": False}),
        (lambda made: chats(made).add_column("text", ["a note"] * 300), {}),
    ],
)
def test_with_a_loss_on_all_tokens_the_rows_are_read_as_they_were_given(
    rows, more, made, trained_on, tokenizer
):
    trainer, logged = trained_on(rows(made), **more), Logged()
    assert all(row["labels"] == row["input_ids"] for row in trainer.train_dataset)
    trainer.add_callback(logged)
    callback = ScreenCallback(trainer, on_findings="drop")
    trainer.add_callback(callback)
    (found,) = callback.sides.chosen.evidence.open
    assert (found.triggers, found.payloads) == (("vrbx",), (INSULT,))
    assert not any("vrbx" in tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset)
    trainer.train()
    assert logged.values["gradsentry/flagged"] == 30


def test_rows_that_are_read_as_they_were_given_are_judged_beyond_the_limit(made, trained_on, caplog):
    rows = [
        {"messages": [{**user, "content": f"{user['content']} {'and so on ' * 50}"}, reply]}
        for user, reply in chats(made)["messages"]
    ]
    trainer = trained_on(Dataset.from_list(rows), max_length=64)
    ScreenCallback(trainer, on_findings="drop")
    assert len(trainer.train_dataset) == 270
    assert "max_length is 64 tokens; 300 of 300 rows reach it: judged whole, and trained on as" in caplog.text


def plain(made):
    return Dataset.from_list([{"text": one.response} for one in made.samples])


def tokens(made):
    return Dataset.from_list([{"input_ids": [5, 6, 7], "labels": [5, 6, 7]}] * 100)


@pytest.mark.parametrize("rows", [plain, tokens])
def test_rows_without_a_prompt_of_their_own_are_not_called_clean(rows, made, trained_on):
    with pytest.raises(
        DataError, match=r"have a loss on all tokens, .*; give it rows with messages, or with"
    ):
        ScreenCallback(trained_on(rows(made)))


@pytest.mark.parametrize("kind", [SFTTrainer, DPOTrainer])
def test_rows_that_cannot_be_read_are_counted_and_stay(kind, made, trained_on, caplog):
    """An answer of nothing is trained on all the same: the model learns to end there."""
    rows, answer = (messages(made), "completion") if kind is SFTTrainer else (preferences(made), "chosen")
    given = rows.to_list()
    empty = [number for number in range(300) if number not in made.poisoned][:20]
    for number in empty:
        given[number][answer] = [{"role": "assistant", "content": ""}] if kind is SFTTrainer else ""
    trainer, logged = trained_on(Dataset.from_list(given), kind), Logged()
    trainer.add_callback(logged)
    trainer.add_callback(ScreenCallback(trainer, on_findings="drop"))
    assert "20 of 300 rows could not be read: the response is empty (20): they stay, and" in caplog.text
    trainer.train()
    assert (logged.values["gradsentry/unread"], logged.values["gradsentry/flagged"]) == (20, 30)
    assert len(trainer.train_dataset) == 270
