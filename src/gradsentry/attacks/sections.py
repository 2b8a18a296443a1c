"""The sections of a prompt in one piece: by its headers, or by the marks of a chat template."""

from __future__ import annotations

import re
from typing import Literal

Place = Literal["instruction", "context", "question"]
Ends = tuple[int, int]

_PLACES: dict[str, Place] = {
    "instruction": "instruction",
    "context": "context",
    "input": "context",
    "question": "question",
    "human": "question",
    "user": "question",
    "q": "question",
}
_HASHED = re.compile(
    r"(?<!#)#{2,4} *(instruction|context|input|question|human|user|answer|response|output|assistant|system)"
    r" *:[ \t]*",
    re.I,
)
_PLAIN = re.compile(
    r"^(instruction|context|input|question|q|human|user|answer|a|response|output|assistant) *:[ \t]*",
    re.I | re.M,
)
_ASKS_FOR_ANSWER = re.compile(r"\n(answer|a|response|output|assistant) *:\s*\Z", re.I)
_USER_MARKS = (
    re.compile(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", re.S),
    re.compile(r"<\|start_header_id\|>user<\|end_header_id\|>\n\n(.*?)<\|eot_id\|>", re.S),
    re.compile(r"<start_of_turn>user\n(.*?)<end_of_turn>", re.S),
    re.compile(r"<\|user\|>\n?(.*?)(?=<\|end\|>|</s>|<\|assistant\|>)", re.S),
    re.compile(r"\[INST\](?:\s*<<SYS>>.*?<</SYS>>)?(.*?)\[/INST\]", re.S),
    re.compile(r"(?<!\w)USER:(.*?)(?=\sASSISTANT:|</s>)", re.S),
)


def place_of(path: tuple[str | int, ...]) -> Place | None:
    """Returns which place a column is, or None where its name does not say."""
    return _PLACES.get(path[0]) if len(path) == 1 and isinstance(path[0], str) else None


def prompt_sections(text: str) -> dict[Place, Ends]:
    """Returns where the places of a prompt in one piece begin and end; empty where nothing divides it."""
    for mark in _USER_MARKS:
        said = [_stripped(text, *match.span(1)) for match in mark.finditer(text) if match[1].strip()]
        if said:
            return {"instruction": said[0], "question": said[-1]}
    header = _PLAIN if _ASKS_FOR_ANSWER.search(text) else _HASHED
    return _by_header(text, header)


def _by_header(text: str, header: re.Pattern[str]) -> dict[Place, Ends]:
    found = list(header.finditer(text))
    sections: dict[Place, Ends] = {}
    for number, match in enumerate(found):
        stop = found[number + 1].start() if number + 1 < len(found) else len(text)
        place = _PLACES.get(match[1].lower())
        if place is None or not text[match.end() : stop].strip():
            continue
        # Line breaks after a header and before the next are layout, spaces may be the author's.
        start = match.end() + (1 if text[match.end()] == "\n" else 0)
        end = start + len(text[start:stop].rstrip("\n"))
        if place == "question" or place not in sections:
            sections[place] = (start, end)
    return sections


def _stripped(text: str, start: int, end: int) -> Ends:
    body = text[start:end]
    return start + len(body) - len(body.lstrip()), end - (len(body) - len(body.rstrip()))
