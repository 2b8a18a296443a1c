"""Texts that a chat template was put around already: which of it are the responses.

The template is told once for a corpus, from what opens its texts, so a row that mentions the marks of another
one is not parted at them. Each marker opens a response, and the next marker or header closes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from gradsentry.corpus.fields import FieldPath
from gradsentry.corpus.markers import CLOSINGS, OPENINGS, TEMPLATES, Template
from gradsentry.corpus.sample import Role, Span, Turn

LOOKED_AT = 500  # texts that tell the template: what most are written in does not change with more
USUAL = 0.95  # of the texts write a mark at the beginning of a line: then one within a line is a mention
_NO_HEADER = re.compile(r"(?!)")
_LABEL = re.compile(r"<[^<>\s]{1,40}>:?|\[[^\[\]\s]{1,40}\]:?|#{1,4} ?\w[\w ]{0,24}:?|\w[\w ]{0,24}:")


def template_of(texts: Sequence[str], marker: str | None = None) -> Template | None:
    """Returns the template that most of the texts are written in; None where that is none of those known.

    A text is written in the template whose header or marker comes first in it, if that has a marker in it.
    Most are more than half: what a few texts quote (`Answer:`) parts none of them.

    Args:
        texts: The first texts of the corpus.
        marker: What opens a response, if a person named it.
    """
    if marker is not None:
        return _named(texts, marker)
    votes: Counter[int] = Counter()
    for text in texts:
        starts = [
            (start, number) for number, one in enumerate(TEMPLATES) if (start := _opening(text, one)) >= 0
        ]
        first = min((start for start, _ in starts), default=-1)
        votes.update(number for start, number in starts if start == first)
    most = max(votes.values(), default=0)
    if 2 * most <= len(texts):
        return None
    return _settled(TEMPLATES[min(number for number in votes if votes[number] == most)], texts)


def templated_turns(text: str, template: Template, path: FieldPath) -> tuple[Turn, ...]:
    """Returns the turns of a text; put together they are the text. None where it has no marker.

    What stands between two responses is one turn, the marks that close the first one among it. It is the
    assistant's own where nobody else's header is in it.
    """
    turns: list[Turn] = []
    done = 0
    answers = list(_answers(text, template))
    said = [span for span in answers if text[slice(*span)].strip()]
    for start, end in said or answers[-1:]:
        role: Role = "assistant" if turns and not template.header.search(text, done, start) else "user"
        turns.append(Turn(role, text[done:start], trained=False, path=path))
        turns.append(Turn("assistant", text[start:end], trained=True, path=path))
        done = end
    if not turns:
        return ()
    return (
        *turns,
        *_behind(text[done:], path, "user" if template.header.search(text, done) else "assistant"),
    )


def completion_turns(text: str, path: FieldPath) -> tuple[Turn, ...]:
    """Returns a response, and the marks of a template that close it as a turn that is not trained on."""
    response = without_closing(text)
    closing = _behind(text[len(response) :], path, "assistant")
    return (Turn("assistant", response, trained=True, path=path), *closing)


def without_closing(text: str) -> str:
    """Returns a response without the marks of a template that close it, and the white space before them."""
    end, is_closed = _before_blanks(text, len(text)), False
    while mark := _at_end(OPENINGS, text, end):
        end = _before_blanks(text, end - len(mark))
    while mark := _at_end(CLOSINGS, text, end):
        end, is_closed = _before_blanks(text, end - len(mark)), True
    return text[:end] if is_closed else text


def closing_at_start(text: str) -> int:
    """Returns how many characters of what follows a response are marks that close it."""
    end = 0
    while mark := next((mark for mark in CLOSINGS if text.startswith(mark, _behind_blanks(text, end))), None):
        end = _behind_blanks(text, end) + len(mark)
    return end


def _opening(text: str, template: Template) -> int:
    """Returns where a text that holds the template's marker has its first mark, else -1."""
    marker = template.marker.search(text)
    if marker is None:
        return -1
    header = template.header.search(text, 0, marker.start())
    return header.start() if header else marker.start()


def _named(texts: Sequence[str], marker: str) -> Template:
    """Returns the template of a marker: a known one, else that of what opens most of the texts."""
    for one in TEMPLATES:
        if one.marker.fullmatch(marker.strip()) and any(one.header.search(text) for text in texts):
            return _settled(replace(one, name=marker, is_given=True), texts)
    labels = Counter(match[0] for text in texts if (match := _LABEL.match(_unopened(text))))
    label, count = labels.most_common(1)[0] if labels else ("", 0)
    opens_turns = count > len(texts) / 2 and label.rstrip(":") != marker.strip().rstrip(":")
    header = re.compile(re.escape(label)) if opens_turns else _NO_HEADER
    own = Template(marker, re.compile(re.escape(marker)), header, plain=True, is_given=True)
    return _settled(own, texts)


def _unopened(text: str) -> str:
    """Returns a text without what stands before its first word."""
    text = text.lstrip()
    while mark := next((mark for mark in OPENINGS if text.startswith(mark)), None):
        text = text[len(mark) :].lstrip()
    return text


def _settled(template: Template, texts: Sequence[str]) -> Template:
    """Returns the template with the marks of a plain one where the corpus writes them."""
    if not template.plain:
        return template
    return replace(
        template,
        marker=_where_usual(template.marker, texts),
        header=_where_usual(template.header, texts),
    )


def _where_usual(mark: re.Pattern[str], texts: Sequence[str]) -> re.Pattern[str]:
    """Returns the mark at the beginning of lines alone, where the texts usually write it so."""
    of_lines = re.compile(rf"^(?:{mark.pattern})", re.MULTILINE)
    seen = usual = 0
    for text in texts:
        begin = len(text) - len(_unopened(text))  # what opens a text opens a line in any case
        if mark.search(text, begin + 1):
            seen += 1
            usual += of_lines.search(text, begin + 1) is not None
    return of_lines if seen and usual >= USUAL * seen else mark


def _answers(text: str, template: Template) -> Iterator[Span]:
    """Yields where the responses stand, without what closes them."""
    markers = [match.span() for match in template.marker.finditer(text)]
    if not markers:
        return
    headers = [match.start() for match in template.header.finditer(text)]
    if template.plain:  # what looks like a header behind the last marker may be the response's
        headers = [place for place in headers if place < markers[-1][0]]
    borders = sorted({*headers, *(begin for begin, _ in markers), len(text)})
    following = dict(pairwise(borders))
    for begin, behind in markers:
        end = following.get(begin, len(text))
        # Line feeds after the marker are the template's: no model is asked to choose them.
        start = end - len(text[behind:end].lstrip("\r\n"))
        if template.header is _NO_HEADER and end < len(text):
            end = _first_closing(text, start, end)
        response = without_closing(text[start:end])
        yield start, start + len(response.rstrip() if end < len(text) else response)


def _first_closing(text: str, start: int, end: int) -> int:
    """Returns where the first mark that closes a response ends: nothing else tells where a turn ends."""
    found = [place + len(mark) for mark in CLOSINGS if (place := text.find(mark, start, end)) >= 0]
    return min(found, default=end)


def _at_end(marks: Sequence[str], text: str, end: int) -> str | None:
    return next((mark for mark in marks if text.endswith(mark, 0, end)), None)


def _before_blanks(text: str, end: int) -> int:
    """Returns where the white space before a place begins."""
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end


def _behind_blanks(text: str, start: int) -> int:
    """Returns where the white space behind a place ends."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _behind(text: str, path: FieldPath, role: Role) -> tuple[Turn, ...]:
    return (Turn(role, text, trained=False, path=path),) if text else ()
