"""How a model is fine-tuned, and how it is asked afterwards."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from gradsentry.validated import Settings

Method = Literal["lora", "full"]
_SMALL, _LARGE = 135e6, 7e9  # parameters
_TESTED: dict[Method, float] = {"lora": 3e-3, "full": 3e-4}
_PUBLISHED = 2e-5


class TrainingSettings(Settings):
    """How a model is fine-tuned; part of an output directory's identity, so a change refuses to resume.

    Attributes:
        method: `lora` (an adapter on the attention projections) or `full` (every weight).
        rank: Of the adapter.
        alpha: The adapter is scaled by `alpha / rank`.
        targets: The names of the layers that get an adapter; the attention projections where none are given.
        learning_rate: Of AdamW, falling to 0 linearly; None chooses by the model's size.
        epochs: Passes over the data.
        batch_size: Rows of a step.
        max_length: Tokens of a row; the prompt's middle is cut first, as in a scan.
        seed: Of the adapter's weights and of the order of the rows.
        gradient_checkpointing: Whether activations are computed again in the backward pass, to save memory.
        save_steps: After how many steps a checkpoint is written.
    """

    method: Method = "lora"
    rank: int = Field(default=4, ge=1)
    alpha: float = Field(default=8.0, gt=0.0)
    targets: tuple[str, ...] = ()
    learning_rate: float | None = Field(default=None, gt=0.0)
    epochs: float = Field(default=3.0, gt=0.0)
    batch_size: int = Field(default=16, ge=1)
    max_length: int = Field(default=1024, ge=8)
    seed: int = Field(default=0, ge=0, lt=2**32)
    gradient_checkpointing: bool = False
    save_steps: int = Field(default=50, ge=1)


def learning_rate_for(method: Method, parameters: int) -> float:
    """Returns a learning rate for a model's size, falling from that of small models to that of large ones.

    At 135M parameters it is the one that was tested (docs/finetuning.md), at 7B the published one
    (arXiv 2605.26574); between them it falls on a straight line on logarithmic scales.

    Args:
        method: Of the training.
        parameters: How many the model has.
    """
    way = math.log(parameters / _SMALL) / math.log(_LARGE / _SMALL)
    way = min(max(way, 0.0), 1.0)
    return float(f"{_TESTED[method] ** (1 - way) * _PUBLISHED**way:.1e}")
