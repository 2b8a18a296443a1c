"""The turns of a row -> the messages and tools that its chat template is given.

A message is the row's own, with all that it says beside text (`name`, `tool_call_id`), and with the texts
that its turns have now. Reasoning and tool calls are fields of their own, as templates expect them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gradsentry.corpus.fields import is_blank
from gradsentry.corpus.sample import Sample, Turn

Message = dict[str, Any]

_ROLE_KEYS = ("role", "from")
_CONTENT_KEYS = ("content", "value")
_LEGACY_CALL = "function_call"


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a chat template is given.

    Attributes:
        messages: One after another.
        trained: Which of them the loss is computed on.
        parts: For each message where its turns begin in `Sample.response`, and their texts; empty where it is
            not trained on.
        tools: JSON schemas of the tools that the row offers, or None.
        options: What else the row gives its template (`enable_thinking`).
    """

    messages: list[Message]
    trained: list[bool]
    parts: list[list[tuple[int, str]]]
    tools: list[dict[str, Any]] | None
    options: dict[str, Any]


def conversation(sample: Sample, *, tools_apart: bool, lists: bool) -> Conversation:
    """Returns what the chat template is given for a row.

    Args:
        sample: The row.
        tools_apart: Whether the template takes tools; else their text is a part of the system message.
        lists: Whether it takes a content that is a list of typed parts; else the parts are joined by an empty
            line.
    """
    turns = list(sample.turns)
    tools = next((_tools(turn.text) for turn in turns if turn.part == "tools"), None) if tools_apart else None
    groups: list[list[Turn]] = []
    for turn in turns:
        if tools is not None and turn.part == "tools":
            continue
        if groups and _continues(turn, groups[-1][-1]):
            groups[-1].append(turn)
        else:
            groups.append([turn])
    parts: list[list[tuple[int, str]]] = []
    place = 0
    for group in groups:
        parts.append([])
        for turn in group if group[0].trained else ():
            parts[-1].append((place, turn.text))
            place += len(turn.text) + len("\n")
    options = sample.row.get("chat_template_kwargs")
    return Conversation(
        messages=[_message(group, lists=lists) for group in groups],
        trained=[group[0].trained for group in groups],
        parts=parts,
        tools=tools,
        options=dict(options) if isinstance(options, dict) else {},
    )


def _continues(turn: Turn, before: Turn) -> bool:
    return turn.joins and before.role == turn.role and before.trained == turn.trained


def _message(turns: Sequence[Turn], *, lists: bool) -> Message:
    own = turns[-1].message or {}
    message: Message = {"role": turns[0].role}
    message |= {
        key: value for key, value in own.items() if key not in (*_ROLE_KEYS, *_CONTENT_KEYS, _LEGACY_CALL)
    }
    contents = [turn.text for turn in turns if turn.part in ("content", "tools")]
    for turn in turns:
        if turn.part == "reasoning":
            message[str(turn.path[-1])] = turn.text
        elif turn.part == "calls":
            calls = _calls(turn)
            if calls is None:
                contents.append(turn.text)
                message.pop("tool_calls", None)
            else:
                message["tool_calls"] = calls
    if contents:
        typed = lists and any(isinstance(own.get(key), list | tuple) for key in _CONTENT_KEYS)
        message["content"] = text_parts(contents) if typed else "\n\n".join(contents)
    else:  # an empty content beside calls is not the same to a template as none
        message["content"] = next((own[key] for key in _CONTENT_KEYS if _is_there(own.get(key))), None)
    return {key: value for key, value in message.items() if _is_there(value)}


def _is_there(value: object) -> bool:
    """Returns whether a field is in its message: an empty text is, null and the NaN of pandas are not."""
    return isinstance(value, str) or not is_blank(value)


def text_parts(texts: Iterable[str]) -> list[dict[str, str]]:
    """Returns texts as the typed parts of a content."""
    return [{"type": "text", "text": text} for text in texts]


def _calls(turn: Turn) -> list[Any] | None:
    """Returns the calls that a turn's text is the JSON of, or None."""
    value = _parsed(turn.text)
    if isinstance(value, dict) and turn.path[-1:] == (_LEGACY_CALL,):
        return [{"type": "function", "function": value}]
    return value if isinstance(value, list) and all(isinstance(call, dict) for call in value) else None


def _tools(text: str) -> list[dict[str, Any]] | None:
    """Returns the schemas that a text is the JSON of, or None."""
    value = _parsed(text)
    return value if isinstance(value, list) and all(isinstance(tool, dict) for tool in value) else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
