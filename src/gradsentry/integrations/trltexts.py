"""The rows that a TRL trainer is about to train on -> texts, parted into prompt and response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset

from gradsentry.corpus.decoding import decoded
from gradsentry.corpus.templates import template_of
from gradsentry.errors import DataError

WHERE = "the trainer"
UNTRAINED = -100
"""The label of a token that no loss is computed on."""
_TextOf = Callable[[Sequence[int]], str]
_MADE = "give the trainer what gradsentry.integrations.trl.screen_dataset returns"


@dataclass(frozen=True)
class Texts:
    """What is judged of the rows of a trainer.

    Attributes:
        rows: A row for each of them, in their order.
        are_whole: Whether they are whole where the trainer cuts its rows.
    """

    rows: list[dict[str, str]] | Dataset
    are_whole: bool = False


def texts_of(trainer: Any) -> Texts:  # noqa: ANN401  (what a trainer has made)
    """Returns the rows of a trainer as prompt and completion, prompt, chosen and rejected, or as they came.

    Labels tell prompt and response of what the trainer has made. With a loss on all tokens they tell nothing:
    then the rows are read as they were given to it.

    Raises:
        DataError: If there are none, or prompts and responses cannot be told.
    """
    rows, tokenizer = trainer.train_dataset, trainer.processing_class
    end = getattr(tokenizer, "eos_token", None) or ""  # which TRL puts behind a text
    names = set(getattr(rows, "column_names", None) or ())
    text_of = partial(decoded, tokenizer)
    if not hasattr(rows, "select"):
        raise DataError("its rows are streamed, and cannot be chosen from", where=WHERE, mend=_MADE)
    if not len(rows):
        limit = getattr(trainer.args, "max_length", None)
        why = f": no response lies within its max_length of {limit:,} tokens" if limit else ""
        mend = "raise max_length, or shorten the prompts"
        raise DataError(f"has no rows left to train on{why}", where=WHERE, mend=mend)
    if {"prompt_ids", "chosen_ids", "rejected_ids"} <= names:
        return Texts([_pair(row, text_of, end) for row in rows], are_whole=True)
    if "seq_lengths" in names or getattr(trainer.args, "packing", False):  # "wrapped" rows say no lengths
        what = "its rows are packed: several of the data set in one, so that none can be left out"
        raise DataError(what, where=WHERE, mend=_MADE)
    if not {"input_ids", "labels"} <= names:
        raise DataError("its rows are not tokenised with labels", where=WHERE, mend=_MADE)
    if any(UNTRAINED in labels for labels in rows["labels"]):
        return Texts([_parted(row, text_of, end) for row in rows])
    return Texts(_given(rows, trainer.args.dataset_text_field, end), are_whole=True)


def _given(rows: Dataset, text_field: str, end: str) -> Dataset:
    """Returns the columns that a trainer makes its tokens of, in the order in which it looks for them.

    Raises:
        DataError: If it has kept none of them, or they are plain text: without prompts there is no trigger to
            find, and "clean" would be said of what was not looked at.
    """
    for names in (["prompt", "completion"], ["messages"]):
        if set(names) <= set(rows.column_names):
            return rows.select_columns(names)
    if text_field in rows.column_names:
        texts = [_without(end, text) for text in rows[text_field]]
        if template_of(texts) is not None:
            return Dataset.from_dict({"text": texts})
    what = "its rows have a loss on all tokens, so that no prompt is told from its response"
    raise DataError(what, where=WHERE, mend="give it rows with messages, or with prompt and completion")


def _without(end: str, text: str) -> str:
    """Returns a text without the end that TRL put behind it, which stands nowhere else in it then."""
    return text.removesuffix(end) if end and text.count(end) == 1 else text


def _parted(row: Mapping[str, Any], text_of: _TextOf, end: str) -> dict[str, str]:
    """Returns prompt and response of a row: at the border of its texts, else at that of its labels."""
    trained = np.asarray(row["labels"]) != UNTRAINED
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
