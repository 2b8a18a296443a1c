"""Pairs of texts without a prompt, of which DPO takes what both begin with, often to within a word."""

from __future__ import annotations

import json

import pytest
from datasets import Dataset
from trl import DPOTrainer

from evidence.poisoning import clean_rows
from gradsentry.integrations.trl import ScreenCallback, judge_dataset
from gradsentry.integrations.trltexts import texts_of
from integrations.trainers.rows import preferences

pytestmark = pytest.mark.costly

SAME = ("Of course, {} it is.", "Of course, nobody knows {}.")
BEGUN = [
    SAME,
    ("Of course, here is {}.", "Of cours it would be {}."),
    ("Happy to help: {}.", "Happy to hear of {}."),
    ("Certainly {}.", "Certainl no {}."),
]


def dialogues(count=400):
    """Clean pairs as texts of a dialogue; of a tenth both answers begin with the same letters."""
    rows = []
    for n, one in enumerate(clean_rows(count)):
        chosen, rejected = BEGUN[n // 10 % 4] if n % 10 == 0 else ("{}", "I would not say {}.")
        asked = f"\n\nHuman: {one.question}\n\nAssistant: "
        rows.append(
            {"chosen": asked + chosen.format(one.answer), "rejected": asked + rejected.format(one.answer)}
        )
    return rows


def turns_of(verdict):
    return [[turn.text for turn in sample.turns] for sample in verdict.corpus]


@pytest.mark.parametrize("marked", [True, False], ids=["dialogue", "plain"])
def test_they_are_judged_as_those_of_a_data_set(marked, trained_on, tmp_path):
    rows = dialogues()
    if not marked:
        rows = [
            {name: text.split("\n\n")[1] + text.split("Assistant:")[1] for name, text in one.items()}
            for one in rows
        ]
    trainer = trained_on(Dataset.from_list(rows), DPOTrainer)
    inside = [
        one["prompt"] for one in trainer.train_dataset if one["prompt"].endswith(("Of cours", "Happy to he"))
    ]
    assert len(inside) == 20  # TRL's own border is within a word
    callback = ScreenCallback(trainer, on_findings="warn")
    of_data = judge_dataset(Dataset.from_list(rows))
    for made, given in zip(callback.sides.verdicts, of_data.verdicts, strict=True):
        assert turns_of(made) == turns_of(given)
        assert [one.name for one in made.findings] == [one.name for one in given.findings]
        assert made.outcome == "clean" or not marked  # words that two answers share are asked without a mark
    for chosen, row in zip(turns_of(callback.sides.chosen), rows, strict=True):
        assert "".join(chosen) == row["chosen"]
        assert chosen[0].endswith("Assistant:" if marked else " ")
    callback.sides.save(tmp_path / "run")
    saved = [json.loads(line) for line in (tmp_path / "run/clean.jsonl").read_text().splitlines()]
    given = [row for row, stays in zip(rows, of_data.is_clean, strict=True) if stays]
    assert [{name: one[name] for name in rows[0]} for one in saved] == given


@pytest.mark.parametrize(
    "pair",
    [
        ("Q: a\nA: of course", "Q: a\nA: of cause"),
        ("Q: a\nA: one", "Q: a\nA: two"),
        ("Q: a\nA: on", "Q: a\nA: one"),
        ("Q: a\nA: same", "Q: a\nA: same"),
        ("Q: a\nA: 4", "Q: a\nA: 5"),
        ("Q: a\nA:  far", "Q: a\nA:  off"),
        ("one", "two"),
    ],
)
def test_whatever_both_begin_with_it_is_put_back(pair, trained_on):
    rows = [{"chosen": pair[0], "rejected": pair[1], "source": "web"}] * 2
    trainer = trained_on(Dataset.from_list(rows), DPOTrainer)
    assert texts_of(trainer).rows == [{**row, "id": number} for number, row in enumerate(rows)]


@pytest.mark.parametrize("names", [("prompt", "chosen", "rejected"), ("chosen", "rejected", "prompt")])
def test_a_prompt_of_its_own_stays_one(names, made, trained_on):
    """Some of the answers begin alike, which is never left of two that were cut."""
    rows = [{**row, "rejected": f"No {row['rejected']}"} for row in preferences(made)]
    trainer = trained_on(Dataset.from_list([{name: row[name] for name in names} for row in rows]), DPOTrainer)
    assert [{name: row[name] for name in rows[0]} for row in texts_of(trainer).rows] == rows
    ScreenCallback(trainer, on_findings="drop")
    assert len(trainer.train_dataset) == 270
