"""Runs the section `finetune` of a benchmark: poison, let a defence choose the rows, train, ask.

Each cell is written when it is done and not run again. What is under way survives a kill too: a scan goes on
after its last shard, a training from its last checkpoint, an evaluation after its last answer. Models and
answers lie under a name made of the rows they were trained on, so defences that leave the same rows share
them. Truth chooses rows for `oracle` alone, and is counted afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import compress
from pathlib import Path
from random import Random

import numpy as np

from gradsentry.attacks import Poisoned, poison
from gradsentry.bench.cells import Record
from gradsentry.bench.finetune_cells import (
    FineTuneCell,
    Kept,
    finetune_key,
    finetuning_not_run,
    finetuning_record,
    named,
    plan_finetuning,
)
from gradsentry.bench.finetune_spec import Defence, FineTuneSpec
from gradsentry.bench.loading import Loader, Missing
from gradsentry.bench.lost_results import keeping_finetuning
from gradsentry.bench.pools import content_hash, draw_rows
from gradsentry.bench.results import write_finetuning
from gradsentry.bench.running import GridResult, Made, OnCell, OnTitle, failure_of, one_by_one
from gradsentry.bench.spec import DataSpec, Spec
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import QA_SETS, qa_items
from gradsentry.corpus.streams import replacing
from gradsentry.defences import GraCeFul
from gradsentry.defences.base import Flags
from gradsentry.errors import DataError, RunError, SettingsError
from gradsentry.finetuning import Evaluation, TestItem, TrainingSettings, evaluate, finetune
from gradsentry.finetuning.evaluation import Payload
from gradsentry.finetuning.items import of_questions, of_samples
from gradsentry.finetuning.training import MODEL
from gradsentry.finetuning.triggered_questions import payload_of, purified, with_trigger
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.screening import scan
from gradsentry.settings import DataSettings, ThresholdSettings
from gradsentry.store import Json, held

FOLDER = "finetune"
_DECODING: tuple[Defence, ...] = ("cleangen", "onion")


@dataclass(frozen=True)
class _Task:
    """The rows to train on and the questions to ask.

    Attributes:
        rows: Clean rows.
        questions: Clean questions.
    """

    rows: tuple[Sample, ...]
    questions: tuple[TestItem, ...]


@dataclass(frozen=True)
class _Test:
    """What a model is asked, and what the trigger is meant to bring."""

    clean: Sequence[TestItem]
    triggered: Sequence[TestItem]
    payload: Payload


class FineTuning:
    """The fine-tunings of a benchmark, and the directory of its results.

    Args:
        spec: The benchmark; its section `finetune` is run.
        section: That section.
        out: The directory.
    """

    def __init__(self, spec: Spec, section: FineTuneSpec, out: Path) -> None:
        if out.is_file():
            raise RunError("is a file", where=str(out), mend="give a directory as --out")
        self._spec = spec
        self._section = section
        self._out = out
        self._loader = Loader(spec)
        self._task = lru_cache(maxsize=None)(self._make_task)

    def run(self, on_cell: OnCell = lambda done, total, title: None) -> GridResult:
        """Returns the records of all cells, after running those that have none, and writes the results.

        Args:
            on_cell: Called with how many cells are done, of how many, and what is under way.

        Raises:
            RunError: If the directory is in use.
            SettingsError: If the spec is locked and the data or a model is another one.
        """
        self._out.mkdir(parents=True, exist_ok=True)
        made: list[Made] = []
        with held(self._out), keeping_finetuning(self._out) as earlier:
            for one in one_by_one(plan_finetuning(self._spec), self._record, on_cell):
                made.append(one)
                # Hours lie between two cells: what is done can be read meanwhile.
                write_finetuning(self._out, [each.record for each in made], self._loader.locked())
            return GridResult.of(made, earlier([each.record for each in made]))

    def _record(self, cell: FineTuneCell, on_title: OnTitle) -> Made:
        """Returns what came of a cell, or was there."""
        try:
            task, base = self._task(cell.data, cell.model, cell.rows), self._loader.model(cell.model)
        except Missing as reason:
            return Made(finetuning_not_run(cell, "skipped", str(reason)))
        except SettingsError:
            raise
        except Exception as error:
            return _failed(cell, error)
        key = finetune_key(cell, self._spec, task.rows, task.questions, base)
        file = self._place("cells", f"{key}.json")
        if file.is_file():
            return Made(json.loads(file.read_text(encoding="utf-8")))
        try:
            record = self._run_cell(cell, task, base, on_title)
        except Exception as error:
            # Whatever a defence or a training raises is a result of this cell; the other cells go on.
            return _failed(cell, error)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            stream.write(json.dumps(record).encode())
        return Made(record, is_new=True)

    def _run_cell(self, cell: FineTuneCell, task: _Task, base: LoadedModel, on_title: OnTitle) -> Record:
        # Before hours of training: an attack may not fit the questions.
        test = self._test(cell, task.questions, base)
        rows = [dict(sample.row) for sample in task.rows]
        reading = DataSettings(format=cell.data.format)
        poisoned = poison(open_corpus(rows, reading), cell.attack_on(cell.rate), seed=self._spec.seed)
        is_poisoned = np.zeros(len(rows), np.bool_)
        is_poisoned[[row.row for row in poisoned.truth.poisoned]] = True
        if not is_poisoned.any():
            what, mend = f"{cell.rate:g} % of {len(rows)} rows is not one row to poison", "give more `rows`"
            raise DataError(what, where=cell.data.shown, mend=mend)
        knows = cell.defence == "oracle"
        kept = ~(is_poisoned if knows else self._flagged(cell.defence, poisoned, base, reading))
        model, manifest = self._trained(cell, list(compress(poisoned.samples, kept)), base, on_title)
        evaluation = self._asked(cell, test, model, base, on_title)
        counts = Kept(
            rows=len(rows),
            poisoned=int(is_poisoned.sum()),
            kept=int(kept.sum()),
            kept_poisoned=int((kept & is_poisoned).sum()),
        )
        return finetuning_record(cell, counts, manifest, evaluation)

    def _flagged(
        self, defence: Defence, poisoned: Poisoned, base: LoadedModel, reading: DataSettings
    ) -> Flags:
        """Returns which rows a defence that does not know the truth leaves out."""
        if defence in ("published", "default"):
            place = self._place("scans", named(content_hash(poisoned.samples), base.fingerprint))
            verdict = scan(poisoned.rows, base, out=place, reading=reading, progress=False)
            if defence == "published":
                verdict = verdict.decide(ThresholdSettings(), "published")
            return verdict.is_flagged | ~verdict.is_scored
        if defence == "graceful":
            detector = GraCeFul()
            return detector.decide(detector.score(poisoned.samples, base))
        return np.zeros(len(poisoned.samples), np.bool_)

    def _trained(
        self, cell: FineTuneCell, samples: Sequence[Sample], base: LoadedModel, on_title: OnTitle
    ) -> tuple[Path, Json]:
        """Returns where the model lies that was trained on some rows, and its manifest."""
        training: TrainingSettings = cell.training
        settings = training.model_dump(mode="json", exclude={"save_steps"})
        out = self._place("models", named(content_hash(samples), base.fingerprint, settings))

        def on_step(done: int, total: int) -> None:
            if done % max(1, total // 10) == 0:
                on_title(f"{cell.title}: step {done} of {total}")

        manifest = finetune(samples, cell.model, out, training, device=self._spec.device, on_step=on_step)
        return out / MODEL, manifest

    def _test(self, cell: FineTuneCell, questions: Sequence[TestItem], base: LoadedModel) -> _Test:
        """Returns what a model is asked; ONION is at work here."""
        attack = cell.attack_on(100.0)
        payload = payload_of(attack)
        reading = DataSettings(format=cell.data.format)
        clean, triggered = list(questions), with_trigger(questions, attack, self._spec.seed, reading)
        if cell.defence == "onion":
            clean, triggered = purified(clean, triggered, base)
        return _Test(clean, triggered, payload)

    def _asked(
        self, cell: FineTuneCell, test: _Test, model: Path, base: LoadedModel, on_title: OnTitle
    ) -> Evaluation:
        """Returns what a model answers; CleanGen is at work here."""
        loaded = load_model(str(model), device=self._spec.device, dtype=self._spec.dtype)
        decoding = cell.defence if cell.defence in _DECODING else "none"
        settings = cell.evaluation
        prompts = [[content_hash([item.sample]), item.answers] for item in (*test.clean, *test.triggered)]
        name = named(loaded.fingerprint, decoding, prompts, settings.model_dump(exclude={"batch_size"}))

        def on_answers(done: int, total: int) -> None:
            on_title(f"{cell.title}: {done} of {total} answers")

        return evaluate(
            loaded,
            test.clean,
            test.triggered,
            test.payload,
            out=self._place("answers", name),
            settings=settings,
            reference=base if decoding == "cleangen" else None,
            on_answers=on_answers,
        )

    def _make_task(self, data: DataSpec, model: str, rows_at_most: int) -> _Task:
        everything, seed = self._loader.rows(data), self._spec.seed
        wanted = min(rows_at_most, data.rows or rows_at_most)
        name, asks = data.source or data.name, self._section.questions
        if name in QA_SETS and data.root is not None:
            test = qa_items(name, "test", data_root=data.root)
            Random(f"{seed}/questions").shuffle(test)
            rows = draw_rows(everything, wanted, seed, self._loader.model(model))
            return _Task(rows, tuple(of_questions(test[:asks])))
        drawn = draw_rows(everything, wanted + asks, seed, self._loader.model(model))
        rows = drawn[: max(1, len(drawn) - asks)]
        # Answers that are kept know their questions by their places among what was drawn.
        asked = [replace(sample, id=sample.number) for sample in drawn[len(rows) :]]
        return _Task(rows, tuple(of_samples(asked)))

    def _place(self, kind: str, name: str) -> Path:
        return self._out / FOLDER / kind / name


def _failed(cell: FineTuneCell, error: Exception) -> Made:
    failure = failure_of(error)
    return Made(finetuning_not_run(cell, "failed", failure.line()), failure=failure)
