"""The section of docs/formats.md on text with a chat template in it: the texts of `texts.py`."""

from __future__ import annotations

from corpus.texts import TEXTS
from formats_page import Section, code
from gradsentry.corpus import open_corpus

INTRO = """
Rows of one text (`text`) hold their conversation in a chat template already. The template is told once for
the corpus: it is the one whose marks come first in more than half of the first 500 texts; where there is
none, no row is read. So a row that mentions the marks of another template is not parted at them, a few rows
of plain text that mention `Answer:` are not in one, and a row without a response in the corpus's template
is left unscored, with that reason. Every marker opens a response, the next marker or turn of somebody else
closes it, and all responses are scored, as a trainer with a response marker trains on all. Where the marks
are plain words (`Assistant:`) and the corpus writes them at the beginning of lines, one within a line is a
mention.

`--response-marker` names a marker that is not listed. What opens most of the texts then opens the other
turns; where nothing does, a response ends at what closes one (`</s>`, `<|im_end|>`, ...), or at the next
marker.
"""


def section() -> Section:
    columns = ("as written by", "read as", "example", "responses")
    return Section("Texts with a chat template in them", INTRO, columns, [_line(name) for name in TEXTS])


def _line(name: str) -> tuple[str, ...]:
    text = TEXTS[name][1]
    corpus = open_corpus([{"text": text}])
    (sample,) = corpus
    said = ", ".join(code(turn.text) for turn in sample.turns if turn.trained)
    return name, corpus.template.name if corpus.template else "not read", code(text), said
