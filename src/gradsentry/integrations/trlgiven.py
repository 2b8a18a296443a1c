"""The rows that a TRL trainer was given, where what it trains on are the tokens of just their texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from datasets import Dataset

from gradsentry.corpus.templates import LOOKED_AT, template_of

Row = Mapping[str, Any]

TOKENS = ("prompt_ids", "chosen_ids", "rejected_ids", "input_ids", "labels", "attention_mask")
"""The columns that a trainer makes."""
_PAIR = ("prompt", "chosen", "rejected")


@dataclass(frozen=True)
class Texts:
    """What is judged of the rows of a trainer.

    Attributes:
        rows: A row for each of them, in their order.
        format: Their row format.
        are_whole: Whether they are whole where the trainer cuts its rows.
    """

    rows: list[dict[str, Any]]
    format: str
    are_whole: bool = True


def given_rows(trainer: Any) -> Texts | None:  # noqa: ANN401  (what a trainer has made)
    """Returns the rows that a trainer was given, with all columns but the tokens.

    None if it has not kept them, or trains on others.

    Their texts are made into tokens again, as the trainer did: rows that came as tokens can hold texts that
    say something else, and it trains on the tokens.
    """
    rows: Dataset = trainer.train_dataset
    for format_name, names in _columns(trainer).items():
        if set(names) <= set(rows.column_names) and all(_are_tokens_of(trainer, row, names) for row in rows):
            return _given(trainer, format_name, names)
    return None


def _columns(trainer: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Returns what a trainer can make its tokens of, in the order in which it looks for it, by row format."""
    if "chosen_ids" in trainer.train_dataset.column_names:
        return {"preference": _PAIR}
    text = getattr(trainer.args, "dataset_text_field", "text")
    return {"prompt-completion": ("prompt", "completion"), "messages": ("messages",), "text": (text,)}


def _given(trainer: Any, format_name: str, names: Sequence[str]) -> Texts | None:  # noqa: ANN401
    end = getattr(trainer.processing_class, "eos_token", None) or ""
    rows = trainer.train_dataset
    kept = rows.select_columns([name for name in rows.column_names if name not in TOKENS])
    given = [{**row, **{name: _without(end, row[name]) for name in names}} for row in kept]
    if format_name == "preference" and _prompt_was_taken_out(kept.column_names, given):
        return Texts([_put_back(row) for row in given], format_name)
    if format_name != "text":
        return Texts(given, format_name)
    if template_of([row[names[0]] for row in given[:LOOKED_AT]]) is None:
        return None  # plain text has no prompt
    return Texts([{**row, "text": row[names[0]]} for row in given], format_name)


def _prompt_was_taken_out(names: Sequence[str], rows: Sequence[Row]) -> bool:
    """Tells whether a trainer has made the prompts of what both answers, as texts, begin with.

    TRL cuts that off letter by letter, often within a word, and puts it behind all other columns. What is
    left of the two has no beginning in common but one blank, or one of them is but a letter.
    """
    return names[-1] == "prompt" and all(_is_cut(*(row[name] for name in _PAIR)) for row in rows)


def _is_cut(prompt: object, chosen: object, rejected: object) -> bool:
    if not (isinstance(prompt, str) and isinstance(chosen, str) and isinstance(rejected, str)):
        return False
    shared = commonprefix([chosen, rejected])  # noqa: RUF071  (characters are meant)
    is_short = min(len(chosen), len(rejected)) <= 1
    return is_short or shared == " " or (not shared and not prompt.endswith(" "))


def _put_back(row: Row) -> dict[str, Any]:
    """Returns a row with its answers whole, which are then parted as those of a data set are."""
    rest = {name: value for name, value in row.items() if name != "prompt"}
    return rest | {name: row["prompt"] + row[name] for name in ("chosen", "rejected")}


def _are_tokens_of(trainer: Any, row: Row, names: Sequence[str]) -> bool:  # noqa: ANN401
    """Tells whether a row's tokens are those of its texts, as far as the trainer has not cut them."""
    if names == _PAIR:
        return all(
            _tokens(trainer, row, ("prompt", answer)) == [*row["prompt_ids"], *row[f"{answer}_ids"]]
            for answer in ("chosen", "rejected")
        )
    ids, whole = row["input_ids"], _tokens(trainer, row, names)
    if len(ids) == getattr(trainer.args, "max_length", None):
        return ids in (whole[: len(ids)], whole[-len(ids) :])
    return bool(ids == whole)


def _tokens(trainer: Any, row: Row, names: Sequence[str]) -> list[int]:  # noqa: ANN401
    """Returns the tokens of texts, or of messages, one behind the other; none where they are neither."""
    tokenizer, parts = trainer.processing_class, [row[name] for name in names]
    if all(isinstance(part, str) for part in parts):
        return list(tokenizer(text="".join(parts))["input_ids"])
    if not all(isinstance(part, list) for part in parts):
        return []
    tools = row.get("tools")
    made = tokenizer.apply_chat_template(
        [message for part in parts for message in part],
        tools=json.loads(tools) if isinstance(tools, str) else tools,
        chat_template=getattr(trainer, "chat_template", None),
        return_dict=True,
        **(row.get("chat_template_kwargs") or {}),
    )
    return list(made["input_ids"])


def _without(end: str, said: Any) -> Any:  # noqa: ANN401
    """Returns a text without the end that TRL puts behind it, unless that stands elsewhere in it too."""
    return said.removesuffix(end) if isinstance(said, str) and end and said.count(end) == 1 else said
