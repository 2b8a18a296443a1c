"""What a row says in columns that are not read: another trainer, or another setting of one, may train on it.

A row of `messages` may have a `prompt` and a `completion` too. Where these say the same nothing is lost;
where they say something else a verdict on the one says nothing of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from gradsentry.corpus.fields import FieldPath, is_blank, opened
from gradsentry.corpus.formats import FORMATS, RowFormat, parse_row
from gradsentry.corpus.markers import Template
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.templates import template_of, templated_turns, without_closing

_SENTENCE, _WORDS = 30, 5  # characters of a text at least, and more words than these


def said_elsewhere(sample: Sample, read_as: str) -> set[str]:
    """Returns the columns of a row that hold another response than the one that is read.

    The other answer of preferences is none: who judges these says which one is judged.

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
    known = read | {str(turn.path[0]) for turn in sample.rejected if turn.path}
    return (found | {column for names in beside for column in _differing(sample.row, names)}) - known


def texts_unread(sample: Sample) -> set[str]:
    """Returns the columns of a row, and the keys of its messages, that hold texts which are not read.

    What says again what is read, in a template or without one, is none of these.

    Args:
        sample: The row, which can be read.
    """
    paths = [turn.path for turn in (*sample.turns, *sample.rejected)]
    read = {str(path[0]) for path in paths if path}
    found = {
        column for column, value in sample.row.items() if column not in read and _says_more(value, sample)
    }
    keys_of: dict[FieldPath, set[str]] = {}
    for path in paths:
        keys_of.setdefault(path[:2], set()).update(map(str, path[2:3]))
    for turn in sample.turns:
        if turn.message is not None and len(turn.path) > 2:
            known = keys_of[turn.path[:2]]
            others = (
                key for key, value in turn.message.items() if key not in known and _says_more(value, sample)
            )
            found |= {f"{turn.path[0]}[].{key}" for key in others}
    return found


def _says_more(value: object, sample: Sample) -> bool:
    """Returns whether a value is, or holds, a sentence that is not of the texts of a sample that are read."""
    if isinstance(value, str):
        return _is_sentence(value) and not _repeats(value, sample)
    if isinstance(value, Mapping):
        return any(_says_more(one, sample) for one in value.values())
    return isinstance(value, list | tuple) and any(_says_more(one, sample) for one in value)


def _is_sentence(text: str) -> bool:
    """Returns whether a text is as long as a sentence: names, sources and labels are shorter."""
    return len(text) >= _SENTENCE and (len(text.split(maxsplit=_WORDS)) > _WORDS or not text.isascii())


@lru_cache(maxsize=4)  # told once a row, for both functions above: it takes a millisecond
def _template(text: str) -> Template | None:
    return template_of([text])


def _repeats(text: str, sample: Sample) -> bool:
    """Returns whether a text has the response of a sample in a template, or hardly more than what is read."""
    template = _template(text)
    turns = templated_turns(text, template, ()) if template is not None else ()
    if turns and "\n".join(turn.text for turn in turns if turn.trained).strip() == sample.response.strip():
        return True
    said = {turn.text.strip() for turn in (*sample.turns, *sample.rejected)} - {""}
    for one in sorted(said, key=len, reverse=True):
        text = text.replace(one, "\n", 1)  # once: what is said again and again is more
    return not _is_sentence(text.strip())


def _other(sample: Sample, row_format: RowFormat) -> Iterator[str]:
    """Yields the column of the response of another format, where it is another one."""
    texts = [text for name in row_format.written if isinstance(text := sample.row.get(name), str)]
    template = _template(texts[0]) if len(texts) == 1 else template_of(texts)
    parsed, problem = parse_row(sample.row, row_format, template)
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
