"""Fine-tuning and its proof: train on what a scan leaves, then see whether the backdoor is there."""

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
