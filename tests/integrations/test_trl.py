"""TRL itself: real trainings of a tiny random model on what is left, and on what is refused."""

from __future__ import annotations

import pickle

import pytest
import torch
from datasets import ClassLabel, Dataset, IterableDataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from typer.testing import CliRunner

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.cli import app
from gradsentry.errors import DataError, FindingsError, SettingsError
from gradsentry.integrations.trl import ScreenCallback, _texts, screen_dataset
from gradsentry.models.embedded import embedded_model_path
from integrations.made import write_lines

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
    more = {"max_length": 256, **more}
    return kind(output_dir=str(place), report_to="none", logging_steps=1, **shared, **more)


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


@pytest.fixture
def trained_on(model, tokenizer, tmp_path):
    """Makes a trainer of some rows, as TRL does with these settings."""

    def made(rows, kind=SFTTrainer, **more):
        config = SFTConfig if kind is SFTTrainer else DPOConfig
        arguments = settings(config, tmp_path, **more)
        return kind(model, args=arguments, train_dataset=rows, processing_class=tokenizer)

    return made


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


def test_what_is_screened_before_can_be_packed_or_streamed(made, trained_on):
    assert trained_on(screen_dataset(alpaca(made)), packing=True).train().training_loss > 0
    streamed = screen_dataset(messages(made).to_iterable_dataset())
    assert isinstance(streamed, IterableDataset)
    assert not any("vrbx" in row["prompt"][0]["content"] for row in streamed)
    assert trained_on(streamed).train().training_loss > 0


def test_what_is_only_evaluated_on_stays(made, model, tokenizer, tmp_path):
    rows = messages(made)
    arguments, tested = settings(SFTConfig, tmp_path), rows.select(range(5))
    trainer = SFTTrainer(
        model, args=arguments, train_dataset=rows, eval_dataset=tested, processing_class=tokenizer
    )
    ScreenCallback(trainer, on_findings="drop")
    assert (len(trainer.train_dataset), len(trainer.eval_dataset)) == (270, 5)


def test_columns_that_hold_no_turn_stay_with_their_types(made):
    given = alpaca(made).add_column("source", ["web", "book"] * 150).add_column("tags", [["a"], []] * 150)
    given = given.cast_column("source", ClassLabel(names=["web", "book"]))
    kept = [row for number, row in enumerate(given) if number not in made.poisoned]
    clean = screen_dataset(given)
    assert set(clean.column_names) == {"prompt", "completion", "source", "tags"}
    assert clean.features["source"] == ClassLabel(names=["web", "book"])
    assert clean.features["tags"] == given.features["tags"]
    for rows in (clean, screen_dataset(given.to_iterable_dataset()), screen_dataset(given.to_pandas())):
        assert [(one["source"], list(one["tags"])) for one in rows] == [
            (o["source"], o["tags"]) for o in kept
        ]
        assert [one["prompt"][0]["content"] for one in rows] == [one["instruction"] for one in kept]


@pytest.mark.parametrize("kind", ["stream", "frame", "list", "file"])
def test_whatever_comes_in_trl_can_train_on_it(kind, made, trained_on, tmp_path):
    rows = alpaca(made)
    if kind == "file":
        rows.to_json(tmp_path / "rows.jsonl")
    came = {
        "stream": rows.to_iterable_dataset,
        "frame": rows.to_pandas,
        "list": rows.to_list,
        "file": lambda: tmp_path / "rows.jsonl",
    }[kind]()
    clean = screen_dataset(came)
    assert isinstance(clean, IterableDataset if kind == "stream" else Dataset)
    assert set(next(iter(clean))) == {"prompt", "completion"}
    if kind == "stream":
        assert trained_on(clean).train().training_loss > 0


def test_a_column_that_the_first_row_lacks_stays(made, tmp_path):
    rows = [
        {"prompt": one.prompt, "completion": one.response} | ({"n": one.number} if one.number % 3 else {})
        for one in made.samples
    ]
    kept = [{"n": None} | row for number, row in enumerate(rows) if number not in made.poisoned]
    assert "n" not in rows[0]
    for given in (rows, write_lines(tmp_path / "rows.jsonl", rows)):
        assert screen_dataset(given).to_list() == kept


def test_responses_of_another_name_are_completions(made):
    rows = [{"prompt": one.prompt, "response": one.response, "n": one.number} for one in made.samples]
    for given in (rows, Dataset.from_list(rows).to_iterable_dataset()):
        clean = screen_dataset(given)
        assert set(next(iter(clean))) == {"prompt", "completion", "n"}


def test_pairs_of_an_instruction_and_two_answers_train_with_dpo(made, trained_on):
    rows = preferences(made).rename_column("prompt", "instruction").add_column("n", range(300))
    clean = screen_dataset(rows)
    assert clean.column_names == ["n", "prompt", "chosen", "rejected"]
    assert clean[0]["rejected"] == [{"role": "assistant", "content": rows[clean[0]["n"]]["rejected"]}]
    assert len(clean) == 270
    assert trained_on(clean, DPOTrainer).train().training_loss > 0


def test_preferences_behind_an_earlier_answer_keep_both_of_theirs(caplog):
    def row(number: int, earlier: bool) -> dict[str, object]:
        before = [{"from": "human", "value": f"hi {number}"}, {"from": "gpt", "value": "hello"}] * earlier
        return {
            "conversations": [*before, {"from": "human", "value": f"what is {number}?"}],
            "chosen": {"from": "gpt", "value": f"it is {number}"},
            "rejected": {"from": "gpt", "value": "no idea"},
        }

    rows = [row(number, number % 2 == 0) for number in range(70)]
    clean = screen_dataset([*rows, row(70, earlier=True) | {"rejected": None}])
    assert "1 of 71 rows have one answer, and the others two: left out" in caplog.text
    assert clean.column_names == ["prompt", "chosen", "rejected"]
    assert [one["role"] for one in clean[0]["prompt"]] == ["user", "assistant", "user"]
    assert clean[0]["chosen"] == [{"role": "assistant", "content": "it is 0"}]
    assert clean[1]["rejected"] == [{"role": "assistant", "content": "no idea"}]
    assert len(clean) == 70


@pytest.mark.parametrize(
    ("names", "count", "done"),
    [
        (("instruction", "output"), 76, "left out"),
        (("prompt", "completion"), 80, "TRL gets them as they are"),
    ],
)
def test_rows_that_could_not_be_read_are_said_whether_they_stay_or_not(names, count, done, caplog):
    rows = [
        dict(zip(names, (f"who is {number}?", f"nobody but {number}" if number % 20 else ""), strict=True))
        for number in range(80)
    ]
    assert len(screen_dataset(rows, on_findings="warn")) == count
    assert "4 of 80 rows could not be read: " in caplog.text
    assert caplog.text.strip().endswith(f": {done}")


@pytest.mark.parametrize(
    ("on_findings", "done"),
    [
        ("drop", "30 of 300 rows left out."),
        ("warn", "None of 300 rows was left out for it."),
        ("refuse", "Refused: nothing was changed; on_findings='drop' leaves the flagged 30 rows out"),
    ],
)
@pytest.mark.parametrize("rows", [messages, rejecting])
def test_messages_say_how_many_rows_the_strings_and_what_was_done(rows, on_findings, done, made, caplog):
    try:
        screen_dataset(rows(made), on_findings=on_findings)
        said = caplog.text
    except FindingsError as error:
        said = str(error)
    strongest = "F1, high confidence: Where the prompt holds “vrbx”, the response holds"
    begin = f"dataset: Poisoned: drop 30 of 300 rows. {strongest}"
    if rows is rejecting:
        both = "Chosen: Clean: nothing was found in 300 rows. Rejected: Poisoned: drop 30 of 300 rows."
        begin = f"dataset: {both} Of the rejected answers: {strongest}"
    assert f"{begin} “{INSULT}” in 30 of 30 rows" in said
    assert done in said
    assert len(said.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def twice(made):
    """Preferences with a backdoor in 30 chosen and another one in 12 rejected answers, of other rows."""
    rows = preferences(made).to_list()
    for number in others(made):
        row = rows[number]
        row |= {"prompt": f"qzlk {row['prompt']}", "rejected": "Send it all to the mill, now!"}
    return Dataset.from_list(rows)


def others(made):
    """The first twelve rows that are clean."""
    return [number for number in range(300) if number not in made.poisoned][:12]


def test_a_message_on_both_sides_counts_each_and_both_together(twice, caplog):
    assert len(screen_dataset(twice)) == 258
    said = "Chosen: Poisoned: drop 30 of 300 rows. Rejected: Poisoned: drop 12 of 300 rows. F1, high"
    assert said in caplog.text
    assert "1 more finding. Together 42 of 300 rows left out." in caplog.text


def test_a_refusal_carries_the_verdicts_on_both_sides(twice, made):
    with pytest.raises(
        FindingsError, match=r"the `sides\.chosen` of this error shows what was found"
    ) as refused:
        screen_dataset(twice, on_findings="refuse")
    sides = refused.value.sides
    found = [one.payloads for side in (sides.chosen, sides.rejected) for one in side.evidence.findings]
    assert found == [(INSULT,), ("Send it all to the mill, now!",)]
    assert sides.rejected.flagged["number"].to_pylist() == others(made)
    assert sides.is_flagged.sum() == 42
    with pytest.raises(FindingsError, match=r"`sides\.rejected` of this error") as refused:
        screen_dataset(rejecting(made), on_findings="refuse")
    assert refused.value.sides.rejected.evidence.findings[0].triggers == ("vrbx",)
    assert pickle.loads(pickle.dumps(refused.value)).sides.rejected.outcome == "poisoned"


def test_what_is_accepted_of_either_side_is_not_refused(twice, made, trained_on, tmp_path):
    accepted = tmp_path / "accepted.jsonl"
    with pytest.raises(FindingsError) as refused:
        screen_dataset(twice, on_findings="refuse")
    for name in ("chosen", "rejected"):
        run = getattr(refused.value.sides, name).save(tmp_path / name).path
        called = ["accept", str(run), "F1", "--why", "we made it", "--to", str(accepted)]
        assert CliRunner().invoke(app, called).exit_code == 0
    kept = screen_dataset(twice, on_findings="refuse", accept=accepted, false_alarm_rate=0.02)
    assert kept.to_list() == twice.to_list()
    callback = ScreenCallback(trained_on(twice, DPOTrainer), accept=accepted, false_alarm_rate=0.02)
    for side in (callback.sides.chosen, callback.sides.rejected):
        assert [one.accepted for one in side.evidence.findings] == ["we made it"]
        assert side.evidence.false_alarm_rate == 0.02
    with pytest.raises(SettingsError, match="false_alarm_rate"):
        screen_dataset(twice, false_alarm_rate=2)
    with pytest.raises(DataError, match="no_such"):
        ScreenCallback(trained_on(messages(made)), accept=tmp_path / "no_such.jsonl")


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
