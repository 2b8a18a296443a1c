"""TRL: a data set screened before it is given to a trainer, or the rows that a trainer is about to train on.

Preference data is judged on both sides (`sides.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import TrainerCallback

from gradsentry.corpus import Sample, open_corpus
from gradsentry.errors import DataError
from gradsentry.integrations.sides import OnFindings, decided, judged
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from gradsentry.models.loading import LoadedModel

_FOREIGN = ("alpaca", "sharegpt", "qa", "columns")
"""Row formats that TRL does not train on as they are."""


def screen_dataset(
    dataset: Dataset,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    on_findings: OnFindings = "drop",
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
) -> Dataset:
    """Returns a data set to train on: as TRL wants its rows, and without those that are flagged.

    Rows of Alpaca, ShareGPT, question and answers, or named columns become `prompt` and `completion`, or
    where there are several turns `messages`; rows that TRL reads come back as they are.

    Args:
        dataset: The rows.
        model: The clean base model, for a scan; None to read the texts alone.
        tokenizer: Of a loaded model.
        on_findings: What is done where something was found.
        reading: How the rows are read.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        UsageError: If the data or the model is wrong, or the data has several splits: they would come back as
            one, and a model would be trained on what it is tested on.
    """
    corpus = open_corpus(dataset, reading)
    if corpus.splits:
        mend = "give one of them, such as dataset['train'], or name it: DataSettings(split='train')"
        raise DataError(f"has several splits: {', '.join(corpus.splits)}", where=corpus.name, mend=mend)
    sides = judged(corpus, model, tokenizer)
    keep = decided(sides, on_findings, unjudged_stay=True)
    if corpus.format not in _FOREIGN:
        return corpus.select(keep)
    from datasets import Dataset

    kept = [sample for sample in corpus if keep[sample.number] and sample.problem is None]
    if not kept:
        raise DataError("no row stays", where=corpus.name, mend="look at the verdict of gradsentry.screen")
    return Dataset.from_list(_as_trl(kept))


class ScreenCallback(TrainerCallback):
    """Screens what a trainer is about to train on, and logs the verdict to whatever it reports to.

    The texts are those that the trainer made with its chat template, parted into prompt and response by its
    labels. Made, it acts at once: `trainer.add_callback(ScreenCallback(trainer))`.

    Args:
        trainer: An `SFTTrainer` or a `DPOTrainer`.
        on_findings: What is done where something was found.

    Attributes:
        sides: What was found.

    Raises:
        FindingsError: If something was found, and `on_findings` is `refuse`.
        DataError: If the trainer has no rows of which prompt and response can be told.
    """

    def __init__(self, trainer: Trainer, *, on_findings: OnFindings = "refuse") -> None:
        rows: Any = trainer.train_dataset
        texts = _texts(rows, trainer.processing_class)
        self._trainer = trainer
        self.sides = judged(open_corpus(texts))
        keep = decided(self.sides, on_findings, unjudged_stay=True)
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
            }
        )


def _as_trl(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Returns rows as TRL wants them: prompt and completion where each has one response, else messages."""
    chats = [_messages(sample) for sample in samples]
    single = all(
        [turn.trained for turn in sample.turns].index(True) == len(sample.turns) - 1 for sample in samples
    )
    if single:
        return [{"prompt": chat[:-1], "completion": chat[-1:]} for chat in chats]
    return [{"messages": chat} for chat in chats]


def _messages(sample: Sample) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = []
    for turn in sample.turns:
        if turn.joins and messages:
            messages[-1]["content"] += f"\n{turn.text}"
        else:
            messages.append({"role": turn.role, "content": turn.text})
    return messages


def _texts(rows: Any, tokenizer: Any) -> list[dict[str, str]]:  # noqa: ANN401  (what a trainer has made)
    """Returns the rows of a trainer as prompt and completion, or prompt, chosen and rejected."""
    names = set(getattr(rows, "column_names", None) or ())

    def decoded(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(ids, skip_special_tokens=True)
        return text

    if {"prompt_ids", "chosen_ids", "rejected_ids"} <= names:
        return [
            {name: decoded(row[f"{name}_ids"]) for name in ("prompt", "chosen", "rejected")} for row in rows
        ]
    if not {"input_ids", "labels"} <= names or "seq_lengths" in names:
        what = "are packed" if "seq_lengths" in names else "are not tokenised with labels"
        mend = "give the trainer what gradsentry.integrations.trl.screen_dataset returns"
        raise DataError(f"its rows {what}", where="the trainer", mend=mend)
    parted = [_parted(row, decoded) for row in rows]
    if parted and not any(row["prompt"].strip() for row in parted):
        # Without prompts there is no trigger to find, and "clean" would be said of what was not looked at.
        what = "have a loss on all tokens, so that no prompt is told from its response"
        mend = "screen the data set itself with gradsentry.integrations.trl.screen_dataset"
        raise DataError(f"its rows {what}", where="the trainer", mend=mend)
    return parted


def _parted(row: Mapping[str, Sequence[int]], decoded: Any) -> dict[str, str]:  # noqa: ANN401
    trained = np.asarray(row["labels"]) != -100
    ids = np.asarray(row["input_ids"])
    return {"prompt": decoded(ids[~trained].tolist()), "completion": decoded(ids[trained].tolist())}
