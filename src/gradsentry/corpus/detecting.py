"""Which format rows are of, and which chat template their texts: named by the user, or told from the rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from gradsentry.corpus.fields import first_key
from gradsentry.corpus.formats import FORMATS, RowFormat, format_of
from gradsentry.corpus.markers import Template
from gradsentry.corpus.naming import own_format
from gradsentry.corpus.sample import Placed
from gradsentry.corpus.templates import LOOKED_AT, template_of
from gradsentry.errors import DataError, meaning_to_say
from gradsentry.settings import DataSettings

_APART = "name the files of each format by themselves, as `gradsentry evidence --by-format` does"


def detected_format(rows: Iterable[Placed], settings: DataSettings, name: str) -> tuple[RowFormat, Placed]:
    """Returns the format, named or told from the first row that fills any, and that row.

    Where no row fills one, the first row that has the columns of one tells it.

    Args:
        rows: The rows, from the first on.
        settings: What the user says of the format.
        name: What the data is called in messages.

    Raises:
        DataError: If there is no row, or none of a known format or of the one that is named.
    """
    named = _named_format(settings)
    first = empty = None
    for placed in rows:
        first = first or placed
        row_format = named or format_of(placed.row)
        if row_format is not None and row_format.matches(placed.row):
            if row_format is named or row_format.is_filled(placed.row):
                return row_format, placed
            empty = empty or (row_format, placed)
    if empty is not None:
        return empty
    if first is None:
        raise DataError("is empty", where=name, mend="give data with at least one row")
    raise _no_format(first, named)


def detected_template(rows: Iterable[Placed], row_format: RowFormat, marker: str | None) -> Template | None:
    """Returns the chat template that texts are written in, as the first rows tell it; None for none.

    Args:
        rows: The rows, from the first on.
        row_format: Their format.
        marker: The text before the response, where the user names it.
    """
    columns = row_format.written
    if not columns:
        return None
    looked_at = (placed.row for placed in islice(rows, LOOKED_AT))
    values = [row[key] for row in looked_at if (key := first_key(row, columns)) is not None]
    texts = [value for value in values if isinstance(value, str)]
    return template_of(texts, marker)


def _named_format(settings: DataSettings) -> RowFormat | None:
    if (own := own_format(settings)) is not None:
        if settings.format is not None:
            what = f"--format and --{'columns' if settings.columns else 'tokenizer'} exclude each other"
            raise DataError(what, where="options", mend="give one")
        return own
    if settings.format is None:
        return None
    if settings.format not in FORMATS:
        raise DataError(
            f"unknown format `{settings.format}`",
            where="--format",
            mend=f"{meaning_to_say(settings.format, FORMATS)}choose one of {', '.join(FORMATS)}",
        )
    return FORMATS[settings.format]


def _no_format(first: Placed, named: RowFormat | None) -> DataError:
    columns = ", ".join(f"`{column}`" for column in first.row) or "none"
    if named is not None and named.name == "columns":
        missing = named.missing(first.row) or ""
        mend = f"{meaning_to_say(missing.strip('`'), first.row)}--columns names those that it has: {columns}"
        return DataError(f"no row has {missing}", where=first.origin, mend=mend)
    if named is not None:
        return DataError(
            f"no row has {named.missing(first.row)}, which {named.name} rows have (columns: {columns})",
            where=first.origin,
            mend="name another --format, or rename the columns",
        )
    if {"input_ids", "labels"} <= set(first.row):
        mend = "name the tokenizer that they were made with: --tokenizer"
        return DataError("the rows are token ids with labels", where=first.origin, mend=mend)
    lists = [column for column, value in first.row.items() if _holds_rows(value)]
    if len(lists) == 1:
        mend = f"where the rows are the list under `{lists[0]}`, write that list alone into the file"
    else:
        mend = (
            "say which are read, such as --columns prompt=COLUMN,response=COLUMN, or rename them to those of "
            f"a known format: {', '.join(FORMATS)}"
        )
    return DataError(f"no known row format has these columns: {columns}", where=first.origin, mend=mend)


def mixed_formats(
    first: str, first_format: str, other: str, other_format: str, *, by_file: bool = False
) -> DataError:
    """Returns the error for a row of another format than the first, by where they stand and what they are.

    Args:
        first: Where the first row stands.
        first_format: Its format.
        other: Where the other row stands.
        other_format: Its format.
        by_file: Whether the other one's file holds no row of the first format: then no format fits both.
    """
    split = f"split the data by format, or give --format {first_format} to leave the others unscored"
    return DataError(
        f"this row is {other_format}, but {first} is {first_format}",
        where=other,
        mend=_APART if by_file else split,
    )


def _holds_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
