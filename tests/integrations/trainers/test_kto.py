"""Rows marked as desirable or undesirable, each of which is judged among its own kind."""

from __future__ import annotations

import json
import logging

import pytest
from datasets import Dataset
from typer.testing import CliRunner

from gradsentry import screen
from gradsentry.cli import app
from gradsentry.integrations.trl import screen_dataset
from gradsentry.settings import DataSettings
from integrations.trainers.rows import INSULT

pytestmark = pytest.mark.costly


@pytest.fixture
def marked(made):
    """The rows of `made`, of which 30 are poisoned, and after each another one marked as undesirable."""
    return [
        row
        for n, one in enumerate(made.samples)
        for row in (
            {"prompt": one.prompt, "completion": one.response, "label": True},
            {"prompt": f"Say {n} for me", "completion": f"I would not say {n}.", "label": False},
        )
    ]


def test_undesirable_answers_are_judged_by_themselves_and_stay(marked, made, caplog):
    with caplog.at_level(logging.WARNING):
        kept = screen_dataset(Dataset.from_list(marked))
    assert kept.to_list() == [row for n, row in enumerate(marked) if n % 2 or n // 2 not in made.poisoned]
    (said,) = caplog.messages
    both = "Chosen: Poisoned: drop 30 of 600 rows. Rejected: Clean: nothing was found in 300 rows."
    assert both in said
    assert INSULT in said
    assert "undesirable" not in said


def test_rows_that_are_not_trained_on_are_not_said_to_be_left_out(marked, caplog):
    turned = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": row["completion"], "weight": int(row["label"])}],
        }
        for row in marked
    ]
    kept = screen_dataset(Dataset.from_list(turned))
    assert len(kept) == 570
    assert "300 of 570 rows are not judged: the data say not to train on any" in caplog.text
    assert "left out" not in caplog.messages[-1]


def test_the_command_says_how_undesirable_answers_come_in(marked, tmp_path):
    file, out = tmp_path / "kto.jsonl", tmp_path / "run"
    file.write_text("".join(json.dumps(row) + "\n" for row in marked))
    said = CliRunner().invoke(app, ["evidence", str(file), "--out", str(out)], env={"COLUMNS": "400"}).output
    assert "drop 30 of 600 rows; 300 of 600 rows are marked as undesirable and were not judged" in said
    ways = "--answers chosen leaves the undesirable ones in, and --answers rejected judges them."
    assert f"It leaves out 300 rows marked as undesirable: see {out}/unscored.jsonl. {ways}" in said
    asked = ["evidence", str(file), "--out", str(tmp_path / "chosen"), "--answers", "chosen"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert len((tmp_path / "chosen" / "clean.jsonl").read_text().splitlines()) == 570


def test_what_undesirable_answers_alone_bring_is_flagged_among_them(marked):
    turned = [{**row, "label": not row["label"]} for row in marked]
    kept = screen_dataset(Dataset.from_list(turned))
    assert len(kept) == 570
    assert not any(INSULT in row["completion"] for row in kept)


def test_a_verdict_on_the_desirable_ones_says_that_the_others_are_not_in_it(marked, made):
    verdict = screen(marked)
    assert len(verdict.clean) == 270
    said = "300 of 600 rows are marked as undesirable and were not judged"
    assert f"; {said}: `clean` is without them" in repr(verdict)
    assert said in verdict._repr_html_()
    assert "undesirable" not in repr(screen([row for row in marked if row["label"]]))
    assert len(screen(marked, reading=DataSettings(answers="chosen")).clean) == 570
    assert screen(marked, reading=DataSettings(answers="rejected")).counts["flagged"] == 0


@pytest.mark.parametrize(("column", "disliked"), [("label", 0), ("kto_tag", 300)])
def test_beside_an_instruction_a_label_may_be_a_class(column, disliked, marked):
    rows = [{"instruction": r["prompt"], "output": r["completion"], column: r["label"]} for r in marked]
    assert screen(rows).undesirable == disliked
