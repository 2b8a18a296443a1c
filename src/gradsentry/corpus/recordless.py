"""Whether a file of no known format holds no records at all: settings, numbers, nothing.

Files of a commit may be of anything. What holds records whose columns are unknown is no settings file, nor is
what cannot be parsed: whoever trains may read it otherwise. So a file is passed over for what was seen in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

from gradsentry.corpus.containers import container_of, data_suffix
from gradsentry.corpus.formats import format_of, parse_row
from gradsentry.corpus.records import Row
from gradsentry.corpus.streams import reading
from gradsentry.errors import DataError
from gradsentry.settings import Limits

NO_DATA = "no data"
"""What is said of a file without records."""
_HEAD = 1 << 10  # bytes that tell a picture or a licence from rows: a folder may hold many of them
_BLANK = b"\xef\xbb\xbf \t\r\n"
_BEGIN = 1 << 16  # bytes of a file that is no data by its name: a first row is hardly longer
_SETTINGS = 1 << 24  # bytes of a file of settings at most: nobody writes more of them
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
# Thai to Khmer, kana, Han, Hangul: scripts that put no space between words, or few.
_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")


def without_records(path: Path, limits: Limits) -> str:
    """Returns what a file is in which there are no records; nothing where there are, or may be.

    Raises:
        DataError: If the file cannot be read.
    """
    suffix = data_suffix(path).lower()
    if suffix.startswith(".json") and not suffix.startswith(".jsonl"):
        return _json_without(path, limits)
    is_empty = True
    for record in container_of(path, limits).read(path):
        is_empty = False
        if not suffix.startswith((".csv", ".tsv")) or any(map(_says, record.row.values())):
            return ""
    return "is empty" if is_empty else NO_DATA


def holds_rows(path: Path, limits: Limits) -> bool:
    """Returns whether a file begins with a row of a known format, though its name is that of no data.

    That is an object on its first line, the first one of a list, or a header line of columns.
    """
    try:
        with reading(path, limits) as stream:
            head = stream.read(_HEAD)
            more = stream.read(_BEGIN) if head.lstrip(_BLANK)[:1] in (b"{", b"[") else b""
            begin = (head + more).decode("utf-8-sig", "ignore").lstrip()
    except DataError:  # no file, or none that could be read: nobody could train on it either
        return False
    if begin.startswith(("{", "[")):
        try:
            row, _ = json.JSONDecoder().raw_decode(begin.removeprefix("[").lstrip())
        except (ValueError, RecursionError):
            return False
        return isinstance(row, Mapping) and _is_row(row)
    header = begin.partition("\n")[0].rstrip("\r")
    for delimiter in (",", "\t"):
        names = [name.strip('" ') for name in header.split(delimiter)]
        if len(names) > 1 and format_of(dict.fromkeys(names, "said")) is not None:
            return True
    return False


def _json_without(path: Path, limits: Limits) -> str:
    with reading(path, limits) as stream:
        content = stream.read(_SETTINGS + 1)
    if not content.strip():
        return "is empty"
    if len(content) > _SETTINGS:
        return ""
    try:
        holds = _holds_records(_parsed(content.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return ""
    return "" if holds else NO_DATA


def _parsed(text: str) -> object:
    """Returns the value of a JSON text, in which comments and commas behind the last value may stand."""
    try:
        return json.loads(text)
    except ValueError:
        bare = _COMMENT.sub(lambda found: found[1] or " ", text)
        return json.loads(_LAST_COMMA.sub(lambda found: found[1] or "", bare))


def _holds_records(value: object) -> bool:
    """Returns whether a value is a list of objects, or holds rows or mostly lists of texts."""
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return True
    if isinstance(value, Mapping) and (format_of(value) is not None or _is_map_of_texts(value)):
        return True
    if any(map(_is_row, _objects(value))):
        return True
    whole = _Measured.of(value)
    return 2 * whole.listed > whole.size


def _is_map_of_texts(value: Row) -> bool:
    """Returns whether most of an object's keys and values are texts of several words: prompts and answers."""
    said = sum(_says(key) and _says(text) for key, text in value.items())
    return said > 1 and 2 * said > len(value)


def _objects(value: object) -> Iterator[Row]:
    """Yields the objects in a value, itself not among them."""
    waiting = _inner(value)
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield one
        waiting += _inner(one)


def _inner(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class _Measured:
    """How much a value says: about its characters, and those of them in lists with texts of several words."""

    is_worded: bool
    size: int
    listed: int

    @classmethod
    def of(cls, value: object) -> Self:
        if not isinstance(value, Mapping | list):
            return cls(_says(value), len(value) if isinstance(value, str) else 1, 0)
        parts = [cls.of(inner) for inner in _inner(value)]
        is_worded = any(part.is_worded for part in parts)
        keys = sum(map(len, value)) if isinstance(value, Mapping) else 0
        size = keys + sum(part.size for part in parts)
        is_list = isinstance(value, list)
        return cls(is_worded, size, size if is_list and is_worded else sum(part.listed for part in parts))


def _is_row(row: Row) -> bool:
    """Returns whether an object is a row of a known format; a `text` alone is one where it is of words."""
    row_format = format_of(row)
    if row_format is None or not row_format.is_filled(row):
        return False
    if row_format.name == "text":
        return _says(row["text"])
    return parse_row(row, row_format, None)[1] is None


def _says(value: object) -> bool:
    """Returns whether a value is a text of several words."""
    if not isinstance(value, str):
        return False
    words = (part for part in value.split() if any(map(str.isalpha, part)))
    return len(list(islice(words, 2))) > 1 or bool(_UNSPACED.search(value))
