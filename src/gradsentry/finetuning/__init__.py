"""Fine-tuning and its proof: train on what a scan leaves, then see whether the backdoor is there."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsentry.finetuning.cleangen import CleanGen
    from gradsentry.finetuning.evaluation import Evaluation, evaluate
    from gradsentry.finetuning.items import TestItem, asked
    from gradsentry.finetuning.settings import TrainingSettings
    from gradsentry.finetuning.training import finetune

__all__ = [
    "CleanGen",
    "Evaluation",
    "TestItem",
    "TrainingSettings",
    "asked",
    "evaluate",
    "finetune",
]

_HOMES = {
    "CleanGen": "cleangen",
    "Evaluation": "evaluation",
    "TestItem": "items",
    "TrainingSettings": "settings",
    "asked": "items",
    "evaluate": "evaluation",
    "finetune": "training",
}


def __getattr__(name: str) -> object:
    # The settings of a benchmark are read before anything of transformers and PEFT is needed.
    if name in _HOMES:
        return getattr(import_module(f"gradsentry.finetuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
