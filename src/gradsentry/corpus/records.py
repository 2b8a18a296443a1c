"""What every container of rows has in common: the record, and how one is read from JSON and written back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from gradsentry.corpus.sample import Raw
from gradsentry.corpus.streams import decoded
from gradsentry.errors import DataError

Row = Mapping[str, Any]
Add = Callable[[Row, Raw | None], None]


@dataclass(frozen=True, slots=True)
class Record:
    """A row as its container holds it.

    Attributes:
        row: Column by column.
        place: The line it begins on, from 1; where a container has no lines, its number, from 1.
        raw: Its bytes without the separator; of Parquet, the row as a batch of one.
    """

    row: Row
    place: int
    raw: Raw = field(repr=False)


class Container(Protocol):
    """A kind of file that holds rows."""

    def read(self, path: Path) -> Iterator[Record]:
        """Yields the rows, one in memory at a time."""
        ...

    def writing(self, stream: BinaryIO, like: Path) -> AbstractContextManager[Add]:
        """Yields a function that writes a row in the manner of the file `like`, as it stood if given."""
        ...


def parse_object(raw: bytes, path: Path, line: int) -> dict[str, Any]:
    """Returns the JSON object in bytes that begin on that line.

    NaN and Infinity, which Python and pandas write, are taken; a key that stands twice is not, because
    readers differ in which of the two values they see.

    Raises:
        DataError: If the bytes are no JSON, or JSON of another kind.
    """
    text = decoded(raw, path, line)
    try:
        row = json.loads(text, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        where = f"{path}:{line + error.lineno - 1}"
        raise DataError(
            f"invalid JSON: {error.msg} (column {error.colno})", where=where, mend="mend or remove the row"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        raise DataError(
            f"invalid JSON: {reason}", where=f"{path}:{line}", mend="mend or remove the row"
        ) from None
    if not isinstance(row, dict):
        raise DataError(
            f"the row is {kind_of(row)}, not an object",
            where=f"{path}:{line}",
            mend='write each row as an object, {"column": value}',
        )
    return row


def dump_json(row: object, *, indent: int | None = None) -> bytes:
    """Returns a row, or a value of one, as UTF-8 JSON; half a surrogate pair, which has none, is escaped."""
    text = json.dumps(row, ensure_ascii=False, indent=indent, default=_plain)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(row, indent=indent, default=_plain).encode("ascii")


def kind_of(value: object) -> str:
    """Returns what a JSON value is, in words."""
    kinds = ((type(None), "null"), (bool, "a boolean"), (int | float, "a number"), (str, "text"))
    more = ((list | tuple, "a list"), (Mapping, "an object"), (object, f"of type {type(value).__name__}"))
    return next(words for kind, words in (*kinds, *more) if isinstance(value, kind))


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the object of these pairs, as the JSON reader asks for it.

    Raises:
        ValueError: If a key stands there twice.
    """
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"the key `{repeated(key for key, _ in pairs)}` stands twice in one object")
    return row


def repeated(names: Iterable[str]) -> str | None:
    """Returns the first name that stood before, or None, in linear time: others write the names."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _plain(value: object) -> object:
    """Returns what stands for a value that JSON has no form for: a NumPy number, a mapping, bytes, a date."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    to_list = getattr(value, "tolist", None)
    return to_list() if to_list is not None else str(value)
