"""The section of docs/formats.md on row formats: the rows of `rows.py`, and how they are read."""

from __future__ import annotations

from corpus.rows import CASES
from formats_page import Section, code
from gradsentry.corpus import open_corpus

INTRO = """
A format is told by the columns of the rows, the most particular first; `--format` names one. `assistant*` is
trained on, and scored; a `+` joins what stands before it in one turn. *As it stands*: training sees the texts
one after the other, without a chat template.
"""


def section() -> Section:
    columns = ("rows", "`--format`", "example", "read as", "chat template")
    return Section("Row formats", INTRO, columns, [_line(name) for name in CASES])


def _line(name: str) -> tuple[str, ...]:
    row = CASES[name][0]
    corpus = open_corpus([row])
    (sample,) = corpus
    turns = ", ".join(f"{'+' * turn.joins}{turn.role}{'*' * turn.trained}" for turn in sample.turns)
    template = "the model's" if sample.conversational else "none: as it stands"
    return name, corpus.format, code(row), sample.problem or code(turns), template
