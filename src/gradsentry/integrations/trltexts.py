"""The rows that a TRL trainer is about to train on -> texts, parted into prompt and response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset

from gradsentry.corpus.decoding import decoded
from gradsentry.errors import DataError
from gradsentry.integrations.trlgiven import Texts, given_rows

WHERE = "the trainer"
UNTRAINED = -100
"""The label of a token that no loss is computed on."""
_TextOf = Callable[[Sequence[int]], str]
_MADE = "give the trainer what gradsentry.integrations.trl.screen_dataset returns"


def texts_of(trainer: Any) -> Texts:  # noqa: ANN401  (what a trainer has made)
    """Returns the rows of a trainer as they were given to it, or parted by the labels of their tokens.

    Each has the `id` of its own, or as such its place in the data set that the trainer was given, which may
    have left rows out.

    Raises:
        DataError: If there are none, or prompts and responses cannot be told.
    """
    rows = trainer.train_dataset
    names = set(getattr(rows, "column_names", None) or ())
    is_of_pairs = {"prompt_ids", "chosen_ids", "rejected_ids"} <= names
    if not hasattr(rows, "select"):
        raise DataError("its rows are streamed, and cannot be chosen from", where=WHERE, mend=_MADE)
    if not len(rows):
        limit = getattr(trainer.args, "max_length", None)
        why = f": no response lies within its max_length of {limit:,} tokens" if limit else ""
        mend = "raise max_length, or shorten the prompts"
        raise DataError(f"has no rows left to train on{why}", where=WHERE, mend=mend)
    if not is_of_pairs and ("seq_lengths" in names or getattr(trainer.args, "packing", False)):
        # Rows that are "wrapped" say no lengths.
        what = "its rows are packed: several of the data set in one, so that none can be left out"
        raise DataError(what, where=WHERE, mend=_MADE)
    if not is_of_pairs and not {"input_ids", "labels"} <= names:
        what = "its rows are not tokenised with labels, as those of an SFTTrainer and a DPOTrainer are"
        raise DataError(what, where=WHERE, mend=_MADE)
    texts = given_rows(trainer) or _made(rows, partial(decoded, trainer.processing_class))
    named = [{**row, "id": own} for own, row in zip(_ids(rows), texts.rows, strict=True)]
    return replace(texts, rows=named)


def _ids(rows: Dataset) -> Sequence[Any]:
    """Returns what names each row: its own id, or its place in what the trainer was given."""
    if "id" in rows.column_names:
        return list(rows["id"])
    places = rows._indices
    return range(len(rows)) if places is None else places.column(0).to_pylist()


def _made(rows: Dataset, text_of: _TextOf) -> Texts:
    """Returns what the tokens of rows say, parted by their labels; pairs are not yet cut.

    Raises:
        DataError: If no label parts them: without prompts there is no trigger to find, and "clean" would be
            said of what was not looked at.
    """
    if "chosen_ids" in rows.column_names:
        names = ("prompt", "chosen", "rejected")
        return Texts([{name: text_of(row[f"{name}_ids"]) for name in names} for row in rows], "preference")
    parted = [_parted(row["input_ids"], row["labels"], text_of) for row in rows]
    if not any(row["prompt"].strip() for row in parted):
        what = "its rows have a loss on all tokens, so that no prompt is told from its response"
        mend = "give it rows with messages, or with prompt and completion, and let it make the tokens"
        raise DataError(what, where=WHERE, mend=mend)
    return Texts(parted, "prompt-completion", are_whole=False)


def _parted(ids: Sequence[int], labels: Sequence[int], text_of: _TextOf) -> dict[str, str]:
    """Returns what stands before and among the responses of a row, and the responses.

    What is left of a chat template behind the last response is neither.
    """
    trained = np.asarray(labels) != UNTRAINED
    until = len(trained) - int(np.argmax(trained[::-1])) if trained.any() else len(trained)
    tokens, trained = np.asarray(ids)[:until], trained[:until]
    return {"prompt": text_of(tokens[~trained].tolist()), "completion": text_of(tokens[trained].tolist())}
