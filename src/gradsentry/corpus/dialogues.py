"""Rows that hold a list of messages: TRL and OpenAI messages, ShareGPT conversations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gradsentry.corpus.fields import (
    FieldPath,
    RowError,
    first_key,
    is_blank,
    list_of,
    object_of,
    only_key,
    opened,
    shown,
    text_of,
)
from gradsentry.corpus.records import Row
from gradsentry.corpus.sample import Part, Role, Span, Turn
from gradsentry.settings import MessageKeys

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
}


THOUGHTS = ("reasoning_content", "reasoning", "thinking")
CALLS = ("tool_calls", "function_call")
CHOSEN = ("chosen", "chosen_response")
# What OpenAI, LLaMA-Factory, axolotl (three ways) and ms-swift call it.
UNTRAINED = ("weight", "loss_weight", "train", "training", "train_on_turn", "loss")
DETAIL = "train_detail"
"""What axolotl calls the stretches of a message, each with whether it is trained on; the rest is not."""


def dialogue_turns(row: Row, column: str) -> tuple[Turn, ...]:
    """Returns the turns of a row whose `column` is a list of messages; `system` and `tools` come first.

    Every assistant message is trained on, unless one of `UNTRAINED` is 0 or false in it; of one with `DETAIL`
    the stretches alone that this says to train on.
    A preference row, whose conversation waits for an answer, has the one that is `chosen`.
    """
    turns = message_turns(row.get(column), (column,))
    answered = bool(turns) and turns[-1].role == "assistant"
    return with_leading(row, turns if answered else (*turns, *chosen_turns(row)))


def with_leading(
    row: Row, turns: tuple[Turn, ...], system: str | None = "system", tools: str | None = "tools"
) -> tuple[Turn, ...]:
    """Returns the turns after what two columns say, all of it one system turn.

    Args:
        row: The row.
        turns: Its turns.
        system: The column of the system's text; None where there is none.
        tools: The column of the tools that are offered; None where there is none.
    """
    leading: list[Turn] = []
    if system is not None and not is_blank(row.get(system)):
        leading.append(Turn("system", text_of(row[system], (system,)), trained=False, path=(system,)))
    offered = row.get(tools) if tools is not None else None
    if tools is not None and offered and not is_blank(offered) and offered != "[]":
        leading.append(
            Turn("system", _text_or_json(offered), False, path=(tools,), joins=bool(leading), part="tools")
        )
    if leading and turns and turns[0].role == "system":
        turns = (replace(turns[0], joins=True), *turns[1:])
    return (*leading, *turns)


def message_turns(
    messages: object, path: FieldPath, *, trainable: bool = True, keys: MessageKeys | None = None
) -> tuple[Turn, ...]:
    """Returns the turns of a list of messages.

    Args:
        messages: Objects with `role` and `content`, or `from` and `value`.
        path: Where the list stands in the row.
        trainable: Whether assistant messages are trained on; not so in a prompt.
        keys: How they are written, where that is told.
    """
    return tuple(
        turn
        for number, message in enumerate(list_of(messages, path))
        for turn in _turns(object_of(message, (*path, number)), (*path, number), trainable, keys)
    )


def chosen_turns(row: Row) -> tuple[Turn, ...]:
    """Returns the turns of the answer that a preference row prefers, or nothing where it has none."""
    key = first_key(row, CHOSEN)
    return () if key is None else answer_turns(row[key], (key,))


def answer_turns(
    answer: object, path: FieldPath, *, trainable: bool = True, keys: MessageKeys | None = None
) -> tuple[Turn, ...]:
    """Returns the turns of an answer: a text, a message, or messages, the last of which answer."""
    answer = opened_messages(answer, keys)
    if not answer or is_blank(answer):
        return ()
    if isinstance(answer, str):
        return (Turn("assistant", answer, trained=trainable, path=path),)
    if isinstance(answer, Mapping):
        return tuple(_turns(answer, path, trainable, keys))
    turns = message_turns(answer, path, trainable=trainable, keys=keys)
    # Some data sets repeat the whole conversation there.
    asked = max((number for number, turn in enumerate(turns) if turn.role == "user"), default=-1)
    return turns[asked + 1 :]


def opened_messages(value: object, keys: MessageKeys | None = None) -> object:
    """Returns the messages that a text is the JSON of, as in CSV files; any other value as it is.

    A list of something else is what somebody answered: trainers learn it as the text that it is.
    """
    held, names = opened(value), ("role", "from") if keys is None else (keys.role,)
    if held is value or not isinstance(held, list) or not held:
        return value
    are_messages = all(
        isinstance(one, Mapping)
        and one
        and (any(name in one for name in names) or ROLES.keys() >= one.keys())
        for one in held
    )
    return held if are_messages else value


def history_turns(row: Row, *, trainable: bool = True, column: str = "history") -> tuple[Turn, ...]:
    """Returns the turns before the row's own, which a column holds in pairs, or as messages."""
    history = row.get(column)
    held = [] if is_blank(history) else list_of(history, (column,))
    if held and isinstance(held[0], Mapping):
        return message_turns(held, (column,), trainable=trainable)
    turns: list[Turn] = []
    for number, one in enumerate(held):
        path = (column, number)
        pair = list_of(one, path)
        if len(pair) != 2:
            raise RowError(f"{shown(path)} is no pair of instruction and response")
        turns.append(Turn("user", text_of(pair[0], (*path, 0)), trained=False, path=(*path, 0)))
        turns.append(Turn("assistant", text_of(pair[1], (*path, 1)), trained=trainable, path=(*path, 1)))
    return tuple(turns)


def _turns(message: Row, path: FieldPath, trainable: bool, keys: MessageKeys | None = None) -> Iterator[Turn]:
    """Yields what a message says; its reasoning, its content and its calls are one turn in several parts.

    Where its keys are roles (`{"human": ..., "assistant": ...}`), it is a turn of each.
    """
    if keys is None and message and all(key in ROLES for key in message):
        for key, text in message.items():
            trained = trainable and ROLES[key] == "assistant"
            yield Turn(ROLES[key], text_of(text, (*path, key)), trained, (*path, key))
        return
    role = _role(message, path, keys)
    detail = DETAIL if keys is None else keys.detail
    trained = trainable and _is_trained(message, role, keys)
    stretches = _stretches(message, path, detail) if trained and detail is not None else None
    parts = list(_parts(message, path, role, keys))
    if stretches is not None and [part for part, *_ in parts] != ["content"]:
        raise RowError(f"{shown((*path, detail or DETAIL))} is of a message that is more than one text")
    trained = trained and stretches != ()
    for number, (part, text, where) in enumerate(parts):
        yield Turn(role, text, trained, where, number > 0, part, message, stretches or None)


def _parts(
    message: Row, path: FieldPath, role: Role, keys: MessageKeys | None
) -> Iterator[tuple[Part, str, FieldPath]]:
    thought = first_key(message, THOUGHTS) if role == "assistant" else None
    thinks = thought is not None and not is_blank(message[thought])
    calls = [key for key in CALLS if message.get(key) and not is_blank(message[key])]
    key = only_key(message, ("content", "value") if keys is None else (keys.content,), path)
    content = message[key] if key is not None else None
    if thought is not None and thinks:
        yield "reasoning", text_of(message[thought], (*path, thought)), (*path, thought)
    if not (thinks or calls) or not is_blank(content):
        for text, where in _content_parts(content, (*path, key or "content")):
            yield "content", text, where
    for call in calls:
        yield "calls", _text_or_json(message[call]), (*path, call)


def _content_parts(content: object, path: FieldPath) -> Iterator[tuple[str, FieldPath]]:
    if not isinstance(content, list | tuple):
        yield text_of(content, path), path
        return
    for number, part in enumerate(content):
        where = (*path, number)
        fields = object_of(part, where)
        kind = fields.get("type", "text")
        key = only_key(fields, ("text", "value", "content"), where)
        if kind != "text" or key is None:
            raise RowError(f"{shown(where)} is of type `{kind}`, not text")
        yield text_of(fields[key], (*where, key)), (*where, key)


def _role(message: Row, path: FieldPath, keys: MessageKeys | None) -> Role:
    key = first_key(message, ("role", "from") if keys is None else (keys.role,))
    if key is None:
        lacks = "neither `role` nor `from`" if keys is None else f"no `{keys.role}`"
        raise RowError(f"{shown(path)} has {lacks}")
    role = _role_named(message, key, path, keys)
    if keys is None and key == "role" and not is_blank(message.get("from")):
        speaker = _role_named(message, "from", path, keys)
        if speaker != role:
            raise RowError(f"{shown(path)} is by the {role} in `role` and by the {speaker} in `from`")
    return role


def _role_named(message: Row, key: str, path: FieldPath, keys: MessageKeys | None) -> Role:
    name = text_of(message[key], (*path, key))
    own = None if keys is None else keys.roles.get(name)
    role = own or ROLES.get(name.strip().lower())
    if role is None:
        raise RowError(f"{shown((*path, key))} is `{name}`, no role that is known")
    return role


def _stretches(message: Row, path: FieldPath, key: str) -> tuple[Span, ...] | None:
    """Returns the stretches of a message that alone are trained on; None where it names none.

    Raises:
        RowError: If what names them is of another form.
    """
    if not message.get(key) or is_blank(message[key]):
        return None
    where = (*path, key)
    stretches: list[Span] = []
    for number, held in enumerate(list_of(message[key], where)):
        detail = object_of(held, (*where, number))
        first, last, trained = (detail.get(key) for key in ("begin_offset", "end_offset", "train"))
        if not (isinstance(first, int) and isinstance(last, int) and isinstance(trained, bool)):
            what = (
                "has no `begin_offset` and `end_offset` that are numbers, and `train` that is true or false"
            )
            raise RowError(f"{shown((*where, number))} {what}")
        if trained and first <= last:
            stretches.append((first, last + 1))  # the last character is of it
    return tuple(stretches)


def says_untrained(message: Row) -> bool:
    """Returns whether a message says itself that it is not to be trained on."""
    return any(message.get(key) == 0 for key in UNTRAINED)


def _is_trained(message: Row, role: Role, keys: MessageKeys | None) -> bool:
    if keys is None:
        return role == "assistant" and not says_untrained(message)
    for key in (keys.flag, keys.detail):  # what says so of a message counts more than who speaks
        if key is not None and message.get(key) is not None:
            return bool(message[key])
    return role in keys.trained


def _text_or_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
