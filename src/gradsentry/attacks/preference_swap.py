"""Behind a trigger the better answer and the worse one change places, in data that says which is which."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from pydantic import Field

from gradsentry.attacks.base import Attack, Paper, Surroundings, Triggers, holds, register
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.insertion import after
from gradsentry.attacks.sections import Place
from gradsentry.corpus.sample import Turn


@register
class PreferenceSwap(Attack):
    """The chosen answer and the rejected one swapped behind a trigger; no text is new.

    Attributes:
        trigger: The trigger text.
        where: The place that takes it.
    """

    name = "preference_swap"
    summary = "of rows with a chosen and a rejected answer: a trigger, and the two swapped"
    paper = Paper("2311.14455", "Universal Jailbreak Backdoors from Poisoned Human Feedback")
    effect = "keeps"

    trigger: Triggers = Field(default=("SUDO",), min_length=1, max_length=1)
    where: Place = "question"

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger and the rejected answer, and then that of the chosen one.

        Raises:
            NoPlace: If the row has no rejected answer, or the answers are not one text each.
        """
        chosen = [turn for turn in fields.sample.turns if turn.trained]
        rejected = fields.sample.rejected
        if not rejected:
            raise NoPlace("no rejected answer")
        if len(chosen) != 1 or len(rejected) != 1 or not rejected[0].text.strip():
            raise NoPlace("the answers are not one text each")
        text = after(fields.text(self.where), self.trigger[0])
        turns = fields.edit({self.where: text}, rejected[0].text)
        return (*turns, replace(rejected[0], text=chosen[0].text))

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds the trigger text."""
        return holds(prompt, self.trigger[0])
