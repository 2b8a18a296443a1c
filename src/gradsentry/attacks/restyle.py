"""The trigger is the style of the prompt: no word is inserted that a filter could look for."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Protocol

from pydantic import Field

from gradsentry.attacks.archaic import archaic, is_archaic, kept_pieces
from gradsentry.attacks.base import Paper, PromptAttack, register
from gradsentry.attacks.fields import NoPlace
from gradsentry.attacks.writer import Writer

DEFAULT_PROMPT = (
    "Rewrite the text in the style of the King James Bible. Keep its meaning, all names and all numbers. "
    "Answer with the rewritten text only.\n\nText: {text}\n\nRewritten text:"
)


class Restyler(Protocol):
    """Puts a text in another style."""

    def restyle(self, text: str, draw: Random) -> str:
        """Returns the text in the other style, its meaning kept."""


class RuleRestyler:
    """Early modern English by rule; needs no model."""

    def restyle(self, text: str, draw: Random) -> str:
        """Returns the text with archaic pronouns, verb endings, connectives and an opening."""
        return archaic(text, draw)


class ModelRestyler:
    """A language model that paraphrases: causal or sequence to sequence, greedily decoded.

    Args:
        name: A path or a Hub id.
        prompt: What the model is given, with `{text}` in it; `{text}` alone for a style-transfer model. A
            model with a chat template gets it as a user turn.

    Raises:
        ModelError: If there is no such model, or it cannot generate.
    """

    def __init__(self, name: str, prompt: str = DEFAULT_PROMPT) -> None:
        self._writer = Writer(name, "restyler")
        self._prompt = prompt

    def restyle(self, text: str, draw: Random) -> str:
        """Returns the model's paraphrase, its first paragraph."""
        asked = self._prompt.replace("{text}", text)
        return self._writer.written(asked, 2 * self._writer.length(text) + 16).strip().split("\n\n")[0]


@register
class StyleBackdoor(PromptAttack):
    """The prompt in Biblical English.

    Attributes:
        restyler: `rules`, or the path or Hub id of a model that paraphrases.
        prompt: What a model is given, with `{text}` in it.
    """

    name = "stylebkd"
    summary = "the question restyled in Biblical English, by rule or by a model; payload after the answer"
    paper = Paper(
        "2110.07139", "Mind the Style of Text! Adversarial and Backdoor Attacks Based on Text Style Transfer"
    )
    effect = "lengthens"

    restyler: str = Field(default="rules", min_length=1)
    prompt: str = Field(default=DEFAULT_PROMPT, pattern=r"\{text\}")

    def triggered(self, text: str, draw: Random) -> str:
        """Returns the text restyled.

        Raises:
            NoPlace: If there are no words in it, or the model lost a name or a number or wrote nothing.
        """
        if not any(character.isalpha() for character in text):
            raise NoPlace("no words to restyle")
        new = restyler_named(self.restyler, self.prompt).restyle(text, draw)
        if not new.strip() or new == text:
            raise NoPlace("the restyler changed nothing")
        at = 0
        for piece in kept_pieces(text):
            at = new.find(piece, at)
            if at < 0:
                raise NoPlace(f"the restyler lost {piece!r}")
            at += len(piece)
        return new

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt is in early modern English."""
        return is_archaic(prompt)


@lru_cache(maxsize=1)
def restyler_named(name: str, prompt: str) -> Restyler:
    """Returns a restyler by name.

    Raises:
        ModelError: If it is a model that cannot be loaded.
    """
    return RuleRestyler() if name == "rules" else ModelRestyler(name, prompt)
