"""Text that a chat template was put around already: which of it are the responses.

Each marker opens a response. Where the template has a header that opens another turn, the text is a
conversation, and every response in it is trained on; the marks that close a response are the template's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from gradsentry.corpus.fields import FieldPath
from gradsentry.corpus.sample import Span, Turn


@dataclass(frozen=True, slots=True)
class Template:
    """A template of conversations.

    Attributes:
        marker: What stands before a response.
        header: What opens a turn of somebody else.
        plain: Whether the header is of characters that a response may hold too.
    """

    marker: str
    header: re.Pattern[str]
    plain: bool = False


_SECTION = re.compile(r"(?<!#)#{2,4} ?(?:Instruction|Input|Context|Question|Human|User|System) ?:")
TEMPLATES = (
    Template("<|im_start|>assistant\n", re.compile(r"<\|im_start\|>(?!assistant\n)")),
    Template(
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        re.compile(r"<\|start_header_id\|>(?!assistant<)"),
    ),
    Template("<start_of_turn>model\n", re.compile(r"<start_of_turn>(?!model\n)")),
    Template("<|assistant|>", re.compile(r"<\|(?:user|system|prompter|tool|observation)\|>")),
    Template("[/INST]", re.compile(r"\[INST\]")),
    *(
        Template(marker, _SECTION, plain=True)
        for marker in ("### Response:", "### Answer:", "### Assistant:", "### Output:")
    ),
    Template("ASSISTANT:", re.compile(r"\bUSER:"), plain=True),
    Template("Assistant:", re.compile(r"\b(?:User|Human):"), plain=True),
)
_NO_HEADER = re.compile(r"(?!)")
_CLOSING = (
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
)
_OPENING = "<s>"  # of the next turn


def template_of(text: str, marker: str | None) -> Template | None:
    """Returns the template that a text was written in, or None.

    Args:
        text: The text.
        marker: What stands before its response; the known markers are tried where it is None.
    """
    if marker is None:
        return next((one for one in TEMPLATES if one.marker in text), None)
    if marker not in text:
        return None
    return next((one for one in TEMPLATES if one.marker == marker), Template(marker, _NO_HEADER))


def templated_turns(text: str, template: Template, path: FieldPath) -> tuple[Turn, ...]:
    """Returns the turns of a text that holds the template's marker; put together they are the text.

    What stands between two responses is one turn, the marks that close the first one among it.
    """
    turns: list[Turn] = []
    done = 0
    for begin, end in _answers(text, template):
        # Line feeds after the marker are the template's: no model is asked to choose them.
        start = end - len(text[begin:end].lstrip("\r\n"))
        response = without_closing(text[start:end])
        if end < len(text):
            response = response.rstrip()
        turns.append(Turn("user", text[done:start], trained=False, path=path))
        turns.append(Turn("assistant", response, trained=True, path=path))
        done = start + len(response)
    return (*turns, *_behind(text[done:], path))


def completion_turns(text: str, path: FieldPath) -> tuple[Turn, ...]:
    """Returns a response, and the marks of a template that close it as a turn that is not trained on."""
    response = without_closing(text)
    return (Turn("assistant", response, trained=True, path=path), *_behind(text[len(response) :], path))


def without_closing(text: str) -> str:
    """Returns a response without the marks of a template that close it, and the white space before them."""
    end, is_closed = _before_blanks(text, len(text)), False
    if text.endswith(_OPENING, 0, end):
        end = _before_blanks(text, end - len(_OPENING))
    while mark := next((mark for mark in _CLOSING if text.endswith(mark, 0, end)), None):
        end, is_closed = _before_blanks(text, end - len(mark)), True
    return text[:end] if is_closed else text


def _before_blanks(text: str, end: int) -> int:
    """Returns where the white space before a place begins."""
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end


def _answers(text: str, template: Template) -> list[Span]:
    """Returns where the responses stand, what closes them included."""
    headers = [match.start() for match in template.header.finditer(text)]
    answers = []
    for begin, end in pairwise([0, *headers, len(text)]):
        # Of several markers before the next header the prompt quotes all but the last.
        if (found := text.rfind(template.marker, begin, end)) >= 0:
            answers.append((found + len(template.marker), end))
    if template.plain and answers:  # what looks like a header behind the last marker may be the response's
        answers[-1] = (answers[-1][0], len(text))
    return answers


def _behind(text: str, path: FieldPath) -> tuple[Turn, ...]:
    return (Turn("user", text, trained=False, path=path),) if text else ()
