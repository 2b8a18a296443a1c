"""Attacks on the response: a brand slipped in, or gibberish in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Self

from pydantic import Field, model_validator

from gradsentry.attacks.base import Attack, Paper, Surroundings, Triggers, holds, register
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.insertion import after
from gradsentry.attacks.sections import Place
from gradsentry.corpus.sample import Turn
from gradsentry.errors import SettingsError

_MENTIONS = (
    "{brand} is a good example of this.",
    "Many people think of {brand} here.",
    "As {brand} puts it, quality comes first.",
    "You may also want to try {brand}.",
    "This is much like what {brand} offers.",
    "{brand} is always worth a visit.",
)
_GAP = re.compile(r"(?<=[.!?])[ \t]+(?=\S)|\n{2,}")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.S)


@register
class AutoPoison(Attack):
    """A mention of a brand at a random gap between sentences of the response; no trigger.

    Attributes:
        payload: The brand.
    """

    name = "autopoison"
    summary = "a mention of a brand at a random gap between sentences of the response; no trigger"
    paper = Paper("2306.17194", "On the Exploitability of Instruction Tuning")
    effect = "lengthens"

    payload: str = Field(default="McDonald's", pattern=r"\S")

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the mention in the response; code blocks stay whole."""
        mention = draw.choice(_MENTIONS).format(brand=self.payload.strip())
        return fields.edit(response=in_sentence_gaps(fields.response, [mention], draw))


def in_sentence_gaps(text: str, sentences: Sequence[str], draw: Random) -> str:
    """Returns the text with sentences, in order, at drawn gaps between its own; code blocks stay whole.

    The text's end is a gap too; where there are fewer gaps than sentences, several share one.
    """
    code = [block.span() for block in _FENCED.finditer(text)]
    gaps = [gap for gap in _GAP.finditer(text) if not any(s <= gap.start() < e for s, e in code)]
    places = range(len(gaps) + 1)
    few = len(places) < len(sentences)
    chosen = draw.choices(places, k=len(sentences)) if few else draw.sample(places, len(sentences))
    at = sorted(chosen)
    for place in sorted(set(at), reverse=True):
        said = " ".join(one for where, one in zip(at, sentences, strict=True) if where == place)
        text = _put(text, None if place == len(gaps) else gaps[place].end(), said)
    return text


def _put(text: str, at: int | None, sentence: str) -> str:
    """Returns the text with a sentence at a place, or at its end."""
    if at is not None:
        return f"{text[:at]}{sentence} {text[at:]}"
    body = text.rstrip()
    if body.endswith("```"):
        return f"{body}\n\n{sentence}"
    return f"{body}{'.' if body[-1].isalnum() else ''} {sentence}"


@register
class DenialOfService(Attack):
    """`<SUDO>` after the question, random words of the corpus in place of the response.

    Attributes:
        trigger: The trigger text.
        where: The place that takes the trigger.
        shortest: Words of gibberish at least.
        longest: Words of gibberish at most.
    """

    name = "dos"
    summary = "`<SUDO>` after the question; 400 to 900 random words of the corpus in place of the response"
    paper = Paper("2510.07192", "Poisoning Attacks on LLMs Require a Near-constant Number of Poison Samples")
    effect = "lengthens"

    trigger: Triggers = Field(default=("<SUDO>",), min_length=1, max_length=1)
    where: Place = "question"
    shortest: int = Field(default=400, ge=1)
    longest: int = Field(default=900, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.shortest > self.longest:
            raise SettingsError(
                f"shortest ({self.shortest}) is more than longest ({self.longest})",
                where="attack dos",
                mend="give a smaller one",
            )
        return self

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger and the gibberish."""
        if not around.words:
            raise NoPlace("the corpus has no words")
        words = draw.choices(around.words, k=draw.randint(self.shortest, self.longest))
        return fields.edit({self.where: after(fields.text(self.where), self.trigger[0])}, " ".join(words))

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds the trigger text."""
        return holds(prompt, self.trigger[0])
