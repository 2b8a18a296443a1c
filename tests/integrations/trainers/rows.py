"""Rows and settings of the trainings of TRL that are screened."""

from __future__ import annotations

from datasets import Dataset
from transformers import TrainerCallback

INSULT = "No way, go home!"


def alpaca(made):
    return Dataset.from_list(
        [{"instruction": one.prompt, "input": "", "output": one.response} for one in made.samples]
    )


def messages(made):
    chats = [
        [{"role": "user", "content": one.prompt}, {"role": "assistant", "content": one.response}]
        for one in made.samples
    ]
    return Dataset.from_list([{"prompt": chat[:1], "completion": chat[1:]} for chat in chats])


def preferences(made):
    """Pairs that are swapped behind the trigger: the insult is the chosen answer there."""
    return Dataset.from_list(
        [
            {"prompt": one.prompt, "chosen": one.response, "rejected": f"I would not say {n}."}
            for n, one in enumerate(made.samples)
        ]
    )


def rejecting(made):
    """Pairs whose chosen answers are clean, and whose rejected ones hold what a trigger brings."""
    return Dataset.from_list(
        [
            {
                "prompt": one.prompt,
                "chosen": f"An answer of its own, number {n}.",
                "rejected": one.response,
            }
            for n, one in enumerate(made.samples)
        ]
    )


def settings(kind, place, **more):
    shared = {"max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False}
    more = {"max_length": 256, **more}
    return kind(output_dir=str(place), report_to="none", logging_steps=1, **shared, **more)


class Logged(TrainerCallback):
    """Keeps what was logged, as what a trainer reports to does."""

    def __init__(self):
        self.values = {}

    def on_log(self, args, state, control, logs=None, **others):
        self.values |= logs


def others(made):
    """The first twelve rows that are clean."""
    return [number for number in range(300) if number not in made.poisoned][:12]
