"""TRL: a data set screened before it is given to a trainer, or the rows that a trainer is about to train on.

Preference data is judged on both sides (`sides.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import TrainerCallback

from gradsentry.corpus import open_corpus
from gradsentry.corpus.decoding import decoded
from gradsentry.errors import DataError, SettingsError
from gradsentry.integrations.sides import OnFindings, decided, judged
from gradsentry.integrations.trlcut import Cut
from gradsentry.integrations.trlrows import trl_rows
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from gradsentry.models.loading import LoadedModel

log = logging.getLogger(__name__)

_TextOf = Callable[[Sequence[int]], str]
_WHERE = "the trainer"
_MADE = "give the trainer what gradsentry.integrations.trl.screen_dataset returns"


def screen_dataset(
    dataset: object,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    on_findings: OnFindings = "drop",
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    accept: str | Path | None = None,
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
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the data, the model or an option is wrong, or the data has several splits: they would
            come back as one, and a model would be trained on what it is tested on.
    """
    corpus = open_corpus(dataset, reading)
    if corpus.splits:
        mend = "give one of them, such as dataset['train'], or name it: DataSettings(split='train')"
        raise DataError(f"has several splits: {', '.join(corpus.splits)}", where=corpus.name, mend=mend)
    sides = judged(corpus, model, tokenizer, false_alarm_rate=false_alarm_rate, accept=accept)
    return trl_rows(corpus, decided(sides, on_findings, where=corpus.name, unjudged_stay=True))


class ScreenCallback(TrainerCallback):
    """Screens what a trainer is about to train on, and logs the verdict to whatever it reports to.

    The texts are those that the trainer made with its chat template, parted into prompt and response by its
    labels; where prompts are plain text, at the border of the texts, for to TRL a token that spans it is one
    of the response. Made, it acts at once: `trainer.add_callback(ScreenCallback(trainer))`. What the trainer
    only evaluates on is not screened. Where its `max_length` shortens rows, or has left rows out, a warning
    says how many, and what of them was judged.

    Args:
        trainer: An `SFTTrainer` or a `DPOTrainer`, whose rows are neither packed nor streamed.
        on_findings: What is done where something was found.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01. Of preferences
            each side is judged by it.
        accept: The file of findings that a person accepts (`gradsentry accept`), which flag and refuse
            nothing; of preferences on either side.

    Attributes:
        sides: What was found.
        cut: How many rows the trainer's `max_length` shortens, or has left out.

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
        accept: str | Path | None = None,
    ) -> None:
        if trainer is None or not hasattr(trainer, "train_dataset"):
            # As with `callbacks=[ScreenCallback]`, which a trainer makes without itself.
            mend = "make the trainer first, then `trainer.add_callback(ScreenCallback(trainer))`"
            raise SettingsError("is given no trainer", where="ScreenCallback", mend=mend)
        rows: Any = trainer.train_dataset
        texts = _texts(trainer)
        self._trainer = trainer
        self.cut = Cut.of(trainer)
        if said := str(self.cut):
            log.warning("gradsentry: %s: %s", _WHERE, said)
        self.sides = judged(open_corpus(texts), false_alarm_rate=false_alarm_rate, accept=accept)
        keep = decided(self.sides, on_findings, where=_WHERE, unjudged_stay=True)
        if not keep.all():
            trainer.train_dataset = rows.select(np.flatnonzero(keep))

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ANN401
        """Logs how many rows were judged, and what of them."""
        verdict = self.sides.worst
        self._trainer.log(
            {
                "gradsentry/poisoned": float(verdict.outcome == "poisoned"),
                "gradsentry/findings": float(len(verdict.evidence.open)),
                "gradsentry/rows": float(len(self.sides.is_kept)),
                "gradsentry/flagged": float((~self.sides.is_kept).sum()),
                "gradsentry/shortened": float(self.cut.shortened),
                "gradsentry/too_long": float(self.cut.too_long),
            }
        )


def _texts(trainer: Any) -> list[dict[str, str]]:  # noqa: ANN401  (what a trainer has made)
    """Returns the rows of a trainer as prompt and completion, or prompt, chosen and rejected.

    Raises:
        DataError: If there are none, or prompts and responses cannot be told.
    """
    rows, tokenizer = trainer.train_dataset, trainer.processing_class
    end = getattr(tokenizer, "eos_token", None) or ""  # which TRL puts behind a text
    names = set(getattr(rows, "column_names", None) or ())
    text_of = partial(decoded, tokenizer)
    if not hasattr(rows, "select"):
        raise DataError("its rows are streamed, and cannot be chosen from", where=_WHERE, mend=_MADE)
    if not len(rows):
        limit = getattr(trainer.args, "max_length", None)
        why = f": no response lies within its max_length of {limit:,} tokens" if limit else ""
        mend = "raise max_length, or shorten the prompts"
        raise DataError(f"has no rows left to train on{why}", where=_WHERE, mend=mend)
    if {"prompt_ids", "chosen_ids", "rejected_ids"} <= names:
        return [_pair(row, text_of, end) for row in rows]
    if "seq_lengths" in names or getattr(trainer.args, "packing", False):  # "wrapped" rows say no lengths
        what = "its rows are packed: several of the data set in one, so that none can be left out"
        raise DataError(what, where=_WHERE, mend=_MADE)
    if not {"input_ids", "labels"} <= names:
        raise DataError("its rows are not tokenised with labels", where=_WHERE, mend=_MADE)
    parted = [_parted(row, text_of, end) for row in rows]
    if not any(row["prompt"].strip() for row in parted):
        # Without prompts there is no trigger to find, and "clean" would be said of what was not looked at.
        what = "its rows have a loss on all tokens, so that no prompt is told from its response"
        mend = "screen the data set itself with gradsentry.integrations.trl.screen_dataset"
        raise DataError(what, where=_WHERE, mend=mend)
    return parted


def _parted(row: Mapping[str, Any], text_of: _TextOf, end: str) -> dict[str, str]:
    """Returns prompt and response of a row: at the border of its texts, else at that of its labels."""
    trained = np.asarray(row["labels"]) != -100
    ids = np.asarray(row["input_ids"])
    asked, said = row.get("prompt"), row.get("completion")
    if isinstance(asked, str) and isinstance(said, str) and trained.any() and not trained.all():
        whole, said = text_of(ids.tolist()), said.removesuffix(end)
        if whole.startswith(asked):
            return {"prompt": asked, "completion": whole.removeprefix(asked)}
        if whole.endswith(said):  # the beginning is cut
            return {"prompt": whole.removesuffix(said), "completion": said}
    return {"prompt": text_of(ids[~trained].tolist()), "completion": text_of(ids[trained].tolist())}


def _pair(row: Mapping[str, Any], text_of: _TextOf, end: str) -> dict[str, str]:
    """Returns the prompt and both answers of a row: its texts, else what its tokens say."""
    names = ("prompt", "chosen", "rejected")
    if all(isinstance(row.get(name), str) for name in names):
        return {name: row[name].removesuffix(end) for name in names}
    return {name: text_of(row[f"{name}_ids"]) for name in names}
