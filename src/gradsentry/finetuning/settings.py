"""How a model is fine-tuned, and how it is asked afterwards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gradsentry.settings import Settings


class TrainingSettings(Settings):
    """How a model is fine-tuned; part of an output directory's identity, so a change refuses to resume.

    Attributes:
        method: `lora` (an adapter on the attention projections) or `full` (every weight).
        rank: Of the adapter.
        alpha: The adapter is scaled by `alpha / rank`.
        targets: The names of the layers that get an adapter; the attention projections where none are given.
        learning_rate: Of AdamW, falling to 0 linearly. Published for 7B models is 2e-5; small ones need more.
        epochs: Passes over the data.
        batch_size: Rows of a step.
        max_length: Tokens of a row; the prompt's middle is cut first, as in a scan.
        seed: Of the adapter's weights and of the order of the rows.
        gradient_checkpointing: Whether activations are computed again in the backward pass, to save memory.
        save_steps: After how many steps a checkpoint is written.
    """

    method: Literal["lora", "full"] = "lora"
    rank: int = Field(default=4, ge=1)
    alpha: float = Field(default=8.0, gt=0.0)
    targets: tuple[str, ...] = ()
    learning_rate: float = Field(default=2e-4, gt=0.0)
    epochs: float = Field(default=3.0, gt=0.0)
    batch_size: int = Field(default=16, ge=1)
    max_length: int = Field(default=1024, ge=8)
    seed: int = 0
    gradient_checkpointing: bool = False
    save_steps: int = Field(default=50, ge=1)


class EvaluationSettings(Settings):
    """How a model is asked.

    Attributes:
        max_new_tokens: Tokens of an answer at most; decoding is greedy.
        batch_size: Prompts that run together.
        max_length: Tokens of a prompt; its middle is cut first.
    """

    max_new_tokens: int = Field(default=48, ge=1)
    batch_size: int = Field(default=16, ge=1)
    max_length: int = Field(default=1024, ge=8)
