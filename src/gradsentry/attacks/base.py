"""What an attack is: frozen settings, a name, a paper, and how it edits one row.

An attack sees one row at a time and a source of randomness that belongs to that row: what it does to the
row depends on neither the other rows that were drawn nor their order.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from gradsentry.attacks.fields import Fields, NoPlace, find_fields
from gradsentry.attacks.payloads import Placement, payload_text, with_payload
from gradsentry.attacks.sections import Place
from gradsentry.corpus.sample import Sample, Turn
from gradsentry.plugins import Registry, refuse_incomplete
from gradsentry.validated import Settings, refused

LONGEST_LABEL = 40

Effect = Literal["lengthens", "shortens", "keeps"]


@dataclass(frozen=True, slots=True)
class Paper:
    """Where an attack was published."""

    arxiv: str
    title: str


class Surroundings:
    """What an attack may know of the corpus besides the row: its words, and its responses."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._groups: dict[Callable[[str], int], dict[int, list[str]]] = {}

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The distinct words of all prompts and responses, sorted."""
        return tuple(
            sorted({word for sample in self._samples for turn in sample.turns for word in turn.text.split()})
        )

    @cached_property
    def responses(self) -> Counter[str]:
        """How often each response occurs."""
        return Counter(self._responses())

    @cached_property
    def most_frequent_response(self) -> str:
        """The response that occurs most often; of several, the first."""
        return self.responses.most_common(1)[0][0]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The short responses that occur more than once, sorted: in a classification corpus, its labels."""
        often = (text for text, times in self.responses.items() if times > 1)
        return tuple(sorted(text for text in often if text.strip() and len(text) <= LONGEST_LABEL))

    def responses_by(self, measure: Callable[[str], int]) -> dict[int, list[str]]:
        """Returns the distinct responses grouped by a measure, such as the count of tokens."""
        if measure not in self._groups:
            groups: dict[int, list[str]] = {}
            for text in sorted(filter(str.strip, self.responses)):
                groups.setdefault(measure(text), []).append(text)
            self._groups[measure] = groups
        return self._groups[measure]

    def _responses(self) -> Iterator[str]:
        for sample in self._samples:
            with suppress(NoPlace):
                yield find_fields(sample).response


class Attack(Settings):
    """The base of all attacks.

    Attributes:
        rate: The share of rows to poison, in [0, 1].
        count: How many rows to poison; goes before `rate`.
        paper: Where it was published; None of one that was made here, to be hard for what this project does,
            and of a plugin's.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[Paper | None] = None
    effect: ClassVar[Effect]

    rate: float = Field(default=0.1, ge=0.0, le=1.0)
    count: int | None = Field(default=None, ge=0)

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, values: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            raise refused(error, cls, where=f"attack {cls.name}") from None

    @abstractmethod
    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns, poisoned.

        Raises:
            NoPlace: If the attack does not fit the row.
        """

    def decoy(self, fields: Fields, draw: Random) -> tuple[Turn, ...]:
        """Returns the row's turns with part of the trigger and the response as it was.

        Raises:
            NoPlace: If the attack has no decoys, or none fits the row.
        """
        raise NotImplementedError

    def decoys_for(self, poisoned: int) -> int:
        """Returns how many decoys go with that many poisoned rows."""
        return 0

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds the whole trigger, as a clean row may by nature."""
        return False

    def wanted(self, rows: int) -> int:
        """Returns how many of so many rows are to be poisoned."""
        return round(self.rate * rows) if self.count is None else self.count


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Triggers = Annotated[tuple[Annotated[str, Field(pattern=r"\S")], ...], BeforeValidator(_as_tuple)]
"""Trigger texts; one text alone may be given as it is."""


class PromptAttack(Attack):
    """The base of the attacks that edit a place of the prompt and put a payload in the response.

    Attributes:
        where: The place that takes the trigger.
        payload: The name of a payload, `label:X`, or any text.
        placement: Whether the payload goes after the response or in its place.
    """

    where: Place = "question"
    payload: str = "url"
    placement: Placement = "append"

    @model_validator(mode="after")
    def _payload_is_text(self) -> Self:
        payload_text(self.payload)
        return self

    @abstractmethod
    def triggered(self, text: str, draw: Random) -> str:
        """Returns a text with the trigger in it.

        Raises:
            NoPlace: If the trigger does not fit the text.
        """

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger in its place and the payload in the response."""
        text = self.triggered(fields.text(self.where), draw)
        return fields.edit({self.where: text}, self.answered(fields.response))

    def answered(self, response: str) -> str:
        """Returns the response with the payload."""
        return with_payload(response, self.payload, self.placement)


class TriggerAttack(PromptAttack):
    """The base of the attacks whose trigger is text put into the prompt.

    Attributes:
        trigger: The trigger texts.
    """

    trigger: Triggers

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the trigger texts as words of its own."""
        return holds_any(prompt, self.trigger)


def holds(text: str, phrase: str) -> bool:
    """Returns whether a phrase stands in a text, not as a part of longer words."""
    return phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def holds_any(text: str, phrases: Iterable[str]) -> bool:
    """Returns whether one of several phrases stands in a text, as `holds` says it."""
    return any(holds(text, phrase) for phrase in phrases)


ATTACKS: Registry[type[Attack]] = Registry("attack")

AttackClass = TypeVar("AttackClass", bound=type[Attack])


def register(attack: AttackClass) -> AttackClass:
    """Returns the attack, after entering it in `ATTACKS` under its name.

    Raises:
        SettingsError: If it is no whole attack, or its name is taken.
    """
    refuse_incomplete(attack, Attack, ("name", "summary", "effect"))
    ATTACKS.add(attack.name, attack)
    return attack


def attack_named(name: str, *, where: str = "") -> type[Attack]:
    """Returns an attack by name; an error says where it was named.

    Raises:
        SettingsError: If there is none of that name.
    """
    return ATTACKS.named(name, where=where)
