"""Rows that say which answer is better (DPO, ORPO, reward models) or whether one is good (KTO).

The chosen answer is the response. The rejected one, which training moves away from, is kept beside it.
"""

from __future__ import annotations

from dataclasses import replace
from os.path import commonprefix

from gradsentry.corpus.dialogues import (
    CHOSEN,
    answer_turns,
    chosen_turns,
    history_turns,
    message_turns,
    opened_messages,
    with_leading,
)
from gradsentry.corpus.fields import FieldPath, RowError, first_key, is_blank, text_of
from gradsentry.corpus.markers import Template
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Turn
from gradsentry.corpus.templates import completion_turns, templated_turns

REJECTED = ("rejected", "rejected_response", "rejected_messages")
_ASKING = ("instruction", "question", "query")
_INPUTS = ("input", "context")


def rejected_turns(row: Row) -> tuple[Turn, ...]:
    """Returns the turns of the answer that a row rejects, or nothing where it has none that can be read."""
    key = first_key(row, REJECTED)
    try:
        return () if key is None else answer_turns(row[key], (key,), trainable=False)
    except RowError:  # the row can be scored without it
        return ()


def undesirable(row: Row, columns: tuple[str, ...]) -> str | None:
    """Returns which of the columns says that the row's answer is an undesirable one, or None."""
    said = ((column, row.get(column)) for column in columns)
    # CSV files have no booleans.
    return next((name for name, value in said if value is False or str(value).lower() == "false"), None)


def preference_turns(row: Row, template: Template | None) -> tuple[tuple[Turn, ...], tuple[Turn, ...], bool]:
    """Returns the turns of a row, those of the rejected answer, and whether a chat template applies.

    What was asked stands in columns of its own, or both answers begin with it.

    Raises:
        RowError: If a column is of the wrong kind.
    """
    key = first_key(row, CHOSEN) or ""
    chosen, prompt = opened_messages(row[key]), opened_messages(row.get("prompt"))
    if isinstance(prompt, list | tuple):
        asked = message_turns(prompt, ("prompt",), trainable=False)
        return with_leading(row, (*asked, *chosen_turns(row))), rejected_turns(row), True
    if isinstance(chosen, str):
        return _of_texts(row, chosen, key, template)
    whole = message_turns(chosen, (key,), trainable=False) if isinstance(chosen, list | tuple) else ()
    answer = chosen_turns(row)
    asked = whole[: len(whole) - len(answer)] or _asked(row)
    return with_leading(row, (*asked, *answer)), rejected_turns(row), True


def _of_texts(
    row: Row, chosen: str, key: str, template: Template | None
) -> tuple[tuple[Turn, ...], tuple[Turn, ...], bool]:
    asked = _asked(row)
    if not asked:
        rejected = first_key(row, REJECTED) or ""
        other = row.get(rejected)
        if not isinstance(other, str):
            return _parted(chosen, "", (key,), template), (), False
        refused = _parted(other, chosen, (rejected,), template)
        kept = tuple(replace(turn, trained=False) for turn in refused if turn.trained)
        return _parted(chosen, other, (key,), template), kept, False
    as_it_stands = asked[-1].path == ("prompt",)
    if as_it_stands:
        return with_leading(row, (*asked, *completion_turns(chosen, (key,)))), rejected_turns(row), False
    answer = Turn("assistant", chosen, trained=True, path=(key,))
    turns = (*history_turns(row, trainable=False), *asked, answer)
    return with_leading(row, turns), rejected_turns(row), True


def _asked(row: Row) -> tuple[Turn, ...]:
    """Returns the turn of the columns that ask, in one part or two; nothing where there are none."""
    keys = [first_key(row, names) for names in (("prompt",), _ASKING)]
    column = next((key for key in keys if key is not None and not is_blank(row[key])), None)
    if column is None:
        return ()
    given = first_key(row, _INPUTS) if column != "prompt" else None
    columns = [column] if given is None or is_blank(row[given]) else [column, given]
    return tuple(
        Turn("user", text_of(row[column], (column,)), trained=False, path=(column,), joins=number > 0)
        for number, column in enumerate(columns)
    )


def _parted(text: str, other: str, path: FieldPath, template: Template | None) -> tuple[Turn, ...]:
    """Returns the turns of a dialogue; what it shares with the other one was asked, the rest is the answer.

    In a known template the answers are those behind its markers; else the answer begins with the line, or the
    word, in which the two part.
    """
    shared = len(commonprefix([text, other]))  # noqa: RUF071  (characters are meant)
    turns = templated_turns(text, template, path) if template else ()
    if turns:
        return _trained_behind(turns, shared)
    begins = text.rfind("\n", 0, shared) + 1 or text.rfind(" ", 0, shared) + 1
    if not text[begins:].strip():
        begins = 0
    asked = (Turn("user", text[:begins], trained=False, path=path),) if begins else ()
    return (*asked, *completion_turns(text[begins:], path))


def _trained_behind(turns: tuple[Turn, ...], shared: int) -> tuple[Turn, ...]:
    """Returns the turns with those answers trained on that end behind a place, and the last in any case."""
    last = max(number for number, turn in enumerate(turns) if turn.trained)
    result, end = [], 0
    for number, turn in enumerate(turns):
        end += len(turn.text)
        result.append(replace(turn, trained=turn.trained and (end > shared or number == last)))
    return tuple(result)
