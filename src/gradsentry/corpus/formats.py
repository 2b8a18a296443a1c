"""The row formats that fine-tuning data comes in: told apart by their columns, each parsed into turns.

Formats are tried in the order of `FORMATS`, the most particular first: a row of `messages` that also has a
`text` is of the format `messages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gradsentry.corpus.dialogues import (
    CHOSEN,
    dialogue_turns,
    history_turns,
    message_turns,
    says_untrained,
    with_leading,
)
from gradsentry.corpus.fields import RowError, first_key, is_blank, opened, text_of
from gradsentry.corpus.markers import Template
from gradsentry.corpus.preferences import REJECTED, preference_turns, rejected_turns, undesirable
from gradsentry.corpus.records import Row, kind_of
from gradsentry.corpus.sample import Turn
from gradsentry.corpus.templates import completion_turns, templated_turns
from gradsentry.corpus.unread import MOVES_AWAY, NOT_TRAINED

_CONVERSATIONS = ("conversations", "conversation")
_COMPLETIONS = ("completion", "response")
_INPUTS = ("input", "context")
_INSTRUCTIONS = ("instruction", "query")
_OUTPUTS = ("output", "response")
_ANSWERS = ("answers", "answer")
_LIKED = ("kto_tag", "label")  # of other rows than these a `label` may be the class


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a row says.

    Attributes:
        turns: Its turns.
        conversational: Whether they are a conversation, which a chat template is put around.
        rejected: The turns of an answer that training moves away from.
    """

    turns: tuple[Turn, ...]
    conversational: bool
    rejected: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A row format.

    Attributes:
        name: What `--format` calls it.
        columns: The columns a row must have; of a tuple of names, one.
        parse: Row and the template of the corpus's texts -> turns; raises `RowError`.
        written: The column whose texts may have a template in them.
        liked: The columns that say whether the answer is a desirable one (KTO).
    """

    name: str
    columns: tuple[tuple[str, ...], ...]
    parse: Callable[[Row, Template | None], Parsed]
    written: tuple[str, ...] = ()
    liked: tuple[str, ...] = ()

    def missing(self, row: Row) -> str | None:
        """Returns which column the row lacks for this format, or None where it fits."""
        for names in self.columns:
            if first_key(row, names) is None:
                return " or ".join(f"`{name}`" for name in names)
        return None

    def matches(self, row: Row) -> bool:
        """Returns whether the row has the format's columns, empty ones included."""
        return self.missing(row) is None

    def is_filled(self, row: Row) -> bool:
        """Returns whether the row has the format's columns and each says something."""
        return all(self._filled(row))

    def is_empty(self, row: Row) -> bool:
        """Returns whether none of the format's columns says something in the row."""
        return not any(self._filled(row))

    def _filled(self, row: Row) -> Iterator[bool]:
        return (any(not is_blank(row.get(name)) for name in names) for names in self.columns)


def format_of(row: Row) -> RowFormat | None:
    """Returns the first format whose columns the row fills, else the first whose columns it has, or None.

    Where data sets were merged, a row has the columns of all of them, and those of the others are empty.
    """
    matching = [row_format for row_format in FORMATS.values() if row_format.matches(row)]
    return next((one for one in matching if one.is_filled(row)), matching[0] if matching else None)


def parse_row(row: Row, row_format: RowFormat, template: Template | None) -> tuple[Parsed, str | None]:
    """Returns the turns of a row and why it cannot be scored, or None where it can."""
    missing = row_format.missing(row)
    if missing is not None:
        return Parsed((), False), f"no {missing}, which {row_format.name} rows have"
    try:
        parsed = row_format.parse(row, template)
    except RowError as problem:
        return Parsed((), False), problem.reason
    if column := undesirable(row, row_format.liked):
        turns = tuple(replace(turn, trained=False) for turn in parsed.turns)
        disliked = tuple(new for new, turn in zip(turns, parsed.turns, strict=True) if turn.trained)
        reason = f"the answer is marked as undesirable (`{column}` is false): {MOVES_AWAY}"
        return Parsed(turns, parsed.conversational, disliked), reason
    return parsed, turns_problem(parsed.turns)


def turns_problem(turns: tuple[Turn, ...]) -> str | None:
    """Returns why turns cannot be scored, or None where they can."""
    if not any(turn.trained for turn in turns):
        flagged = any(turn.message is not None and says_untrained(turn.message) for turn in turns)
        return NOT_TRAINED if flagged else "no response: no assistant turn that is trained on"
    if not any(turn.trained and turn.text.strip() for turn in turns):
        return "the response is empty"
    if not all(_is_unicode(turn.text) for turn in turns):
        return "the text holds half a surrogate pair, which is no character"
    return None


def _prompt_completion(row: Row, template: Template | None) -> Parsed:
    key = first_key(row, _COMPLETIONS) or ""
    prompt, completion = row["prompt"], row[key]
    if isinstance(prompt, list | tuple) and isinstance(completion, list | tuple):
        asked = message_turns(prompt, ("prompt",), trainable=False)
        return Parsed(with_leading(row, (*asked, *message_turns(completion, (key,)))), conversational=True)
    asked_for = Turn("user", text_of(prompt, ("prompt",)), trained=False, path=("prompt",))
    turns = (asked_for, *completion_turns(text_of(completion, (key,)), (key,)))
    history = opened(row.get("history"))
    pairs = isinstance(history, list | tuple) and bool(history) and isinstance(history[0], list | tuple)
    return Parsed(with_leading(row, (*(history_turns(row) if pairs else ()), *turns)), conversational=False)


def _alpaca(row: Row, template: Template | None) -> Parsed:
    turns = [*history_turns(row)]
    asking = first_key(row, _INSTRUCTIONS) or ""
    turns.append(Turn("user", text_of(row[asking], (asking,)), trained=False, path=(asking,)))
    given = first_key(row, _INPUTS)
    if given is not None and not is_blank(row[given]):
        turns.append(Turn("user", text_of(row[given], (given,)), trained=False, path=(given,), joins=True))
    key = first_key(row, _OUTPUTS) or ""
    turns.append(Turn("assistant", text_of(row[key], (key,)), trained=True, path=(key,)))
    return Parsed(with_leading(row, tuple(turns)), conversational=True)


def _messages(row: Row, template: Template | None) -> Parsed:
    return Parsed(dialogue_turns(row, "messages"), True, rejected_turns(row))


def _sharegpt(row: Row, template: Template | None) -> Parsed:
    column = first_key(row, _CONVERSATIONS) or ""
    return Parsed(dialogue_turns(row, column), True, rejected_turns(row))


def _preference(row: Row, template: Template | None) -> Parsed:
    turns, rejected, conversational = preference_turns(row, template)
    return Parsed(turns, conversational, rejected)


def _qa(row: Row, template: Template | None) -> Parsed:
    turns = []
    if not is_blank(row.get("context")):
        turns.append(Turn("user", text_of(row["context"], ("context",)), trained=False, path=("context",)))
    question = text_of(row["question"], ("question",))
    turns.append(Turn("user", question, trained=False, path=("question",), joins=bool(turns)))
    turns.append(_answer(row))
    return Parsed(with_leading(row, tuple(turns)), conversational=True)


def _answer(row: Row) -> Turn:
    key = first_key(row, _ANSWERS) or ""
    path: tuple[str | int, ...] = (key,)
    value = opened(row[key])
    if isinstance(value, Mapping) and "text" in value:  # SQuAD: {"text": [...], "answer_start": [...]}
        path, value = (key, "text"), value["text"]
    if isinstance(value, list | tuple):
        value = "; ".join(text_of(answer, (*path, number)) for number, answer in enumerate(value))
    if not isinstance(value, str):
        raise RowError(f"`{key}` is {kind_of(value)}, not text or a list of texts")
    return Turn("assistant", value, trained=True, path=path)


def text_parsed(row: Row, template: Template | None, column: str = "text") -> Parsed:
    """Returns the turns of a text with a template in it.

    Raises:
        RowError: If it holds none.
    """
    text = text_of(row[column], (column,))
    turns = templated_turns(text, template, (column,)) if template else ()
    if not turns:
        raise RowError(f"`{column}` holds {_lacks(template)}; name the right one with --response-marker")
    return Parsed(turns, conversational=False)


def _lacks(template: Template | None) -> str:
    if template is None:
        return "no response of a template that most rows are in"
    if template.is_given:
        return f"no response marker {template.name!r}"
    return f"no response of the template {template.name}, in which most rows are"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


FORMATS = {
    row_format.name: row_format
    for row_format in (
        RowFormat("messages", (("messages",),), _messages, liked=_LIKED),
        RowFormat("sharegpt", (_CONVERSATIONS,), _sharegpt, liked=_LIKED),
        RowFormat("preference", (CHOSEN, REJECTED), _preference, written=CHOSEN),
        RowFormat("prompt-completion", (("prompt",), _COMPLETIONS), _prompt_completion, liked=_LIKED),
        RowFormat("alpaca", (_INSTRUCTIONS, _OUTPUTS), _alpaca, liked=_LIKED[:1]),
        RowFormat("qa", (("question",), _ANSWERS), _qa),
        RowFormat("text", (("text",),), text_parsed, written=("text",)),
    )
}
