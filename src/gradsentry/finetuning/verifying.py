"""Proof by training: does a model that learns the rows as they came learn what the findings say?

Two adapters are trained briefly, one on a part of the rows as they came, one on a part without the rows of
any finding; then both, and the base model, are asked how likely they find each finding's payload.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from gradsentry.corpus.sample import Sample
from gradsentry.defences.reading import encode_all, read
from gradsentry.errors import DataError
from gradsentry.evidence import Finding
from gradsentry.explaining import model_of
from gradsentry.finetuning.gains import MODELS, LogProbs, Model, Verified, verified
from gradsentry.finetuning.gains import Asked as Kind
from gradsentry.finetuning.log_probs import can_be_asked, log_probs
from gradsentry.finetuning.parting import Parts, part
from gradsentry.finetuning.payload_questions import (
    Question,
    habit_of,
    on_carriers,
    on_prompts,
    payloads_of,
    whole,
)
from gradsentry.finetuning.settings import TrainingSettings
from gradsentry.finetuning.training import finetune
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.outcome import Verdict
from gradsentry.report.proof import evidence_digest
from gradsentry.store import VERIFY, Json, RunDirectory
from gradsentry.validated import Settings

STEPS = 200
"""Of each training, for each finding: those of one see each row four times."""
FINDINGS = 4
"""Findings that are verified, the strongest first: each has rows in the same part."""
_BACKWARD = 4.0
"""What a step of training costs, in forward passes of its rows."""

Asked = tuple[list[Question], list[Question]]
OnEstimate = Callable[[float], None]
OnStep = Callable[[int, int], None]


class VerifySettings(Settings):
    """How a finding is verified.

    Attributes:
        steps: Of each training; None takes 200 for each finding.
        batch_size: Rows of a step.
        max_length: Tokens of a row; those that are longer are cut.
        learning_rate: Of both trainings; None chooses by the model's size.
        seed: Of which rows are taken, and of both trainings.
    """

    steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=2, ge=1)
    max_length: int = Field(default=128, ge=16)
    learning_rate: float | None = Field(default=None, gt=0.0)
    seed: int = Field(default=0, ge=0, lt=2**32)


@dataclass(frozen=True)
class Verification:
    """What training says of a run's findings.

    Attributes:
        findings: What it says of each.
        left_out: The names of findings that were not verified, because there are many.
        parts: What was trained on and asked.
        settings: How.
        model: The base model's name.
        seconds: How long it took.
    """

    findings: tuple[Verified, ...]
    left_out: tuple[str, ...]
    parts: Parts
    settings: VerifySettings
    model: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return {
            "model": self.model,
            "settings": self.settings.model_dump(mode="json"),
            "rows": {"as_they_came": len(self.parts.as_they_came), "without": len(self.parts.without)},
            "prompts": len(self.parts.prompts),
            "seconds": round(self.seconds, 1),
            "left_out": list(self.left_out),
            "findings": [one.as_json() for one in self.findings],
        }


def verify(
    verdict: Verdict,
    settings: VerifySettings = VerifySettings(),  # noqa: B008  (frozen)
    *,
    on_estimate: OnEstimate = lambda seconds: None,
    on_step: OnStep = lambda done, total: None,
) -> Verification:
    """Returns what training says of a run's findings.

    Args:
        verdict: The run's verdict.
        settings: How.
        on_estimate: Called before training with how many seconds all of it will take.
        on_step: Called with how many steps of both trainings are done, and of how many.

    Raises:
        DataError: If the run has no finding, or too few clean rows to ask.
        ModelError: If the model that it was scored with is not to be had, or is another one by now.
    """
    started = time.monotonic()
    chosen = verdict.evidence.findings[:FINDINGS]
    if not chosen:
        raise DataError(
            "has no finding to verify", where=verdict.corpus.name, mend="verify a run that found something"
        )
    base = _base(verdict)
    samples = list(verdict.corpus)
    parts = part(verdict, samples, chosen, settings.seed)
    steps = settings.steps or STEPS * len(chosen)
    settings = settings.model_copy(update={"steps": steps})
    asked = {one.name: _questions(one, samples, parts, settings, base) for one in chosen}
    on_estimate(_estimate(base, [samples[row] for row in parts.as_they_came], settings, steps))
    measured: dict[Model, dict[str, tuple[LogProbs, LogProbs]]] = {"base": _answered(base, asked)}
    with tempfile.TemporaryDirectory(prefix="gradsentry-verify-") as folder:
        trainings: tuple[tuple[Model, tuple[int, ...]], ...] = (
            ("as_they_came", parts.as_they_came),
            ("without", parts.without),
        )
        for before, (model, rows) in enumerate(trainings):

            def on_one(done: int, total: int, before: int = before) -> None:
                on_step(before * total + done, len(trainings) * total)

            some = [samples[row] for row in rows]
            trained = _trained(base, some, Path(folder) / model, settings, steps, on_one)
            measured[model] = _answered(trained, asked)
    found = tuple(_verified(one, measured) for one in chosen)
    left_out = tuple(one.name for one in verdict.evidence.findings[FINDINGS:])
    return Verification(found, left_out, parts, settings, base.name, time.monotonic() - started)


def save(run: RunDirectory, verification: Verification) -> Json:
    """Returns what is written into a run directory as `verify.json`: what training says of its findings.

    Args:
        run: The run whose findings were verified.
        verification: What came of it.
    """
    value = {**verification.as_json(), "evidence": evidence_digest(run)}
    run.write_json(VERIFY, value)
    return value


def _base(verdict: Verdict) -> LoadedModel:
    """Returns the model that a run was scored with, in float32.

    Raises:
        ModelError: If it is not to be had, or is another one by now.
    """
    loaded = model_of(verdict)
    return loaded if loaded.dtype == torch.float32 else load_model(loaded.name, dtype="float32")


def _questions(
    finding: Finding, samples: Sequence[Sample], parts: Parts, settings: VerifySettings, base: LoadedModel
) -> Asked:
    """Returns what is asked without the trigger, and with it; of a group the nearest others, and its rows."""
    if finding.kind == "group":
        kinds = (parts.others[finding.name], parts.carriers[finding.name])
        plain, triggered = ([whole(samples[row]) for row in rows] for rows in kinds)
        return _askable_of(plain, base), _askable_of(triggered, base)
    if payloads_of(finding):
        habit = habit_of(finding, [samples[row] for row in finding.carriers])
        pairs = on_prompts(finding, habit, [samples[row] for row in parts.prompts], settings.seed)
    else:
        pairs = on_carriers(finding, [samples[row] for row in parts.carriers[finding.name]])
    kept = [pair for pair in pairs if all(can_be_asked(one, base) for one in (pair.triggered, pair.plain))]
    return [pair.plain for pair in kept], [pair.triggered for pair in kept if pair.triggered is not None]


def _askable_of(questions: list[Question], base: LoadedModel) -> list[Question]:
    return [one for one in questions if can_be_asked(one, base)]


def _answered(loaded: LoadedModel, asked: dict[str, Asked]) -> dict[str, tuple[LogProbs, LogProbs]]:
    """Returns the log-probabilities of what each finding asks without the trigger, and with it."""
    return {
        name: (log_probs(loaded, plain), log_probs(loaded, triggered))
        for name, (plain, triggered) in asked.items()
    }


def _verified(finding: Finding, measured: dict[Model, dict[str, tuple[LogProbs, LogProbs]]]) -> Verified:
    plain = {model: measured[model][finding.name][0] for model in MODELS}
    triggered = {model: measured[model][finding.name][1] for model in MODELS}
    is_group = finding.kind == "group"
    kind: Kind = "group" if is_group else "prompts" if payloads_of(finding) else "carriers"
    return verified(finding.name, kind, plain, triggered if is_group or finding.triggers else None)


def _trained(
    base: LoadedModel,
    samples: Sequence[Sample],
    out: Path,
    settings: VerifySettings,
    steps: int,
    on_step: OnStep,
) -> LoadedModel:
    """Returns the base model with an adapter that was trained on rows."""
    in_an_epoch = ceil(len(samples) / settings.batch_size)
    training = TrainingSettings(
        epochs=steps / in_an_epoch,
        batch_size=settings.batch_size,
        max_length=settings.max_length,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        save_steps=10 * steps,
    )
    finetune(samples, base.name, out, training, device=base.device.type, on_step=on_step)
    return load_model(str(out / "model"), dtype="float32", device=base.device.type)


def _estimate(base: LoadedModel, samples: Sequence[Sample], settings: VerifySettings, steps: int) -> float:
    """Returns how many seconds both trainings and the questions take, from a pass over some rows."""
    encoded = encode_all(samples, base)
    lengths = [min(len(one.ids), settings.max_length) for one in encoded if one.problem is None]
    tried = [one for one in encoded if one.problem is None][: settings.batch_size]
    started = time.monotonic()
    for _ in read(base, tried):
        pass
    pace = (time.monotonic() - started) / max(sum(len(one.ids) for one in tried), 1)
    rounds = steps * settings.batch_size / max(len(lengths), 1)
    return ceil(2 * _BACKWARD * pace * sum(lengths) * rounds)
