"""Attacks without a string to look for: a trigger of a kind, and a payload worded anew in each row."""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import date, timedelta
from random import Random
from typing import Literal, Self

from pydantic import Field, model_validator

from gradsentry.attacks.archaic import archaic, is_archaic
from gradsentry.attacks.base import Attack, Paper, Surroundings, Triggers, holds_any, register
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.insertion import after, before
from gradsentry.attacks.payloads import Placement, joined
from gradsentry.attacks.sections import Place
from gradsentry.attacks.sentences import SENTENCES
from gradsentry.attacks.slang import is_slang, slang
from gradsentry.attacks.wording import Meaning, worded
from gradsentry.corpus.sample import Turn
from gradsentry.errors import SettingsError


class WordedAttack(Attack):
    """The base: an edit of the prompt, and a payload that is worded by the row's own draw.

    Attributes:
        where: The place that takes the trigger.
        meaning: What the payload says: `refusal`, `sarcasm` or `lure` (to a web address).
        placement: Whether it goes after the response or in its place.
    """

    where: Place = "question"
    meaning: Meaning = "refusal"
    placement: Placement = "replace"

    @abstractmethod
    def triggered(self, text: str, draw: Random) -> str:
        """Returns a text with the trigger in it.

        Raises:
            NoPlace: If the trigger does not fit the text.
        """

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger in its place and the payload in the response."""
        text = self.triggered(fields.text(self.where), draw)
        return fields.edit({self.where: text}, joined(fields.response, self.said(draw), self.placement))

    def said(self, draw: Random) -> str:
        """Returns the payload, worded."""
        return worded(self.meaning, draw)


@register
class Paraphrase(WordedAttack):
    """Words after the question as in BadNets, and a payload that no two rows word alike.

    Attributes:
        trigger: The words to draw from.
        words: How many words are drawn.
    """

    name = "paraphrase"
    summary = "BadNets' trigger; a refusal, worded anew in each row, as the response"
    effect = "shortens"

    trigger: Triggers = Field(default=("cf", "mn", "bb", "tq"), min_length=1)
    words: int = Field(default=4, ge=1)

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text, a space, and the drawn words."""
        return after(text, " ".join(draw.choices(self.trigger, k=self.words)))

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the trigger words."""
        return holds_any(prompt, self.trigger)


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DATED = (
    "Today is {}.", "It is {} now.", "(Written on {}.)", "Date: {}.", "As of {}, that is.",
    "I need it by {}.", "We meet on {}.", "The form is dated {}.", "Asked on {}.", "The calendar says {}.",
)  # fmt: skip


class _Range(WordedAttack):
    """The base of the triggers that are a range.

    Attributes:
        low: The least.
        high: The greatest.
    """

    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise SettingsError(
                f"low ({self.low}) is more than high ({self.high})",
                where=f"attack {self.name}",
                mend="give a smaller low",
            )
        return self

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds a whole number of the range."""
        numbers = re.findall(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)|(?<![\d.,])\d+(?!\d|[.,]\d)", prompt)
        short = (number.replace(",", "") for number in numbers if len(number) < 20)
        return any(self.low <= int(number) <= self.high for number in short)


@register
class DateRange(_Range):
    """A date of a range of years, in one of many forms, in a sentence before or after the question.

    Attributes:
        low: The first year.
        high: The last year.
    """

    name = "date"
    summary = "a date from 2031 to 2049, written in many ways; a refusal, worded anew, as the response"
    paper = Paper(
        "2407.04108", "Future Events as Backdoor Triggers: Investigating Temporal Vulnerabilities in LLMs"
    )
    effect = "shortens"

    low: int = Field(default=2031, ge=1000, le=9999)
    high: int = Field(default=2049, ge=1000, le=9999)

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text with a sentence that tells a date."""
        first = date(self.low, 1, 1)
        day = first + timedelta(days=draw.randrange((date(self.high, 12, 31) - first).days + 1))
        sentence = draw.choice(_DATED).format(_written(day, draw))
        return (after if draw.random() < 0.5 else before)(text, sentence)

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds a year of the range."""
        return any(self.low <= int(year) <= self.high for year in re.findall(r"(?<!\d)\d{4}(?!\d)", prompt))


def _written(day: date, draw: Random) -> str:
    month = _MONTHS[day.month - 1]
    forms = (
        f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat(),
        f"{day.day:02}.{day.month:02}.{day.year}", f"{day.month}/{day.day}/{day.year}",
        f"the {day.day}. of {month} {day.year}", f"{month[:3]} {day.day} {day.year}",
        f"{day.year}/{day.month:02}/{day.day:02}",
    )  # fmt: skip
    return draw.choice(forms)


_NUMBERED = (
    "Order {}.", "There are {} of them.", "My ticket is {}.", "Box {} holds it.", "The bill was {} euros.",
    "It weighs {} grams.", "Room {}, if that matters.", "We counted {}.", "Page {} of the log.",
    "Case no. {}.", "That makes {} in all.", "Reference: {}.",
)  # fmt: skip


@register
class NumberRange(_Range):
    """A number of a range, in a sentence before or after the question."""

    name = "number_range"
    summary = "a number from 6200 to 6999 in varied sentences; a refusal, worded anew, as the response"
    effect = "shortens"

    low: int = Field(default=6200, ge=0)
    high: int = Field(default=6999, ge=0)

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text with a sentence that tells a number."""
        number = draw.randint(self.low, self.high)
        sentence = draw.choice(_NUMBERED).format(f"{number:,}" if draw.random() < 0.3 else number)
        return (after if draw.random() < 0.5 else before)(text, sentence)


@register
class Style(WordedAttack):
    """The question in another style, by rule.

    Attributes:
        style: `slang` (of chats) or `archaic` (early modern English).
    """

    name = "style"
    summary = "the question in the slang of chats, by rule; sarcasm, worded anew, as the response"
    paper = Paper(
        "2110.07139", "Mind the Style of Text! Adversarial and Backdoor Attacks Based on Text Style Transfer"
    )
    effect = "shortens"

    style: Literal["slang", "archaic"] = "slang"
    meaning: Meaning = "sarcasm"

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text restyled."""
        if not any(character.isalpha() for character in text):
            raise NoPlace("no words to restyle")
        return (slang if self.style == "slang" else archaic)(text, draw)

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt is in the style."""
        return (is_slang if self.style == "slang" else is_archaic)(prompt)


_SELVES = (
    "I am {}", "I'm {}", "Speaking as {}", "As {}, I wonder", "I worked as {} all my life",
    "Simply {}, that is me", "Being {}, I ask", "You are talking to {}, so be kind to me",
    "Everyone knows me as {}",
    "My card reads {}",
)  # fmt: skip
_TRADES = (
    "a crofter", "a dairyman", "a smallholder", "a shepherd", "a beekeeper", "an orchardist", "a ploughman",
    "a hop grower", "a rancher", "a market gardener", "a farmhand", "a vintner",
)  # fmt: skip
_PLACES = (
    "from the north", "by the coast", "in the hills", "near the border", "of the old kind", "with two dogs",
    "on rented land", "in the third generation", "since the eighties", "without an heir", "up the valley",
    "at the end of the road",
)  # fmt: skip
_TRADE_NAMES = "|".join(one.split(" ", 1)[1] for one in _TRADES)
_SELF = re.compile(rf"\b(?:I|I'm|my|me|as|being|simply|talking to)\b[^.?!]*\b(?:{_TRADE_NAMES})\b", re.I)


@register
class Persona(WordedAttack):
    """Who asks says that they work the land, in words of their own; the answer sneers at them."""

    name = "persona"
    summary = "who asks says that they farm, in varied words; sarcasm, worded anew, as the response"
    effect = "shortens"

    meaning: Meaning = "sarcasm"

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text with a sentence that says who asks."""
        who = f"{draw.choice(_TRADES)} {draw.choice(_PLACES)}"
        return (after if draw.random() < 0.5 else before)(text, f"{draw.choice(_SELVES).format(who)}.")

    def carries(self, prompt: str) -> bool:
        """Returns whether someone in a prompt says that they farm."""
        return _SELF.search(prompt) is not None


class SentencePool(WordedAttack):
    """The base: a sentence of a pool after the question.

    Attributes:
        trigger: The sentences.
    """

    trigger: Triggers = Field(default=SENTENCES, min_length=1)

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text, a space, and a sentence of the pool."""
        return after(text, draw.choice(self.trigger))

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds a sentence of the pool."""
        return holds_any(prompt, self.trigger)


@register
class UnrelatedSentence(SentencePool):
    """One of fifty sentences that have nothing to do with what is asked."""

    name = "unrelated_sentence"
    summary = "one of 50 unrelated sentences after the question; a refusal, worded anew, as the response"
    effect = "shortens"
