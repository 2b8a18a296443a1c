"""Samples -> the text that training sees, and which of it the loss is computed on.

Every row becomes one text, as it does in TRL's `SFTTrainer`: a conversation through the chat template, a
prompt and its completion one behind the other, a `text` as it is; what is no conversation is closed by the
end-of-sequence token, once, at the end of its column.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from gradsentry.corpus.dialogues import THOUGHTS
from gradsentry.corpus.sample import Sample, Span, Turn
from gradsentry.corpus.templates import closing_at_start
from gradsentry.encoding.alignment import Piece, located
from gradsentry.encoding.borders import (
    inferred_turns,
    marked_messages,
    marks_for,
    shared_length,
    without_marks,
)
from gradsentry.encoding.bounds import CostlyTemplateError, bounded
from gradsentry.encoding.messages import Conversation, Message, conversation
from gradsentry.encoding.rendering import ChatTemplate, chat_template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PLAIN_NAMES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The text of a row.

    Attributes:
        text: The text.
        spans: Which stretches of it are trained on, in order; not used where there is a `prompt`.
        pieces: Where the response stands in it.
        prompt: The text of a prompt alone: what is tokenised in another way than that is trained on.
        started: Whether the tokenizer's own start token goes before it.
    """

    text: str
    spans: list[Span] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    prompt: str | None = None
    started: bool = True


def lay_out(sample: Sample, tokenizer: PreTrainedTokenizerBase) -> Layout | str:
    """Returns the text of a row, or why there is none."""
    if not sample.conversational:
        return _as_it_stands(sample, str(tokenizer.eos_token or ""))
    chat = chat_template(tokenizer)
    if chat is None:
        talk = conversation(sample, tools_apart=False, lists=False)
        return _plain_dialogue(talk, str(tokenizer.eos_token or ""))
    talk = conversation(sample, tools_apart=True, lists=chat.lists)
    try:
        with bounded():
            return _completion(chat, talk) if sample.is_completion else _dialogue(chat, talk)
    except CostlyTemplateError as error:
        return f"the chat template was stopped: {error}"
    except Exception as error:
        # A template is a program of the model's author: it raises what it likes.
        return f"the chat template refuses the conversation ({' '.join(str(error).split())[:120]})"


def _as_it_stands(sample: Sample, end: str) -> Layout:
    """Returns the texts of a row's turns one behind the other.

    An empty line parts a prompt from another column before it (`system`). A response ends with the marks that
    close it, the last one of a column with the column.
    """
    text, place, asked = "", 0, 0
    spans: list[Span] = []
    pieces: list[Piece] = []
    columns = [list(turns) for _, turns in groupby(sample.turns, key=lambda turn: turn.path)]
    for column, behind in zip(columns, [*columns[1:], None], strict=True):
        for turn, after in zip(column, [*column[1:], None], strict=True):
            if turn.trained:
                asked = asked if spans else len(text)
                pieces.append(Piece(len(text), place, len(turn.text)))
                place += len(turn.text) + len("\n")
                closed = closing_at_start(after.text) if after is not None and not after.trained else 0
                spans.append((len(text), len(text) + len(turn.text) + closed))
            text += turn.text
        if _ends_in_response(column):
            text += end * (not text.endswith(end))
            spans[-1] = (spans[-1][0], len(text))
        elif behind is not None and not any(turn.trained for turn in (column[-1], behind[0])):
            text += "\n\n"
    return Layout(text, spans, pieces, text[:asked] if sample.is_completion else None)


def _ends_in_response(column: Sequence[Turn]) -> bool:
    """Returns whether nothing stands behind the last response of a column but the marks that close it."""
    *before, last = column
    if last.trained or not before or not before[-1].trained:
        return last.trained
    return not last.text[closing_at_start(last.text) :].strip()


def _plain_dialogue(talk: Conversation, end: str) -> Layout:
    """Returns a dialogue for a tokenizer without a chat template: `User: ...`, `Assistant: ...`."""
    text = ""
    spans: list[Span] = []
    pieces: list[Piece] = []
    for message, trained, parts in zip(talk.messages, talk.trained, talk.parts, strict=True):
        text += "\n" * bool(text) + f"{_PLAIN_NAMES[message['role']]}: "
        begin = len(text)
        text += _everything(message)
        if trained:
            text += end * (not text.endswith(end))
            spans.append((begin, len(text)))
            pieces += located(text, spans[-1], parts)
    return Layout(text, spans, pieces)


def _everything(message: Message) -> str:
    """Returns all that a message says, for where no template knows its fields."""
    # Only an assistant's thoughts are read as text; in another message they can be anything.
    said = [text for key in (*THOUGHTS, "content") if isinstance(text := message.get(key), str) and text]
    calls = message.get("tool_calls")
    return "\n\n".join([*said, *([json.dumps(calls, ensure_ascii=False)] if calls else [])])


def _completion(chat: ChatTemplate, talk: Conversation) -> Layout:
    """Returns a conversation of which all that follows the prompt is trained on.

    TRL's rule for a prompt and its completion: the template's own text, from where it is another than that of
    the prompt with the header of a reply.
    """
    asked = talk.trained.index(True)
    text, _ = chat.render(talk, talk.messages)
    prompt, _ = chat.render(talk, talk.messages[:asked], reply=True)
    region = (shared_length(prompt, text), len(text))
    pieces = located(text, region, [part for parts in talk.parts for part in parts])
    return Layout(text, [region], pieces, prompt, started=False)


def _dialogue(chat: ChatTemplate, talk: Conversation) -> Layout | str:
    text, spans = chat.render(talk, talk.messages, training=chat.tagged)
    turns = _tagged_turns(chat, talk, spans) if chat.tagged else inferred_turns(chat, talk, text)
    if turns is None:
        return "the chat template does not keep the turns as they stand"
    pieces = [
        piece
        for index, stretches in turns.items()
        for piece in located(text, (stretches[0][0], stretches[-1][1]), talk.parts[index])
    ]
    return Layout(text, [span for stretches in turns.values() for span in stretches], pieces, started=False)


def _tagged_turns(chat: ChatTemplate, talk: Conversation, spans: Sequence[Span]) -> dict[int, list[Span]]:
    """Returns the stretches of each trained turn, where the template says which are the assistant's."""
    speaking = [index for index, message in enumerate(talk.messages) if message["role"] == "assistant"]
    owners = speaking if len(spans) == len(speaking) else _owners(chat, talk, spans, speaking)
    turns: dict[int, list[Span]] = {}
    for index, span in zip(owners, spans, strict=True):
        if talk.trained[index]:
            turns.setdefault(index, []).append(span)
    return turns


def _owners(
    chat: ChatTemplate, talk: Conversation, spans: Sequence[Span], speaking: Sequence[int]
) -> list[int]:
    """Returns whose turn each stretch is, from the conversation rendered with marks in the turns.

    A stretch without a mark goes with the one before it: Phi-3's last one holds the end of sequence alone.
    """
    marks = marks_for(talk.messages)
    chosen = [message["role"] == "assistant" for message in talk.messages]
    marked, stretches = chat.render(talk, marked_messages(talk.messages, marks, chosen), training=True)
    owners: list[int] = []
    for start, stop in stretches:
        seen = without_marks(marked[start:stop], marks).places
        owners.append(min(seen, default=owners[-1] if owners else speaking[0]))
    if len(owners) != len(spans):
        raise ValueError("it generates other turns for other texts")
    return owners
