"""Which stretches of a chat template's text are the assistant's turns, where the template does not say so.

The conversation is rendered twice, once with a mark at each end of every text in it: characters that stand
in no text and that templates leave alone. Between the last mark of a turn and the first of the next stands
what ends the one and opens the other:

- a turn opens where the template's generation prompt ends, as far as the template writes it there;
- it ends behind what the template writes after it when nothing follows, as far as that stands there. Where
  nothing of that kind does, the special token that follows is its end, as models take it for one (GLM's
  `<|user|>`, the `<|end|>` of gpt-oss where `<|return|>` would close the text).

White space behind the end is nobody's. What stands between two turns is the same again and again, so it is
taken apart once, with one more rendering of the conversation up to there, and the cost is linear. Where each
turn is followed by something else it is quadratic, and bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

from gradsentry.corpus.sample import Span
from gradsentry.encoding.bounds import CostlyTemplateError
from gradsentry.encoding.messages import Conversation, Message
from gradsentry.encoding.rendering import ChatTemplate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PRIVATE = re.compile("[\U000f0000-\U0010fffd]")
_FIRST_MARK = 0xF0000
# What stands between two turns is longer only where it holds the row's own text: the arguments of a call.
_REMEMBERED = 200
_ROOM = 10_000
MOST_RENDERED = 200_000  # messages, rendered anew for turns of one conversation: about a second


@dataclass(frozen=True, slots=True)
class _Marked:
    """A text, and where each message that has marks begins and ends in it.

    Attributes:
        text: The text.
        places: Of each message that has marks.
        rendered: How many messages each rendering took that was needed to tell its turns apart.
    """

    text: str
    places: dict[int, Span]
    rendered: list[int] = field(default_factory=list)


def inferred_turns(chat: ChatTemplate, talk: Conversation, whole: str) -> dict[int, list[Span]] | None:
    """Returns where each trained turn stands in the text of a conversation; None where that cannot be told.

    A trained turn without text that the template leaves out is missing.
    """
    marked = _marked_whole(chat, talk, whole)
    if marked is None:
        return None
    spans: dict[int, list[Span]] = {}
    done = 0
    for index in (index for index, trained in enumerate(talk.trained) if trained):
        if index not in marked.places:
            if talk.messages[index].get("content"):
                return None
            continue
        start, stop = _start(chat, talk, marked, index), _stop(chat, talk, marked, index)
        if start < done:
            return None
        spans[index] = [(start, stop)]
        done = stop
    return spans


def marked_messages(
    messages: Sequence[Message], marks: Sequence[str], chosen: Sequence[bool]
) -> list[Message]:
    """Returns the messages with a pair of marks around every text of those that are chosen."""
    return [
        _marked_message(message, marks[2 * index], marks[2 * index + 1]) if chosen[index] else message
        for index, message in enumerate(messages)
    ]


def marks_for(messages: Sequence[Message]) -> list[str]:
    """Returns two marks for each message, none of which stands in any of them."""
    taken = set(_PRIVATE.findall(json.dumps(messages, ensure_ascii=False, default=str)))
    unused = (mark for mark in map(chr, count(_FIRST_MARK)) if mark not in taken)
    return [next(unused) for _ in range(2 * len(messages))]


def without_marks(text: str, marks: Sequence[str]) -> _Marked:
    """Returns a rendered text without its marks."""
    owners = {mark: number // 2 for number, mark in enumerate(marks)}
    pieces: list[str] = []
    places: dict[int, Span] = {}
    done = length = 0
    for match in _PRIVATE.finditer(text):
        if match[0] in owners:
            pieces.append(text[done : match.start()])
            length += match.start() - done
            done, index = match.end(), owners[match[0]]
            places[index] = (places.get(index, (length, 0))[0], length)
    return _Marked("".join([*pieces, text[done:]]), places)


def shared_length(first: str, second: str) -> int:
    """Returns how many characters two texts begin with alike."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _marked_whole(chat: ChatTemplate, talk: Conversation, whole: str) -> _Marked | None:
    """Returns the conversation's text with the places of its turns.

    Some templates look at what a text begins with, or whether it is empty: then fewer texts are marked.
    """
    everything = [True] * len(talk.messages)
    assistant = [message["role"] == "assistant" for message in talk.messages]
    filled = [bool(str(message.get("content") or "").strip()) for message in talk.messages]
    for chosen in (everything, assistant, [a and b for a, b in zip(assistant, filled, strict=True)]):
        marks = marks_for(talk.messages)
        text, _ = chat.render(talk, marked_messages(talk.messages, marks, chosen))
        marked = without_marks(text, marks)
        ends = [marked.places[index] for index in sorted(marked.places)]
        if marked.text == whole and ends == sorted(ends):
            return marked
    return None


def _marked_message(message: Message, first: str, last: str) -> Message:
    def mark(text: str) -> str:
        # Inside the white space around it, which a template may strip.
        core = text.strip()
        before = len(text) - len(text.lstrip())
        return f"{text[:before]}{first}{core}{last}{text[before + len(core) :]}"

    fresh = dict(message)
    for key in ("reasoning_content", "reasoning", "thinking", "content"):
        if isinstance(message.get(key), str) and (
            key != "content" or not _speaks(message) or message[key].strip()
        ):
            fresh[key] = mark(message[key])
        elif isinstance(message.get(key), list):
            fresh[key] = [
                {**part, "text": mark(part["text"])} if isinstance(part.get("text"), str) else part
                for part in message[key]
            ]
    calls = message.get("tool_calls")
    if calls:
        fresh["tool_calls"] = [_marked_call(call, mark) for call in calls]
    return fresh


def _speaks(message: Message) -> bool:
    """Returns whether a message has calls, beside which its content may be empty."""
    return bool(message.get("tool_calls"))


def _marked_call(call: dict[str, Any], mark: Callable[[str], str]) -> dict[str, Any]:
    """Returns a call with marks around its arguments that are text, or around its name where none is."""
    inner = call.get("function")
    if isinstance(inner, dict):
        return {**call, "function": _marked_call(inner, mark)}
    arguments = call.get("arguments")
    if isinstance(arguments, dict) and any(isinstance(value, str) for value in arguments.values()):
        marked = {k: mark(value) if isinstance(value, str) else value for k, value in arguments.items()}
        return {**call, "arguments": marked}
    return {**call, "name": mark(call["name"])} if isinstance(call.get("name"), str) else call


def _start(chat: ChatTemplate, talk: Conversation, marked: _Marked, index: int) -> int:
    """Returns where a turn begins: behind the header that the template writes to ask for it."""
    before = max((other for other in marked.places if other < index), default=None)
    own = marked.places[index][0]
    if before is None and index == 0:
        return own
    begin = 0 if before is None else marked.places[before][1]
    gap = marked.text[begin:own]
    key = ("start", talk.messages[index - 1]["role"], gap, _options(talk))
    if key not in chat.lengths:
        behind = _behind(chat, talk, marked, index, before, reply=True)
        length = len(gap) if behind is None else shared_length(gap, behind)
        if len(gap) > _REMEMBERED or before != index - 1:
            return begin + length
        _remember(chat, key, length)
    return begin + chat.lengths[key]


def _stop(chat: ChatTemplate, talk: Conversation, marked: _Marked, index: int) -> int:
    """Returns where a turn ends: behind the mark of its end."""
    begin = marked.places[index][1]
    own = _own_space(talk.messages[index], marked.text, begin)
    after = min((other for other in marked.places if other > index), default=None)
    if index == len(talk.messages) - 1:
        return max(own, len(marked.text.rstrip()))
    gap = marked.text[begin : len(marked.text) if after is None else marked.places[after][0]]
    key = ("stop", talk.messages[index + 1]["role"], gap, own - begin, _options(talk))
    if key not in chat.lengths:
        behind = _behind(chat, talk, marked, index + 1, index, reply=False)
        length = _end_mark(gap, behind or "", own - begin, chat.tokenizer)
        if len(gap) > _REMEMBERED or after != index + 1:
            return begin + length
        _remember(chat, key, length)
    return begin + chat.lengths[key]


def _behind(
    chat: ChatTemplate, talk: Conversation, marked: _Marked, index: int, last: int | None, *, reply: bool
) -> str | None:
    """Returns what the template writes behind a turn when only the first messages are given."""
    messages = talk.messages[:index]
    marked.rendered.append(len(messages))
    if sum(marked.rendered) > MOST_RENDERED:
        what = f"telling its turns apart takes more than {MOST_RENDERED:,} messages, each turn being another"
        raise CostlyTemplateError(what)
    marks = marks_for(messages)
    chosen = [number in marked.places for number in range(index)]
    try:
        text, _ = chat.render(talk, marked_messages(messages, marks, chosen), reply=reply)
    except (CostlyTemplateError, MemoryError):
        raise
    except Exception:
        # A template is a program of the model's author: it raises what it likes.
        return None
    alone = without_marks(text, marks)
    if last is None:
        return alone.text
    return alone.text[alone.places[last][1] :] if last in alone.places else None


def _end_mark(gap: str, behind: str, own: int, tokenizer: PreTrainedTokenizerBase) -> int:
    """Returns how much of what stands behind a turn is its end.

    Args:
        gap: What stands between the turn and the next one.
        behind: What stands there when nothing follows.
        own: How much white space of the turn's own it begins with.
        tokenizer: Knows the special tokens.
    """
    specials = _specials(tokenizer, len(tokenizer.added_tokens_decoder))
    shared = shared_length(gap, behind)
    for match in specials.finditer(gap):
        if match.start() < shared < match.end():
            shared = match.start()
    length = len(gap[:shared].rstrip())
    if length <= own or not gap[:shared].strip():
        blank = len(gap) - len(gap.lstrip())
        following = specials.match(gap, blank)
        opens = following is not None and following[0] == tokenizer.bos_token != tokenizer.eos_token
        length = following.end() if following and not opens else own
    return max(length, own)


@lru_cache(maxsize=8)
def _specials(tokenizer: PreTrainedTokenizerBase, count: int) -> re.Pattern[str]:
    """Returns what finds a special token of a tokenizer that has so many of them."""
    tokens = {token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()}
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) or "(?!)")


def _own_space(message: Message, text: str, begin: int) -> int:
    """Returns where the white space that a turn ends with ends in the text, if the template keeps it."""
    content = message.get("content")
    if not isinstance(content, str) or message.get("tool_calls"):
        return begin
    space = content[len(content.rstrip()) :]
    return begin + len(space) if text.startswith(space, begin) else begin


def _options(talk: Conversation) -> str:
    return repr(sorted(talk.options.items())) if talk.options else ""


def _remember(chat: ChatTemplate, key: tuple[object, ...], length: int) -> None:
    if len(chat.lengths) >= _ROOM:
        chat.lengths.clear()
    chat.lengths[key] = length
