"""TRL: a data set screened before it is given to a trainer, or the rows that a trainer is about to train on.

Preference data is judged on both sides (`sides.py`).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import TrainerCallback

from gradsentry.corpus import open_corpus
from gradsentry.corpus.unread import left_out
from gradsentry.errors import DataError, SettingsError
from gradsentry.integrations.sides import OnFindings, Sides, decided, judged
from gradsentry.integrations.trlcut import Cut
from gradsentry.integrations.trlrows import trl_rows
from gradsentry.integrations.trltexts import WHERE, texts_of
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from gradsentry.models.loading import LoadedModel

log = logging.getLogger(__name__)


def screen_dataset(
    dataset: object,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    on_findings: OnFindings = "drop",
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    marks: str | Path | None = None,
) -> Dataset | IterableDataset:
    """Returns a data set to train on: as TRL wants its rows, and without those that are flagged.

    Rows of Alpaca, ShareGPT, question and answers, or named columns become `prompt` and `completion`, with
    two answers `prompt`, `chosen` and `rejected`, or where there are several responses `messages`; of
    `prompt` and `response` the response becomes `completion`. Their other columns stay. Rows that TRL reads
    come back as they are.

    Args:
        dataset: A `Dataset` or an `IterableDataset`, which come back in their type; or anything else that
            `screen` takes, which becomes a `Dataset`. An iterable one is read several times.
        model: The clean base model, for a scan; None to read the texts alone.
        tokenizer: Of a loaded model.
        on_findings: What is done where something was found.
        reading: How the rows are read.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.
        marks: The file of what a person decided of rows, by their ids (a run's `marks.jsonl`): on either side
            one marked clean stays, and one marked poisoned goes.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the data, the model or an option is wrong, or the data has several splits: they would
            come back as one, and a model would be trained on what it is tested on.
    """
    corpus = open_corpus(dataset, reading)
    if corpus.splits:
        mend = "give one of them, such as dataset['train'], or name it: DataSettings(split='train')"
        raise DataError(f"has several splits: {', '.join(corpus.splits)}", where=corpus.name, mend=mend)
    sides = judged(
        corpus,
        model,
        tokenizer,
        false_alarm_rate=false_alarm_rate,
        calibration=calibration,
        accept=accept,
        marks=marks,
    )
    return trl_rows(corpus, decided(sides, on_findings, where=corpus.name, unjudged_stay=True))


def judge_dataset(
    dataset: object,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    marks: str | Path | None = None,
) -> Sides:
    """Returns the verdicts that `screen_dataset` acts on: of preferences on both answers.

    The arguments are its own.

    Raises:
        UsageError: If the data, the model or an option is wrong.
    """
    corpus = open_corpus(dataset, reading)
    return judged(
        corpus,
        model,
        tokenizer,
        false_alarm_rate=false_alarm_rate,
        calibration=calibration,
        accept=accept,
        marks=marks,
    )


class LogVerdict(TrainerCallback):
    """Logs verdicts to whatever a trainer reports to, as its training begins: before, nothing listens.

    Args:
        trainer: Any trainer.
        sides: What `judge_dataset` returned of the rows.
    """

    def __init__(self, trainer: Trainer, sides: Sides) -> None:
        self._trainer, self._sides = trainer, sides

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ANN401
        """Logs how many rows were judged, and what of them."""
        self._trainer.log(self._sides.metrics())


class ScreenCallback(TrainerCallback):
    """Screens what a trainer is about to train on, and logs the verdict to whatever it reports to.

    What it judges are the rows that the trainer was given, whole, where its tokens are theirs; of rows that
    came as tokens, what these say, parted into prompt and response by the labels. What the trainer only
    evaluates on is not screened. Where its `max_length` shortens rows, or has left rows out, a warning says
    how many, and what of them was judged. A row's id is its own, or its place in what the trainer was given.

    Made, the callback acts at once: `trainer.add_callback(ScreenCallback(trainer))`.

    Args:
        trainer: An `SFTTrainer` or a `DPOTrainer`, whose rows are neither packed nor streamed; for other ones
            (KTO, rewards, ORPO) there is `screen_dataset`.
        on_findings: What is done where something was found.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.
        marks: The file of what a person decided of rows, by their ids (a run's `marks.jsonl`): on either side
            one marked clean stays, and one marked poisoned goes.

    Attributes:
        sides: What was found.
        cut: How many rows the trainer's `max_length` shortens, or has left out.
        left_out: How many rows were taken from the trainer, as `on_findings` says.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        DataError: If the trainer has no rows of which prompt and response can be told.
        SettingsError: If no trainer is given, or the rate is none.
    """

    def __init__(
        self,
        trainer: Trainer | None = None,
        *,
        on_findings: OnFindings = "refuse",
        false_alarm_rate: float | None = None,
        calibration: str | Path | None = None,
        accept: str | Path | None = None,
        marks: str | Path | None = None,
    ) -> None:
        if trainer is None or not hasattr(trainer, "train_dataset"):
            # As with `callbacks=[ScreenCallback]`, which a trainer makes without itself.
            mend = "make the trainer first, then `trainer.add_callback(ScreenCallback(trainer))`"
            raise SettingsError("is given no trainer", where="ScreenCallback", mend=mend)
        rows: Any = trainer.train_dataset
        texts = texts_of(trainer)
        self._trainer = trainer
        self.cut = Cut.of(trainer, are_judged_whole=texts.are_whole)
        if said := str(self.cut):
            log.warning("gradsentry: %s: %s", WHERE, said)
        given = open_corpus(texts.rows, DataSettings(format=texts.format)).called(f"{WHERE}'s rows")
        corpus = given.leaving_out(self.cut.not_judged)
        self.sides = judged(
            corpus,
            false_alarm_rate=false_alarm_rate,
            calibration=calibration,
            accept=accept,
            marks=marks,
        )
        if unread := self.sides.chosen.evidence.unread:
            said = left_out(len(texts.rows), unread)
            log.warning("gradsentry: %s: %s: they stay, and nothing was looked for in them", WHERE, said)
        keep = decided(self.sides, on_findings, where=WHERE, unjudged_stay=True)
        self.left_out = int((~keep).sum())
        if self.left_out:
            trainer.train_dataset = rows.select(np.flatnonzero(keep))

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ANN401
        """Logs how many rows were judged, and what of them."""
        done = {
            "gradsentry/left_out": float(self.left_out),
            "gradsentry/shortened": float(self.cut.shortened),
            "gradsentry/too_long": float(self.cut.too_long),
        }
        self._trainer.log(self.sides.metrics() | done)
