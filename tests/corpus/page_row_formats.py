"""The section of docs/formats.md on row formats: the rows of `rows.py`, and how they are read."""

from __future__ import annotations

from corpus.rows import CASES, REFUSED
from formats_page import Section, code
from gradsentry.corpus import open_corpus
from gradsentry.corpus.dialogues import UNTRAINED

_FLAGS = ", ".join(f"`{key}`" for key in UNTRAINED)
INTRO = f"""
A format is told by the columns of the rows, the most particular first; `--format` names one. Columns of
another format that hold another response, which a trainer may read instead, are named. `assistant*` is
trained on, and scored; a `+` joins what stands before it in one turn. *As it stands*: training sees the
texts one after the other, without a chat template.

Of a chosen and a rejected answer the chosen one is the response. The rejected one, which training moves
away from, is kept beside it and no part of what is scored. Where neither answer has a prompt of its own,
what both begin with was asked. A row whose answer is marked as undesirable (KTO) is left unscored, with
that reason: it teaches the model not to say it. Where `--answers` says which answers are judged, the
rows with the others are not judged, and stay: `--answers` with the other word judges them.

An assistant's message is not trained on, and not scored, where one of {_FLAGS} is 0 or false in it: what
trainers read to leave a message out. Each reads its own; one that does not know the flag of the data
trains on such a message. axolotl's `train_detail` is followed: of such a message the stretches alone are
scored that it says to train on, and the mark of its end.
"""


def section() -> Section:
    columns = ("rows", "`--format`", "example", "read as", "chat template")
    rows = {name: case.row for name, case in (CASES | REFUSED).items()}
    return Section("Row formats", INTRO, columns, [_line(name, row) for name, row in rows.items()])


def _line(name: str, row: dict[str, object]) -> tuple[str, ...]:
    corpus = open_corpus([row])
    (sample,) = corpus
    turns = ", ".join(f"{'+' * turn.joins}{turn.role}{'*' * turn.trained}" for turn in sample.turns)
    read = f"unscored: {sample.problem}" if sample.problem else code(turns)
    if sample.rejected and not sample.problem:
        read += f"; rejected: {code(sample.rejected[0].text)}"
    template = "the model's" if sample.conversational else "none: as it stands"
    return name, corpus.format, code(row), read, template
