"""What a row says in columns that are not read: another trainer, or another setting of one, may train on it.

A row of `messages` may have a `prompt` and a `completion` too. Where these say the same nothing is lost;
where they say something else a verdict on the one says nothing of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradsentry.corpus.fields import is_blank, opened
from gradsentry.corpus.formats import FORMATS, RowFormat, parse_row
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.templates import template_of, without_closing


def said_elsewhere(sample: Sample, read_as: str) -> set[str]:
    """Returns the columns of a row that hold another response than the one that is read.

    Args:
        sample: The row, which can be read.
        read_as: The format that it is read as.
    """
    if read_as not in FORMATS:  # the user names the columns
        return set()
    read = {str(turn.path[0]) for turn in sample.turns if turn.trained}
    found = {
        column
        for row_format in FORMATS.values()
        if row_format.name != read_as and row_format.is_filled(sample.row)
        for column in _other(sample, row_format)
    }
    beside = (names for names in FORMATS[read_as].columns if read.intersection(names))
    return (found | {column for names in beside for column in _differing(sample.row, names)}) - read


def _other(sample: Sample, row_format: RowFormat) -> Iterator[str]:
    """Yields the column of the response of another format, where it is another one."""
    texts = [text for name in row_format.written if isinstance(text := sample.row.get(name), str)]
    parsed, problem = parse_row(sample.row, row_format, template_of(texts) if texts else None)
    said = "\n".join(turn.text for turn in parsed.turns if turn.trained)
    if problem is None and said.strip() == sample.response.strip():
        return
    if problem is not None and any(_ends_alike(text, sample.response) for text in texts):
        return
    trained = [str(turn.path[0]) for turn in parsed.turns if turn.trained]
    yield from trained[-1:] or row_format.written[:1]


def _ends_alike(text: str, response: str) -> bool:
    return without_closing(text).rstrip().endswith(response.strip())


def _differing(row: Row, names: Sequence[str]) -> Iterator[str]:
    """Yields those of a format's columns for one thing that say something else than the first."""
    filled = [name for name in names if not is_blank(row.get(name))]
    for name in filled[1:]:
        first, other = opened(row[filled[0]]), opened(row[name])
        if first != other and not (isinstance(first, list) and other in first):
            yield name
