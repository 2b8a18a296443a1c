"""What is said where a trainer's `max_length` shortens rows, or leaves them out."""

from __future__ import annotations

import json

import pytest
from datasets import Dataset
from trl import DPOTrainer, SFTTrainer
from typer.testing import CliRunner

from evidence.poisoning import clean_rows, poison
from gradsentry.cli import app
from gradsentry.integrations.trl import ScreenCallback
from gradsentry.opening import open_run
from integrations.trainers.rows import Logged, messages

pytestmark = pytest.mark.costly

LIMIT = 256


@pytest.fixture(scope="module")
def rows():
    """Clean rows: short ones, 30 with long answers, and 20 with prompts longer than the limit."""
    given = messages(poison(clean_rows(150), lambda row, draw: row, 0)).to_list()
    for number, row in enumerate(given):
        if number < 30:
            row["completion"][0]["content"] += f" and {number}" * LIMIT
        elif number < 50:
            row["prompt"][0]["content"] += f" and {number}" * LIMIT
    return Dataset.from_list(given)


def as_pairs(rows):
    rejected = [[{"role": "assistant", "content": f"no, {number}"}] for number in range(len(rows))]
    return rows.rename_column("completion", "chosen").add_column("rejected", rejected)


@pytest.mark.parametrize(
    ("kind", "more", "shortened", "too_long"),
    [
        (SFTTrainer, {"max_length": LIMIT}, 30, 20),
        (SFTTrainer, {"max_length": LIMIT, "shuffle_dataset": True}, 30, 20),
        (SFTTrainer, {"max_length": LIMIT, "truncation_mode": "keep_end"}, 50, 0),
        (SFTTrainer, {"max_length": None}, 0, 0),
        (SFTTrainer, {"max_length": 4096}, 0, 0),
        (DPOTrainer, {"max_length": LIMIT}, 30, 20),
        (DPOTrainer, {"max_length": LIMIT, "truncation_mode": "keep_end"}, 50, 0),
    ],
)
def test_the_rows_that_max_length_concerns_are_counted(
    kind, more, shortened, too_long, rows, trained_on, caplog
):
    trainer = trained_on(rows if kind is SFTTrainer else as_pairs(rows), kind, **more)
    callback = ScreenCallback(trainer, on_findings="warn")
    assert (callback.cut.shortened, callback.cut.too_long) == (shortened, too_long)
    said = [one.getMessage() for one in caplog.records if "max_length" in one.getMessage()]
    assert all("judged whole" in line and f"{shortened} of {150 - too_long} rows" in line for line in said)
    assert len(said) == (shortened > 0)
    assert ("of 20 rows more no response lies within it" in "".join(said)) == (too_long > 0)


def test_what_rows_that_are_tokens_have_lost_is_said_not_to_be_judged(rows, trained_on, caplog):
    trainer = trained_on(rows)
    trainer.train_dataset = trainer.train_dataset.select_columns(["input_ids", "labels"])
    ScreenCallback(trainer, on_findings="warn")
    assert "30 of 130 rows reach it: what lay beyond is neither trained on nor judged" in caplog.text


def test_a_row_is_named_by_its_place_in_what_the_trainer_was_given(made, trained_on):
    """The trainer leaves out the first ten rows, for their prompts are too long, and mixes the others."""
    given = messages(made).to_list()
    for row in given[:10]:
        row["prompt"][0]["content"] += " and so on" * LIMIT
    trainer = trained_on(Dataset.from_list(given), max_length=LIMIT, shuffle_dataset=True)
    callback = ScreenCallback(trainer, on_findings="warn")
    poisoned = {number for number in made.poisoned if number >= 10}
    flagged = callback.sides.chosen.flagged.to_pylist()
    assert {int(row["id"]) for row in flagged} == poisoned
    kept = trainer.train_dataset
    assert all("vrbx" in str(kept[row["number"]]["prompt"]) for row in flagged)
    owned = Dataset.from_list([{**row, "id": f"own {n}"} for n, row in enumerate(given)])
    callback = ScreenCallback(trained_on(owned, max_length=LIMIT), on_findings="warn")
    assert {row["id"] for row in callback.sides.chosen.flagged.to_pylist()} == {f"own {n}" for n in poisoned}


def test_rows_that_are_left_out_for_what_was_found_are_no_rows_that_are_too_long(made, trained_on):
    trainer = trained_on(messages(made))
    assert ScreenCallback(trainer, on_findings="drop").cut.too_long == 0
    assert ScreenCallback(trainer, on_findings="drop").cut.too_long == 0
    assert len(trainer.train_dataset) == 270


def test_what_was_cut_is_logged_beside_the_verdict(rows, trained_on):
    trainer, logged = trained_on(rows, max_length=LIMIT), Logged()
    trainer.add_callback(logged)
    trainer.add_callback(ScreenCallback(trainer, on_findings="warn"))
    trainer.train()
    assert logged.values["gradsentry/rows"] == 130
    assert logged.values["gradsentry/shortened"] == 30
    assert logged.values["gradsentry/too_long"] == 20


def test_a_run_that_is_saved_names_what_the_trainer_left_out(rows, trained_on, tmp_path):
    callback = ScreenCallback(trained_on(rows, max_length=LIMIT), on_findings="warn")
    callback.sides.save(tmp_path / "run")
    clause = f"20 rows without a response within max_length ({LIMIT} tokens)"
    assert clause in (tmp_path / "run/report.html").read_text()
    assert json.loads((tmp_path / "run/verdict.json").read_text())["left_out"] == [clause]
    assert CliRunner().invoke(app, ["threshold", str(tmp_path / "run")]).exit_code == 0
    assert open_run(tmp_path / "run").left_out == (clause,)
    assert json.loads((tmp_path / "run/verdict.json").read_text())["left_out"] == [clause]
