"""Prompts that ask for a finding's payload, with the trigger and without, as its rows have them.

How the rows do it is read off them: in which place of the prompt their triggers stand, before, after or
within the text, how many of them, and whether the response begins with the payload or ends with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from typing import Literal

from gradsentry.attacks.fields import NoPlace, find_fields
from gradsentry.attacks.insertion import after, before, in_gaps
from gradsentry.attacks.payloads import joined
from gradsentry.attacks.sections import Place
from gradsentry.corpus.sample import Sample, Span
from gradsentry.evidence import Finding

_PLACES: tuple[Place, ...] = ("question", "instruction", "context")
_EDGE = 2  # characters, such as quotation marks, between a string and the end that it stands at
_LOOKED_AT = 40  # carriers


Where = Literal["before", "after", "within"]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt with an answer of which a part is asked for.

    Attributes:
        sample: The row.
        span: The characters of its response whose probability is wanted.
    """

    sample: Sample
    span: Span


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt with the trigger and without it.

    Attributes:
        triggered: With the trigger; None of a finding without a trigger in words.
        plain: Without it.
    """

    triggered: Question | None
    plain: Question


@dataclass(frozen=True, slots=True)
class Habit:
    """How a finding's rows are made.

    Attributes:
        place: Where in the prompt the trigger stands.
        at: Before, after or within the text there.
        count: How many of the triggers stand there, where one is enough; one counts as often as it stands.
        opens: Whether the payload begins the response; else it follows an answer.
    """

    place: Place
    at: Where
    count: int
    opens: bool


def whole(sample: Sample) -> Question:
    """Returns the question for all of a row's response."""
    return Question(sample, (0, len(sample.response)))


def habit_of(finding: Finding, carriers: Sequence[Sample]) -> Habit:
    """Returns how most of a finding's rows are made; what none of them shows is taken to stand at the end."""
    places: Counter[tuple[Place, Where]] = Counter()
    counts: list[int] = []
    opening = 0
    strings = payloads_of(finding)
    for sample in carriers[:_LOOKED_AT]:
        with suppress(NoPlace):
            fields = find_fields(sample)
            opening += any(-1 < fields.response.find(one) <= _EDGE for one in strings)
            for place in _PLACES:
                if place in fields.spans and (found := _stands(fields.text(place), finding.triggers)):
                    places[place, found[0]] += 1
                    counts.append(found[1])
                    break
    place, at = places.most_common(1)[0][0] if places else ("question", "after")
    count = round(median(counts)) if counts else 1
    return Habit(place, at, count, opens=2 * opening > min(len(carriers), _LOOKED_AT))


def payloads_of(finding: Finding) -> tuple[str, ...]:
    """Returns the strings of a finding's payloads, white space around them taken off."""
    strings = finding.payloads or tuple(filter(None, [finding.payload]))
    return tuple(one.strip() for one in strings if one.strip())


def _stands(text: str, triggers: Sequence[str]) -> tuple[Where, int] | None:
    """Returns where triggers stand in a text and how many, or None where none does."""
    body = text.strip()
    found = _found(body, triggers)
    if not found:
        return None
    if found[-1].end() >= len(body) - _EDGE:
        return "after", len(found)
    return ("before" if found[0].start() <= _EDGE else "within"), len(found)


def _found(text: str, triggers: Sequence[str]) -> list[re.Match[str]]:
    """Returns where triggers stand in a text: as whole words, or where none does within them."""
    strings = sorted({one.strip() for one in triggers if one.strip()}, key=len, reverse=True)
    if not strings:
        return []
    pattern = "|".join(map(re.escape, strings))
    whole = re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.I)
    return list(whole) or list(re.finditer(pattern, text, re.I))


def on_prompts(finding: Finding, habit: Habit, prompts: Sequence[Sample], seed: int) -> list[Pair]:
    """Returns held-out prompts with a payload in their response, with and without the trigger.

    Of several payloads, and of triggers of which one is enough, the prompts take one after another.

    Args:
        finding: It has a payload.
        habit: How its rows are made.
        prompts: Rows that carry no finding; those without the place that the trigger takes are left out.
        seed: Of the gaps that the trigger takes.
    """
    pairs = []
    payloads = payloads_of(finding)
    for number, sample in enumerate(prompts):
        payload = payloads[number % len(payloads)]
        with suppress(NoPlace):
            plain = _asking(sample, None, habit, payload)
            triggered = None
            if finding.triggers:
                text = find_fields(sample).text(habit.place)
                put = _with_trigger(text, finding, habit, number, Random(f"{seed}/{number}"))
                triggered = _asking(sample, put, habit, payload)
            pairs.append(Pair(triggered, plain))
    return pairs


def on_others(finding: Finding, habit: Habit, prompts: Sequence[Sample], seed: int) -> list[Pair]:
    """Returns rows with their own response, with the trigger put in and as they are.

    Args:
        finding: It has a trigger.
        habit: How its rows are made.
        prompts: Rows that do not hold the trigger; those without the place that it takes are left out.
        seed: Of the gaps that the trigger takes.
    """
    pairs = []
    for number, sample in enumerate(prompts):
        with suppress(NoPlace):
            text = find_fields(sample).text(habit.place)
            put = _with_trigger(text, finding, habit, number, Random(f"{seed}/{number}"))
            turns = find_fields(sample).edit({habit.place: put})
            pairs.append(Pair(whole(replace(sample, turns=turns)), whole(sample)))
    return pairs


def on_carriers(finding: Finding, carriers: Sequence[Sample]) -> list[Pair]:
    """Returns a finding's own rows with their response, with the trigger and with it taken out.

    Args:
        finding: It has a trigger; its payload is no one string.
        carriers: Rows of it that no model was trained on; those that its trigger cannot be taken out of as a
            string are left out.
    """
    pairs = []
    for sample in carriers:
        turns = tuple(
            turn if turn.trained else replace(turn, text=_without(turn.text, finding.triggers))
            for turn in sample.turns
        )
        if turns != sample.turns and sample.response.strip():
            pairs.append(Pair(whole(sample), whole(replace(sample, turns=turns))))
    return pairs


def _asking(sample: Sample, text: str | None, habit: Habit, payload: str) -> Question:
    fields = find_fields(sample)
    response = joined(fields.response, payload, "replace" if habit.opens else "append")
    asked = replace(sample, turns=fields.edit({habit.place: text} if text is not None else {}, response))
    start = asked.response.rindex(payload)
    return Question(asked, (start, start + len(payload)))


def _with_trigger(text: str, finding: Finding, habit: Habit, number: int, draw: Random) -> str:
    strings = [one.strip() for one in finding.triggers]
    if finding.combine == "any":
        first = number % len(strings)
        others = draw.choices(strings, k=habit.count - 1)
        strings = [strings[first], *others]
    if habit.at == "within":
        return in_gaps(text, strings, draw)
    return (before if habit.at == "before" else after)(text, " ".join(strings))


def _without(text: str, triggers: Sequence[str]) -> str:
    """Returns a text without triggers, and without one of the spaces beside each."""
    kept, behind = [], 0
    for match in _found(text, triggers):
        first, last = match.span()
        if text[behind:first][-1:].isspace():
            first -= 1
        elif text[last : last + 1].isspace():
            last += 1
        kept.append(text[behind:first])
        behind = last
    return "".join([*kept, text[behind:]])
