"""Edited turns, written back into the row they came from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import cast

import pyarrow as pa

from gradsentry.corpus.arrowrows import with_columns
from gradsentry.corpus.dialogues import CHOSEN
from gradsentry.corpus.fields import FieldPath, opened, replaced, value_at
from gradsentry.corpus.formats import turns_problem
from gradsentry.corpus.records import Row, dump_json
from gradsentry.corpus.sample import Sample, Turn


def write_turns(sample: Sample, turns: Iterable[Turn]) -> Sample:
    """Returns the sample with the text of these turns in its row; the same sample where no text changed.

    Only the fields whose text changed are written. Turns that share a path (a prompt and a response in one
    `text`) are put together again; a list of answers becomes a list of one; tool calls are parsed from their
    edited JSON.

    Args:
        sample: A row as it was read.
        turns: The sample's turns, their texts edited; their paths must be the sample's. Those of the
            rejected answer may follow.

    Raises:
        DataError: If a text does not fit its column, where columns have types.
        ValueError: If the turns have other paths than the sample's.
    """
    given = tuple(turns)
    turns, rejected = given[: len(sample.turns)], given[len(sample.turns) :] or sample.rejected
    before, after = _texts(sample.turns), _texts(turns)
    if before.keys() != after.keys():
        raise ValueError(f"the turns of row {sample.id} stand at {[*before]}, not at {[*after]}")
    if [turn.path for turn in rejected] != [turn.path for turn in sample.rejected]:
        raise ValueError(f"the rejected answer of row {sample.id} stands elsewhere")
    changed = {path: text for path, text in after.items() if text != before[path]}
    if not changed and rejected == sample.rejected:
        return sample
    row: object = sample.row
    columns: dict[str, None] = {}
    for path, text in changed.items():
        held = value_at(row, path)
        row = replaced(row, path, text if held == before[path] else _in_kind(held, text))
        columns[str(path[0])] = None
        if (twin := _twin(sample, path)) is not None:
            asked = _asked(sample.turns, path), _asked(turns, path)
            row = replaced(row, twin, asked[1] + str(value_at(row, twin)).removeprefix(asked[0]))
            columns[str(twin[0])] = None
    for old, new in zip(sample.rejected, rejected, strict=True):
        if new.text != old.text:
            row = replaced(row, new.path, _with_answer(value_at(row, new.path), old.text, new.text))
            columns[str(new.path[0])] = None
    edited, raw = cast(Row, row), None
    if isinstance(sample.raw, pa.RecordBatch):
        raw = with_columns(sample.raw, edited, columns, where=sample.origin)
    return replace(sample, turns=turns, row=edited, raw=raw, problem=turns_problem(turns), rejected=rejected)


def _with_answer(held: object, old: str, new: str) -> object:
    """Returns what stands at a rejected answer's place with another answer; what was asked may lead it."""
    if isinstance(held, str) and held.endswith(old):
        return held.removesuffix(old) + new
    return _in_kind(held, new)


def _texts(turns: Iterable[Turn]) -> dict[FieldPath, str]:
    texts: dict[FieldPath, str] = {}
    for turn in turns:
        texts[turn.path] = texts.get(turn.path, "") + turn.text
    return texts


def _twin(sample: Sample, path: FieldPath) -> FieldPath | None:
    """Returns where the rejected answer repeats what was asked at a path; an edit of one without the other
    would part them, and what was asked would become answers.
    """
    if not (sample.rejected and path[0] in CHOSEN):
        return None
    twin = (sample.rejected[0].path[0], *path[1:])
    try:
        held = value_at(sample.row, twin)
    except (LookupError, TypeError):
        return None
    asked = _asked(sample.turns, path)
    return twin if asked and isinstance(held, str) and held.startswith(asked) else None


def _asked(turns: Iterable[Turn], path: FieldPath) -> str:
    """Returns what stands at a path before the first turn that is trained on."""
    asked = takewhile(lambda turn: not turn.trained, (turn for turn in turns if turn.path == path))
    return "".join(turn.text for turn in asked)


def _in_kind(value: object, text: str) -> object:
    """Returns the text in the kind of value that stood there."""
    if isinstance(value, str):  # JSON, of which the text is made
        return dump_json(_in_kind(opened(value), text)).decode()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return [text]
    try:
        return json.loads(text)
    except ValueError:
        return text
