"""Reaching into a row by path, with a reason where the text that was looked for is not there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from gradsentry.corpus.records import Row, dump_json, kind_of

FieldPath = tuple[str | int, ...]


class RowError(Exception):
    """A row that cannot be scored; the rest of the file goes on.

    Args:
        reason: Why, in a clause that names the field.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def shown(path: FieldPath) -> str:
    """Returns a path as it is written in code: `messages[0].content`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"`{text.removeprefix('.')}`"


def text_of(value: object, path: FieldPath) -> str:
    """Returns the value, which must be text.

    Raises:
        RowError: If it is of another kind.
    """
    if not isinstance(value, str):
        raise RowError(f"{shown(path)} is {kind_of(value)}, not text")
    return value


def list_of(value: object, path: FieldPath) -> Sequence[Any]:
    """Returns the value, which must be a list, or the JSON of one: a CSV file has no other way to hold it.

    Raises:
        RowError: If it is of another kind.
    """
    value = opened(value)
    if isinstance(value, str) and value.lstrip().startswith("["):  # as Python, not JSON, writes lists
        raise RowError(f"{shown(path)} is text that is no valid JSON list")
    if not isinstance(value, list | tuple):
        raise RowError(f"{shown(path)} is {kind_of(value)}, not a list")
    return value


def object_of(value: object, path: FieldPath) -> Row:
    """Returns the value, which must be an object.

    Raises:
        RowError: If it is of another kind.
    """
    if not isinstance(value, Mapping):
        raise RowError(f"{shown(path)} is {kind_of(value)}, not an object")
    return value


def first_key(row: Row, keys: Sequence[str]) -> str | None:
    """Returns the key of these that the row has, the first that says something before those that do not."""
    present = [key for key in keys if key in row]
    # An empty text is still one, so it goes before null.
    return min(present, key=lambda key: (is_blank(row[key]), row[key] is None), default=None)


def only_key(row: Row, keys: Sequence[str], path: FieldPath) -> str | None:
    """Returns the key of these that the row has, as `first_key` does, where no other one says something else.

    Raises:
        RowError: If two of them say different things: nobody knows which of them a trainer reads.
    """
    said = [key for key in keys if not is_blank(row.get(key))]
    for other in said[1:]:
        if row[other] != row[said[0]]:
            where = f"{shown(path)} says" if path else "it says"
            raise RowError(f"{where} one thing in `{said[0]}` and another in `{other}`")
    return first_key(row, keys)


def is_blank(value: object) -> bool:
    """Returns whether a field is left out: null, white space alone, or the NaN that pandas puts there."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def value_at(row: object, path: FieldPath) -> object:
    """Returns what stands at the path, which must exist; JSON on the way is opened."""
    for part in path:
        row = cast("dict[str | int, object]", opened(row))[part]
    return row


def replaced(row: object, path: FieldPath, value: object) -> object:
    """Returns a copy of the row with the value at the path; what lies beside the path is not copied.

    JSON on the way is opened and becomes JSON again.
    """
    if not path:
        return value
    held = opened(row)
    copy = cast(
        "dict[str | int, object]",
        dict(held) if isinstance(held, Mapping) else list(cast(Sequence[Any], held)),
    )
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return dump_json(copy).decode() if isinstance(row, str) else copy


def opened(value: object) -> object:
    """Returns the list that a text is the JSON of; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
