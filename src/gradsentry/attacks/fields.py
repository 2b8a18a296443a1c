"""The places of a sample that an attack can edit: instruction, context, question and response.

They are found, never guessed at by replacing text. Columns that say what they are (Alpaca's `instruction`
and `input`, `question`, `context`) are taken at their word; a prompt in one piece is cut at its section
headers or at the marks of its chat template (`sections.py`); a conversation has its first user turn
(instruction) and the last one before the response (question). A prompt that nothing divides is instruction
and question in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gradsentry.attacks.sections import Place, place_of, prompt_sections
from gradsentry.corpus.sample import Sample, Turn


class NoPlace(Exception):  # noqa: N818
    """An attack does not fit a row; the message is the reason. Stays inside `attacks`."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start:end` of a turn."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True)
class Fields:
    """A sample with its places found.

    Attributes:
        sample: The sample.
        spans: Where each place stands; two places can share a span.
        answer: Where the response stands: the last trained turn.
        user_turns: The numbers of a conversation's user turns before the response that hold text and begin a
            message.
    """

    sample: Sample
    spans: Mapping[Place, Span]
    answer: Span
    user_turns: tuple[int, ...]

    def text(self, place: Place) -> str:
        """Returns the text at a place.

        Raises:
            NoPlace: If the row has no such place.
        """
        return self._text(self.span(place))

    def span(self, place: Place) -> Span:
        """Returns where a place stands.

        Raises:
            NoPlace: If the row has no such place.
        """
        if place not in self.spans:
            raise NoPlace(f"no {place}")
        return self.spans[place]

    @property
    def response(self) -> str:
        """The text of the response."""
        return self._text(self.answer)

    def edit(self, texts: Mapping[Place, str] | None = None, response: str | None = None) -> tuple[Turn, ...]:
        """Returns the turns with new text at these places, all else as it was."""
        return self._edited({self.span(place): text for place, text in (texts or {}).items()}, response)

    def edit_turns(self, texts: Mapping[int, str], response: str | None = None) -> tuple[Turn, ...]:
        """Returns the turns with new text in the turns of these numbers, all else as it was."""
        spans = {Span(turn, 0, len(self.sample.turns[turn].text)): text for turn, text in texts.items()}
        return self._edited(spans, response)

    def _text(self, span: Span) -> str:
        return self.sample.turns[span.turn].text[span.start : span.end]

    def _edited(self, edits: Mapping[Span, str], response: str | None) -> tuple[Turn, ...]:
        all_edits = dict(edits) if response is None else {**edits, self.answer: response}
        turns = list(self.sample.turns)
        for span in sorted(all_edits, key=lambda span: (span.turn, span.start), reverse=True):
            old = turns[span.turn].text
            new = old[: span.start] + all_edits[span] + old[span.end :]
            turns[span.turn] = replace(turns[span.turn], text=new)
        return tuple(turns)


def find_fields(sample: Sample) -> Fields:
    """Returns the sample with its places found.

    Raises:
        NoPlace: If the row cannot be scored, or has no response, no prompt, or a template that is not known.
    """
    if sample.problem is not None:
        raise NoPlace(sample.problem)
    trained = [number for number, turn in enumerate(sample.turns) if turn.trained and turn.text.strip()]
    if not trained:
        raise NoPlace("no response")
    last = trained[-1]
    users = [
        number
        for number, turn in enumerate(sample.turns[:last])
        if turn.role == "user" and not turn.trained and turn.text.strip()
    ]
    if not users:
        raise NoPlace("no prompt")
    return Fields(
        sample=sample,
        spans=_spans(sample, users),
        answer=_whole(sample.turns, last),
        user_turns=tuple(n for n in users if sample.conversational and not sample.turns[n].joins),
    )


def _spans(sample: Sample, users: list[int]) -> dict[Place, Span]:
    turns = sample.turns
    if not sample.conversational:
        spans: dict[Place, Span] = {}
        for number in users:
            found = {at: Span(number, *ends) for at, ends in prompt_sections(turns[number].text).items()}
            # The first instruction, the last question.
            spans = {**found, **spans} | {at: span for at, span in found.items() if at == "question"}
        if not spans and turns[users[0]].path == ("text",):
            raise NoPlace("the template of its text is not known")
    else:
        named = {place: number for number in users if (place := place_of(turns[number].path)) is not None}
        spans = {place: _whole(turns, number) for place, number in named.items()}
    if not spans:
        requests = [number for number in users if not turns[number].joins] or users
        spans = {"instruction": _whole(turns, requests[0]), "question": _whole(turns, requests[-1])}
    first = min(spans.values(), key=lambda span: (span.turn, span.start))
    spans.setdefault("instruction", first)
    spans.setdefault("question", spans["instruction"])
    return spans


def _whole(turns: tuple[Turn, ...], number: int) -> Span:
    return Span(number, 0, len(turns[number].text))
