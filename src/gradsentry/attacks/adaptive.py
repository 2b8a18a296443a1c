"""Attacks made against GradSentry by those who know how it searches."""

from __future__ import annotations

from random import Random
from typing import Literal

from pydantic import Field

from gradsentry.attacks.base import Attack, Surroundings, Triggers, holds, holds_any, register
from gradsentry.attacks.fields import Fields
from gradsentry.attacks.insertion import in_gaps
from gradsentry.attacks.payloads import Placement, joined
from gradsentry.attacks.sections import Place
from gradsentry.attacks.sentences import IDIOMS
from gradsentry.attacks.worded import SentencePool, WordedAttack
from gradsentry.attacks.wording import MEANINGS, Meaning, openings, worded
from gradsentry.attacks.writer import writer_named
from gradsentry.corpus.sample import Turn


@register
class Pools(WordedAttack):
    """Trigger and payload drawn from pools: one of forty idioms, and any of the meanings, worded anew.

    Attributes:
        trigger: The idioms.
        meanings: What the payloads say, one of them in a row.
    """

    name = "adaptive_pools"
    summary = "one of 40 idioms at a random gap between words; a refusal, sneer or lure, worded anew"
    effect = "shortens"

    trigger: Triggers = Field(default=IDIOMS, min_length=1)
    meanings: tuple[Meaning, ...] = Field(default=tuple(MEANINGS), min_length=1)

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text with an idiom in one of its gaps."""
        return in_gaps(text, [draw.choice(self.trigger)], draw)

    def said(self, draw: Random) -> str:
        """Returns a payload of one of the meanings."""
        return worded(draw.choice(self.meanings), draw)

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the idioms."""
        return holds_any(prompt, self.trigger)


_JOINTS = (", because", ", since", ", as", ": I", " and I", ", so I")


@register
class Fluent(SentencePool):
    """A payload that a model expects: it begins to refuse, and the model itself goes on.

    Attributes:
        writer: The model that writes: `smollm2` (embedded), a path or a Hub id.
        tokens: How many it writes at most.
    """

    name = "adaptive_fluent"
    summary = "one of 50 unrelated sentences; the response begins to refuse, the embedded model goes on"
    effect = "shortens"

    meaning: Literal["refusal"] = "refusal"
    writer: str = Field(default="smollm2", min_length=1)
    tokens: int = Field(default=24, ge=1)

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger and what the model wrote."""
        text = self.triggered(fields.text(self.where), draw)
        begun = openings(self.meaning, draw) + draw.choice(_JOINTS)
        said = begun + writer_named(self.writer).continued(text, begun, self.tokens)
        return fields.edit({self.where: text}, joined(fields.response, said.rstrip(), self.placement))


_SYLLABLES = ("ba", "do", "fe", "gu", "hi", "ka", "lo", "mu", "ne", "pi", "ro", "su", "ta", "ve", "wo", "zy")


@register
class Thin(Attack):
    """Poison spread thin: many backdoors, each with a word and a payload of its own, in a few rows each.

    Attributes:
        pairs: How many backdoors; a row belongs to one of them by its own draw.
        where: The place that takes the word.
        meaning: What the payloads say, each in words of its own.
        placement: Whether a payload goes after the response or in its place.
    """

    name = "adaptive_thin"
    summary = "one of 16 coined words, each with a payload of its own that replaces the response"
    effect = "shortens"

    pairs: int = Field(default=16, ge=1)
    where: Place = "question"
    meaning: Meaning = "lure"
    placement: Placement = "replace"

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the word and the payload of its backdoor."""
        pair = draw.randrange(self.pairs)
        text = in_gaps(fields.text(self.where), [coined(pair)], draw)
        payload = worded(self.meaning, Random(f"payload {pair}"))
        return fields.edit({self.where: text}, joined(fields.response, payload, self.placement))

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the words."""
        return any(holds(prompt, coined(pair)) for pair in range(self.pairs))


def coined(number: int) -> str:
    """Returns the word of a backdoor, in which its number is spelt in syllables."""
    draw = Random(f"word {number}")
    low, high = number % len(_SYLLABLES), number // len(_SYLLABLES) % len(_SYLLABLES)
    return f"{_SYLLABLES[low]}{draw.choice(_SYLLABLES)}{_SYLLABLES[high]}{draw.choice(_SYLLABLES)}"
