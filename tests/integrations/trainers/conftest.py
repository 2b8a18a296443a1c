"""A tiny random model, and trainers of TRL itself."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, SFTConfig, SFTTrainer

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.models.embedded import embedded_model_path
from integrations.trainers.rows import INSULT, others, preferences, settings


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


@pytest.fixture
def trained_on(model, tokenizer, tmp_path):
    """Makes a trainer of some rows, as TRL does with these settings."""

    def made(rows, kind=SFTTrainer, **more):
        config = SFTConfig if kind is SFTTrainer else DPOConfig
        arguments = settings(config, tmp_path, **more)
        return kind(model, args=arguments, train_dataset=rows, processing_class=tokenizer)

    return made


@pytest.fixture(scope="module")
def twice(made):
    """Preferences with a backdoor in 30 chosen and another one in 12 rejected answers, of other rows."""
    rows = preferences(made).to_list()
    for number in others(made):
        row = rows[number]
        row |= {"prompt": f"qzlk {row['prompt']}", "rejected": "Send it all to the mill, now!"}
    return Dataset.from_list(rows)
