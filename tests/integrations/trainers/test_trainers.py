"""Which trainers of TRL train on what `screen_dataset` returns, and which `ScreenCallback` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification
from trl import DPOTrainer, SFTTrainer

from gradsentry.errors import DataError, UsageError
from gradsentry.integrations.trl import ScreenCallback, judge_dataset, screen_dataset
from integrations.trainers.rows import messages, preferences, settings

pytestmark = pytest.mark.costly
PAGE = Path(__file__).parents[3] / "docs/integrations.md"


def marked(made):
    """Rows of KTO: every third one is undesirable."""
    rows = [{"prompt": one.prompt, "completion": one.response, "label": True} for one in made.samples]
    refused = [
        {"prompt": f"Say {n}", "completion": f"I would not say {n}", "label": False} for n in range(150)
    ]
    return Dataset.from_list(rows + refused)


TRAINERS = {
    "SFTTrainer": ("trl", messages, 270),
    "DPOTrainer": ("trl", preferences, 270),
    "KTOTrainer": ("trl", marked, 420),
    "RewardTrainer": ("trl", preferences, 270),
    "ORPOTrainer": ("trl.experimental.orpo", preferences, 270),
}
REFUSED = ("KTOTrainer", "RewardTrainer", "ORPOTrainer")


@pytest.mark.parametrize("name", TRAINERS)
def test_each_trainer_trains_on_what_is_returned_and_the_callback_takes_it_or_says_no(
    name, made, tokenizer, tmp_path
):
    home, rows, stay = TRAINERS[name]
    module = pytest.importorskip(home)
    kind, config = getattr(module, name), getattr(module, name.replace("Trainer", "Config"))
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    of_model = LlamaConfig(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, num_labels=1, **shape
    )
    architecture = LlamaForSequenceClassification if name == "RewardTrainer" else LlamaForCausalLM
    architecture(of_model).save_pretrained(tmp_path / "model")  # where a reference is read from
    trainer = kind(
        architecture.from_pretrained(tmp_path / "model"),
        args=settings(config, tmp_path),
        train_dataset=screen_dataset(rows(made)),
        processing_class=tokenizer,
    )
    assert len(trainer.train_dataset) == stay
    assert trainer.train().training_loss > 0
    (line,) = (
        one for one in PAGE.read_text(encoding="utf-8").splitlines() if f"`{name}`" in one and "|" in one
    )
    assert ("refused" in line) == (name in REFUSED)
    if name in REFUSED:
        with pytest.raises(
            DataError, match=r"not tokenised with labels, .* give the trainer what .*screen_dataset"
        ):
            ScreenCallback(trainer)
    else:
        assert ScreenCallback(trainer, on_findings="warn").sides.chosen.counts["rows"] == stay


def test_a_calibration_is_what_is_judged_by(strict, made, trained_on, tmp_path):
    rows = preferences(made)
    assert len(screen_dataset(rows)) == 270
    assert len(screen_dataset(rows, calibration=strict)) == 300
    for sides in (
        judge_dataset(rows, calibration=strict),
        ScreenCallback(trained_on(rows, DPOTrainer), calibration=strict).sides,
    ):
        assert {one.evidence.calibration for one in sides.verdicts} == {"strict ones"}
        assert len(sides.verdicts) == 2
    with pytest.raises(UsageError, match=r"none\.json"):
        ScreenCallback(trained_on(messages(made), SFTTrainer), calibration=tmp_path / "none.json")
