"""What rows are called: by a column of their own, or by their numbers."""

from __future__ import annotations

from array import array
from typing import TypeGuard

import numpy as np

from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import RowId

_ID_COLUMNS = ("id", "_id", "uid", "sample_id")


def any_twice(values: array[int]) -> bool:
    """Returns whether one of the values stands there twice."""
    ordered = np.sort(np.frombuffer(values, dtype=np.uint64)) if values else np.empty(0, dtype=np.uint64)
    return bool((ordered[1:] == ordered[:-1]).any())


def id_column(row: Row) -> str | None:
    """Returns the column that names a row, or None where none does."""
    return next((column for column in _ID_COLUMNS if _is_id(row.get(column))), None)


def own_id(row: Row, column: str | None, number: int) -> RowId:
    """Returns what a row is called: by its column, or where that names it not by its number."""
    value = row.get(column) if column is not None else None
    return value if _is_id(value) else number


def _is_id(value: object) -> TypeGuard[RowId]:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
