"""Rows that stand in columns of names of their own, as the user or the configuration of a trainer tells them.

| what stands there | roles |
|---|---|
| a prompt and its response | `prompt`, `response`; maybe `query`, `history`, `system`, `tools`, `liked` |
| a prompt and two answers | `prompt`, `chosen`, `rejected`; maybe `query`, `history`, `system`, `tools` |
| messages | `messages`; maybe `system`, `tools`, and `chosen` with `rejected`, or `liked` |
| stretches of text, each with whether it is trained on | `segments` |
| one text with a chat template in it | `text` |

And rows that a trainer has prepared: token ids, and labels that are -100 where nothing is trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from typing import Any

from gradsentry.corpus.decoding import decoded
from gradsentry.corpus.dialogues import (
    answer_turns,
    dialogue_turns,
    history_turns,
    message_turns,
    with_leading,
)
from gradsentry.corpus.fields import RowError, is_blank, list_of, object_of, shown, text_of
from gradsentry.corpus.formats import Parsed, RowFormat, text_parsed
from gradsentry.corpus.markers import Template
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Turn
from gradsentry.errors import DataError, SettingsError, first_line
from gradsentry.extras import require
from gradsentry.hub import at_hand
from gradsentry.settings import DataSettings, MessageKeys

Columns = Mapping[str, str]
_SHAPES: Mapping[frozenset[str], frozenset[str]] = {
    frozenset({"prompt", "response"}): frozenset({"query", "history", "system", "tools", "liked"}),
    frozenset({"prompt", "chosen", "rejected"}): frozenset({"query", "history", "system", "tools"}),
    frozenset({"messages"}): frozenset({"system", "tools", "liked"}),
    frozenset({"messages", "chosen", "rejected"}): frozenset({"system", "tools"}),
    frozenset({"segments"}): frozenset(),
    frozenset({"text"}): frozenset(),
}
"""The roles that rows must have -> those that they may have."""
_LACKING = ("query", "history", "tools", "liked")
"""Roles whose column one row may lack and another have."""
_IGNORED = -100  # the label of a token that no loss is computed on


def own_format(settings: DataSettings) -> RowFormat | None:
    """Returns the format of rows whose columns are told, or None where they are to be told by known names.

    Raises:
        DataError: If they make no row, or one is missing.
        SettingsError: If there is no such tokenizer.
    """
    if settings.tokenizer is not None:
        return _of_tokens(settings.tokenizer)
    if settings.columns is None:
        return None
    keys = None if settings.keys is None else settings.keys.model_dump_json()
    return _of_columns(tuple(settings.columns.items()), keys)


@cache
def _of_columns(named: tuple[tuple[str, str], ...], written: str | None) -> RowFormat:
    """Returns the format of named columns; the same each time, for corpora compare formats by identity."""
    columns: Columns = dict(named)
    keys = None if written is None else MessageKeys.model_validate_json(written)
    if not any(must <= set(columns) <= must | may for must, may in _SHAPES.items()):
        mend = "name prompt and response, and maybe query, history, system and tools; or messages alone"
        raise DataError(f"names {' and '.join(sorted(columns))}", where="--columns", mend=mend)
    must = tuple((column,) for role, column in columns.items() if role not in _LACKING)
    if "segments" in columns:
        return RowFormat("columns", must, partial(_segments, columns["segments"]))
    if "text" in columns:
        text = columns["text"]
        return RowFormat("columns", must, lambda row, told: text_parsed(row, told, text), written=(text,))
    parse: Callable[[Columns, MessageKeys | None, Row], Parsed] = _texts if "prompt" in columns else _messages
    liked = (columns["liked"],) if "liked" in columns else ()
    return RowFormat("columns", must, lambda row, _: parse(columns, keys, row), liked=liked)


def _texts(columns: Columns, keys: MessageKeys | None, row: Row) -> Parsed:
    is_pair = "chosen" in columns
    turns: list[Turn] = []
    if "history" in columns:
        is_trained = not is_pair and "liked" not in columns
        turns += history_turns(row, trainable=is_trained, column=columns["history"])
    asking = [columns[role] for role in ("prompt", "query") if role in columns]
    said = [column for column in asking if not is_blank(row.get(column))] or asking[:1]
    turns += [
        Turn("user", text_of(row[column], (column,)), False, (column,), joins=number > 0)
        for number, column in enumerate(said)
    ]
    if is_pair:
        turns += answer_turns(row[columns["chosen"]], (columns["chosen"],), keys=keys)
    else:
        answer = columns["response"]
        turns.append(Turn("assistant", text_of(row[answer], (answer,)), trained=True, path=(answer,)))
    leading = with_leading(row, tuple(turns), columns.get("system"), columns.get("tools"))
    return Parsed(leading, conversational=True, rejected=_rejected(columns, keys, row))


def _messages(columns: Columns, keys: MessageKeys | None, row: Row) -> Parsed:
    column = columns["messages"]
    if keys is None and len(columns) == 1:
        return Parsed(dialogue_turns(row, column), conversational=True)
    held = row[column]
    if isinstance(held, str) and "chosen" in columns and not held.lstrip().startswith("["):
        turns: tuple[Turn, ...] = (Turn("user", held, trained=False, path=(column,)),)
    else:
        turns = message_turns(held, (column,), trainable="chosen" not in columns, keys=keys)
    if "chosen" in columns:
        turns = (*turns, *answer_turns(row[columns["chosen"]], (columns["chosen"],), keys=keys))
    if "liked" in columns:  # one answer was judged, the last
        turns = (*(replace(turn, trained=False) for turn in turns[:-1]), *turns[-1:])
    leading = with_leading(row, turns, columns.get("system"), columns.get("tools"))
    return Parsed(leading, conversational=True, rejected=_rejected(columns, keys, row))


def _rejected(columns: Columns, keys: MessageKeys | None, row: Row) -> tuple[Turn, ...]:
    column = columns.get("rejected")
    try:
        return () if column is None else answer_turns(row[column], (column,), trainable=False, keys=keys)
    except RowError:  # the row can be read without it
        return ()


def _segments(column: str, row: Row, _: Template | None) -> Parsed:
    turns: list[Turn] = []
    for number, held in enumerate(list_of(row[column], (column,))):
        path = (column, number)
        segment = object_of(held, path)
        if not isinstance(segment.get("label"), bool):
            raise RowError(f"{shown((*path, 'label'))} is neither true nor false")
        text, trained = text_of(segment.get("text"), (*path, "text")), segment["label"]
        turns.append(Turn("assistant" if trained else "user", text, trained, (*path, "text")))
    return Parsed(tuple(turns), conversational=False)


@cache
def _of_tokens(tokenizer: str) -> RowFormat:
    require("scan")
    from transformers import AutoTokenizer

    place = at_hand(tokenizer)
    try:
        known = AutoTokenizer.from_pretrained(place)
    except Exception as error:  # the Hub's client and the readers of files have exceptions of their own
        mend = "give the path or the Hub id of the tokenizer that the rows were made with"
        raise SettingsError(f"cannot be loaded ({first_line(error)})", where=tokenizer, mend=mend) from None
    return RowFormat("tokens", (("input_ids",), ("labels",)), partial(_tokens, known))


def _tokens(tokenizer: Any, row: Row, _: Template | None) -> Parsed:  # noqa: ANN401  (of any class)
    """Returns a text for each stretch of tokens, trained on or not; special tokens are left out."""
    ids, labels = (list_of(row[name], (name,)) for name in ("input_ids", "labels"))
    if len(ids) != len(labels):
        raise RowError(f"`labels` has {len(labels)} tokens, `input_ids` {len(ids)}")
    return Parsed(tuple(_stretches(tokenizer, ids, labels)), conversational=False)


def _stretches(tokenizer: Any, ids: Any, labels: Any) -> Iterator[Turn]:  # noqa: ANN401
    for trained, stretch in groupby(zip(ids, labels, strict=True), lambda pair: pair[1] != _IGNORED):
        try:
            text = decoded(tokenizer, [int(token) for token, _ in stretch])
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise RowError(f"`input_ids` cannot be decoded ({first_line(error)})") from None
        yield Turn("assistant" if trained else "user", text, trained, ("labels" if trained else "input_ids",))
