"""Arrow batches -> rows of Python values, and edited columns back; what is not edited never leaves Arrow.

Python has no form for some of Arrow's values: the nanoseconds of a time of day, a date after the year 9999. A
row shows those as text. Columns of JSON, which `datasets` writes for tool calls, are shown decoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from gradsentry.corpus.records import Row, dump_json, unique_keys
from gradsentry.errors import DataError, first_line


def rows_of(batch: pa.RecordBatch, where: Callable[[int], str]) -> list[Row]:
    """Returns the rows of a batch, column by column.

    Args:
        batch: The rows.
        where: What a row of the batch, by its number in it, is called in messages.

    Raises:
        DataError: If a text is no UTF-8, or a value is none of its type.
    """
    names = batch.schema.names
    columns = [_readable(column, name, where) for name, column in zip(names, batch.columns, strict=True)]
    return [
        dict(zip(names, [column[number] for column in columns], strict=True))
        for number in range(batch.num_rows)
    ]


def record_of(row: Row, schema: pa.Schema, where: str) -> pa.RecordBatch:
    """Returns a batch of one row; a column that the row lacks is null.

    Raises:
        DataError: If a value is of another type than its column.
    """
    arrays = [_array(row.get(field.name), field, where) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def with_columns(record: pa.RecordBatch, row: Row, columns: Iterable[str], where: str) -> pa.RecordBatch:
    """Returns a batch of one row with the values of these columns taken from `row`, the others as they were.

    Raises:
        DataError: If a value is of another type than its column.
    """
    for name in columns:
        place = record.schema.get_field_index(name)
        field = record.schema.field(place)
        record = record.set_column(place, field, _array(row[name], field, where))
    return record


def _readable(column: pa.Array, name: str, where: Callable[[int], str]) -> list[Any]:
    try:
        return _values(column)
    except (UnicodeDecodeError, pa.ArrowException, OverflowError, ValueError):
        for row in range(len(column)):
            try:
                _values(column.slice(row, 1))
            except (UnicodeDecodeError, pa.ArrowException, OverflowError, ValueError) as error:
                what = "invalid UTF-8" if isinstance(error, UnicodeDecodeError) else first_line(error)
                mend = "mend or remove the row"
                raise DataError(f"`{name}`: {what}", where=where(row), mend=mend) from None
        raise


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    try:
        # Python's time of day has microseconds, and Arrow drops the rest without a word.
        values = _as_text(column) if _mapped(kind, _coarse) != kind else column.to_pylist()
    except (OverflowError, ValueError):  # a date after the year 9999 and the like
        values = _as_text(column)
    return [_converted(value, kind, _decoded) for value in values] if _holds_json(kind) else values


def _as_text(column: pa.Array) -> list[Any]:
    """Returns the values, points in time as text."""
    values: list[Any] = column.cast(_mapped(column.type, _textual)).to_pylist()
    return values


def _array(value: object, field: pa.Field, where: str) -> pa.Array:
    try:
        stored = _converted(value, field.type, lambda held: dump_json(held).decode())
        array = pa.array([stored], _mapped(field.type, _stored)).cast(field.type)
        array.validate(full=True)
        return array
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"an edited row does not fit the column `{field.name}` ({error})"
        raise DataError(what, where=where, mend="keep the values of a column of its type") from None


def _mapped(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Returns a type with the change made to it, or to the types inside it."""
    changed = change(kind)
    if changed != kind:
        return changed
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_mapped(field.type, change)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_mapped(kind.key_type, change), _mapped(kind.item_type, change), kind.keys_sorted)
    make = next((make for is_kind, make in _LISTS if is_kind(kind)), None)
    return make(kind, kind.value_field.with_type(_mapped(kind.value_type, change))) if make else kind


_LISTS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType, pa.Field], pa.DataType]], ...] = (
    (pa.types.is_list, lambda kind, item: pa.list_(item)),
    (pa.types.is_large_list, lambda kind, item: pa.large_list(item)),
    (pa.types.is_fixed_size_list, lambda kind, item: pa.list_(item, kind.list_size)),
)


def _stored(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.JsonType) else kind


def _coarse(kind: pa.DataType) -> pa.DataType:
    return pa.time64("us") if kind == pa.time64("ns") else kind


def _textual(kind: pa.DataType) -> pa.DataType:
    # Arrow loses count of nulls that it casts to nulls inside of lists.
    is_text = pa.types.is_temporal(kind) or pa.types.is_null(kind)
    return pa.string() if is_text else _stored(kind)


def _holds_json(kind: pa.DataType) -> bool:
    return bool(_mapped(kind, _stored) != kind)


def _converted(value: Any, kind: pa.DataType, convert: Callable[[Any], object]) -> Any:  # noqa: ANN401
    """Returns a Python value with `convert` done to what stands in it at places of type JSON."""
    if value is None or not _holds_json(kind):
        return value
    if isinstance(kind, pa.JsonType):
        return convert(value)
    if pa.types.is_struct(kind):
        return {field.name: _converted(value.get(field.name), field.type, convert) for field in kind}
    if pa.types.is_map(kind):
        return [(key, _converted(held, kind.item_type, convert)) for key, held in value]
    return [_converted(held, kind.value_type, convert) for held in value]


def _decoded(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):  # no JSON, whatever the column says
        return text
