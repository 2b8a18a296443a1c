"""One fine-tuning of a benchmark: which rows, which defence, which training, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gradsentry.attacks import Attack
from gradsentry.bench.cells import Record
from gradsentry.bench.finetune_spec import Defence
from gradsentry.bench.pools import content_hash
from gradsentry.bench.spec import AttackSpec, DataSpec, Spec
from gradsentry.corpus import Sample
from gradsentry.finetuning import Evaluation, TestItem, TrainingSettings
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import AnswerSettings
from gradsentry.store import Json

VERSION = 3
"""Raised when the same cell would give another record."""


@dataclass(frozen=True)
class FineTuneCell:
    """A place in the section `finetune`.

    Attributes:
        data: The data set.
        attack: The attack.
        rate: Poison rate in percent.
        rows: Rows to train on at most, before the defence.
        questions: Questions at most.
        seed: Of the draws of rows and questions.
        model: The base model's name.
        defence: The defence.
        training: How the model is fine-tuned.
        evaluation: How it is asked.
    """

    data: DataSpec
    attack: AttackSpec
    rate: float
    rows: int
    questions: int
    seed: int
    model: str
    defence: Defence
    training: TrainingSettings
    evaluation: AnswerSettings

    @property
    def title(self) -> str:
        """What it is, in a line."""
        name = f"{self.defence} ({self.training.method})"
        return f"{name}, {self.data.shown}, {self.attack.shown} at {self.rate:g} %"

    def attack_on(self, rate: float) -> Attack:
        """Returns the attack at a rate in percent."""
        return self.attack.build().model_copy(update={"rate": rate / 100})


@dataclass(frozen=True)
class Kept:
    """What a defence left of the poisoned rows.

    Attributes:
        rows: All rows, the poisoned ones among them.
        poisoned: How many those are.
        kept: How many rows are left.
        kept_poisoned: How many of those are poisoned.
    """

    rows: int
    poisoned: int
    kept: int
    kept_poisoned: int


def plan_finetuning(spec: Spec) -> list[FineTuneCell]:
    """Returns the cells in the order they run: block by block, the defences of a mix together."""
    section = spec.finetune
    if section is None:
        return []
    data = {one.shown: one for one in spec.data}
    attacks = {one.shown: one for one in spec.attacks}
    return [
        FineTuneCell(
            data=data[of],
            attack=attacks[by],
            rate=rate,
            rows=run.rows or section.rows,
            questions=section.questions,
            seed=spec.seed,
            model=model,
            defence=defence,
            training=training,
            evaluation=evaluation,
        )
        for run in section.runs
        for training, evaluation in [(section.training_of(run), section.evaluation_of(run))]
        for model in spec.models
        for of in run.data
        for by in run.attacks
        for rate in run.rates
        for defence in run.defences
    ]


def finetune_key(
    cell: FineTuneCell,
    spec: Spec,
    rows: Sequence[Sample],
    questions: Sequence[TestItem],
    loaded: LoadedModel,
) -> str:
    """Returns a name for the cell's result, from all that it depends on."""
    parts = [
        VERSION,
        [content_hash(rows), loaded.fingerprint, spec.seed],
        [content_hash([item.sample for item in questions]), [item.answers for item in questions]],
        [cell.attack.shown, cell.attack_on(cell.rate).model_dump(mode="json")],
        [cell.defence, cell.training.model_dump(mode="json", exclude={"save_steps"})],
        cell.evaluation.model_dump(mode="json", exclude={"batch_size"}),
    ]
    return named(*parts)


def named(*parts: object) -> str:
    """Returns a name for what depends on these parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def blank_finetuning(cell: FineTuneCell) -> Record:
    """Returns the record of a cell that was not run: what it is, and nothing measured."""
    return {
        "data": cell.data.shown,
        "attack": cell.attack.shown,
        "attack_settings": cell.attack.settled(),
        "model": cell.model,
        "rate": cell.rate,
        "rows_at_most": cell.rows,
        "questions_at_most": cell.questions,
        "seed": cell.seed,
        "method": cell.training.method,
        "training": cell.training.model_dump(mode="json"),
        "evaluation": cell.evaluation.model_dump(mode="json"),
        "defence": cell.defence,
        "status": "failed",
        "error": "",
        **dict.fromkeys(("rows", "poisoned", "kept", "kept_poisoned", "trained", "cacc", "kmr", "asr")),
    }


def finetuning_record(cell: FineTuneCell, kept: Kept, manifest: Json, evaluation: Evaluation) -> Record:
    """Returns the record of a cell that was run."""
    return blank_finetuning(cell) | {
        "status": "done",
        "rows": kept.rows,
        "poisoned": kept.poisoned,
        "kept": kept.kept,
        "kept_poisoned": kept.kept_poisoned,
        # Not its loss: that of a training that was resumed is the mean of the last part.
        "trained": {
            "rows": manifest["rows"],
            "steps": manifest["steps"],
            "rows_sha256": manifest["identity"]["rows"],
            # As the model's size chose it, where the spec gives none.
            "learning_rate": manifest["identity"]["training"]["learning_rate"],
        },
        **evaluation.as_json(),
    }


def finetuning_not_run(cell: FineTuneCell, status: Literal["failed", "skipped"], reason: str) -> Record:
    """Returns the record of a cell that gave no result, with the reason."""
    return blank_finetuning(cell) | {"status": status, "error": reason}
