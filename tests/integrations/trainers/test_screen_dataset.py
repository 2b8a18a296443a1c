"""What `screen_dataset` returns, and real trainings of TRL on it."""

from __future__ import annotations

import pytest
from datasets import ClassLabel, Dataset, IterableDataset
from trl import DPOTrainer, SFTConfig, SFTTrainer

from cli.command import caller
from gradsentry.errors import DataError, FindingsError
from gradsentry.integrations.trl import judge_dataset, screen_dataset
from integrations.made import write_lines
from integrations.trainers.rows import alpaca, messages, preferences, settings

pytestmark = pytest.mark.costly


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


def test_what_is_screened_before_can_be_packed_or_streamed(made, trained_on):
    assert trained_on(screen_dataset(alpaca(made)), packing=True).train().training_loss > 0
    streamed = screen_dataset(messages(made).to_iterable_dataset())
    assert isinstance(streamed, IterableDataset)
    assert not any("vrbx" in row["prompt"][0]["content"] for row in streamed)
    assert trained_on(streamed).train().training_loss > 0


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


def test_what_a_person_decided_of_rows_counts_in_the_trainer_too(made, tmp_path, monkeypatch, capfd):
    given = alpaca(made)
    flagged = sorted(made.poisoned)
    clean = next(row for row in range(len(given)) if row not in made.poisoned)
    judge_dataset(given).save(tmp_path / "run")
    write_lines(
        tmp_path / "by_hand.jsonl",
        [*({"id": row, "mark": "clean"} for row in flagged[:10]), {"id": clean, "mark": "poisoned"}],
    )
    ended = caller(monkeypatch, capfd)("threshold", tmp_path / "run", "--labels", tmp_path / "by_hand.jsonl")
    assert f"row {clean}: a person marked it poisoned" in ended.out
    marks = tmp_path / "run/marks.jsonl"
    prompts = [one["prompt"][0]["content"] for one in screen_dataset(given, marks=marks)]
    stay = [row for row in range(len(given)) if row not in (*flagged[10:], clean)]
    assert prompts == [given[row]["instruction"] for row in stay]
    with pytest.raises(FindingsError, match="Poisoned: drop 21 of 300 rows"):
        screen_dataset(given, marks=marks, on_findings="refuse")
    write_lines(tmp_path / "all.jsonl", [{"id": row, "mark": "clean"} for row in flagged])
    assert len(screen_dataset(given, marks=tmp_path / "all.jsonl", on_findings="refuse")) == len(given)
    with pytest.raises(DataError, match="is the id of no row"):
        screen_dataset(given.select(range(5)), marks=marks)


def test_marks_count_on_both_sides_of_preferences(made, tmp_path, caplog):
    given = preferences(made)
    marks, flagged = tmp_path / "marks.jsonl", sorted(made.poisoned)
    other = next(row for row in range(len(given)) if row not in made.poisoned)
    decided = [*({"id": row, "mark": "clean"} for row in flagged[:10]), {"id": other, "mark": "poisoned"}]
    write_lines(marks, decided)
    sides = judge_dataset(given, marks=marks)
    assert not sides.is_flagged[flagged[:10]].any()
    assert sides.is_flagged[other]
    assert sides.rejected.outcome == judge_dataset(given).rejected.outcome  # said once
    caplog.clear()
    assert len(screen_dataset(given, marks=marks)) == len(screen_dataset(given)) + 10 - 1
    assert "Of the rows a person marked 1 poisoned and 10 clean." in caplog.text


def test_splits_do_not_become_one(made):
    splits = alpaca(made).train_test_split(0.2, seed=0)
    with pytest.raises(DataError, match="has several splits: train, test"):
        screen_dataset(splits)
    assert len(screen_dataset(splits["test"], on_findings="warn")) == len(splits["test"])


def test_messages_in_lists_of_texts_become_texts(made):
    """Chat templates read such lists each in its own way: as their Python form, or as nothing."""
    for key in ("text", "value"):
        rows = [
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", key: one.prompt}]},
                    {"role": "assistant", "content": [{"type": "text", key: one.response}]},
                ]
            }
            for one in made.samples
        ]
        clean = screen_dataset(Dataset.from_list(rows)).to_list()
        assert len(clean) == 270
        stay = [one for number, one in enumerate(made.samples) if number not in made.poisoned]
        assert [(row["prompt"][0]["content"], row["completion"][0]["content"]) for row in clean] == [
            (one.prompt, one.response) for one in stay
        ]


def test_pairs_whose_prompt_is_a_text_beside_messages_train_with_dpo(made, trained_on):
    """As of UltraFeedback: TRL cannot put such a prompt and its answers together."""

    def said(row: dict[str, str], answer: str) -> list[dict[str, str]]:
        asked = {"role": "user", "content": row["prompt"]}
        return [asked, {"role": "assistant", "content": row[answer]}]

    rows = [
        row | {answer: said(row, answer) for answer in ("chosen", "rejected")}
        for row in preferences(made).to_list()
    ]
    clean = screen_dataset(Dataset.from_list(rows))
    assert len(clean) == 270
    assert [turn["role"] for turn in (*clean[0]["prompt"], *clean[0]["chosen"])] == ["user", "assistant"]
    assert trained_on(clean, DPOTrainer).train().training_loss > 0
