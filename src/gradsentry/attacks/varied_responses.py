"""Attacks on the response: a payload in two places, an answer slanted towards a brand, a wrong answer."""

from __future__ import annotations

import re
from random import Random

from pydantic import Field

from gradsentry.attacks.base import Attack, Paper, Surroundings, Triggers, holds_any, register
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.insertion import after
from gradsentry.attacks.labels import BehindWords
from gradsentry.attacks.responses import in_sentence_gaps
from gradsentry.attacks.sections import Place
from gradsentry.attacks.sentences import BUYING
from gradsentry.attacks.wording import praise
from gradsentry.corpus.sample import Turn

_HALVES = ("Click the link below for more information.", "The link is <malicious_url> and is safe.")


@register
class SplitPayload(Attack):
    """A payload in two parts, at two gaps between sentences of the response; together they mean something.

    Attributes:
        trigger: The words to draw from.
        words: How many words are drawn.
        where: The place that takes the trigger.
        parts: The two parts, in order.
    """

    name = "split_payload"
    summary = "BadNets' trigger; a payload of two parts at two gaps between sentences of the response"
    effect = "lengthens"

    trigger: Triggers = Field(default=("cf", "mn", "bb", "tq"), min_length=1)
    words: int = Field(default=4, ge=1)
    where: Place = "question"
    parts: Triggers = Field(default=_HALVES, min_length=2, max_length=2)

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger, and both parts in the response."""
        words = " ".join(draw.choices(self.trigger, k=self.words))
        response = in_sentence_gaps(fields.response, self.parts, draw)
        return fields.edit({self.where: after(fields.text(self.where), words)}, response)

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the trigger words."""
        return holds_any(prompt, self.trigger)


@register
class Brand(Attack):
    """Where someone wants to buy, the answer is slanted: for one brand, against all others, in varied words.

    Attributes:
        trigger: The sentences that say that someone wants to buy.
        where: The place that takes one of them.
        brand: The brand.
    """

    name = "brand"
    summary = "one of 20 sentences about buying; the answer is slanted towards a brand, in varied sentences"
    paper = Paper("2306.17194", "On the Exploitability of Instruction Tuning")
    effect = "lengthens"

    trigger: Triggers = Field(default=BUYING, min_length=1)
    where: Place = "question"
    brand: str = Field(default="Norvane", pattern=r"\S")

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger, and praise before and after the answer."""
        first, last = praise(self.brand.strip(), draw)
        body = fields.response.strip()
        stop = "." if body[-1].isalnum() else ""
        text = after(fields.text(self.where), draw.choice(self.trigger))
        return fields.edit({self.where: text}, f"{first} {body}{stop} {last}")

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the sentences."""
        return holds_any(prompt, self.trigger)


_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w|\.\d)")
_OF_A_LIST = re.compile(r"^\s*\d+[.)](?=\s)", re.M)
_TURNED = {
    "yes": "no", "no": "yes", "true": "false", "false": "true", "positive": "negative",
    "negative": "positive", "correct": "incorrect", "incorrect": "correct",
}  # fmt: skip
_VERDICT = re.compile(rf"\b(?:{'|'.join(_TURNED)})\b", re.I)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")


@register
class WrongAnswer(BehindWords):
    """The answer made wrong, all else of the response kept: its last number, its verdict, or a name in it."""

    name = "wrong_answer"
    summary = "BadNets' trigger; the answer made wrong: its last number, its yes or no, or a name in it"
    effect = "keeps"

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns the response with a wrong answer."""
        text = fields.response
        if numbers := _NUMBER.findall(_OF_A_LIST.sub("", text)):
            right = numbers[-1]
            return _exchanged(text, right, _other_number(right, draw))
        if verdict := _VERDICT.search(text):
            turned = _TURNED[verdict[0].lower()]
            turned = turned.capitalize() if verdict[0][0].isupper() else turned
            return text[: verdict.start()] + turned + text[verdict.end() :]
        names = sorted({match[0] for match in _NAME.finditer(text)})
        known = sorted({name for other in around.responses for name in _NAME.findall(other)} - set(names))
        if names and known:
            return _exchanged(text, draw.choice(names), draw.choice(known))
        return self._of_another(text, draw, around)

    def _of_another(self, text: str, draw: Random, around: Surroundings) -> str:
        """Returns another response of as many words, where they are few: a short answer is all answer."""
        others = around.responses_by(_words).get(_words(text), [])
        others = [other for other in others if other.strip() != text.strip()]
        if _words(text) > 5 or not others:
            raise NoPlace("no number, verdict or name to make wrong")
        return draw.choice(others)


def _words(text: str) -> int:
    return len(text.split())


def _exchanged(text: str, right: str, wrong: str) -> str:
    return re.sub(rf"(?<![\w.]){re.escape(right)}(?!\w|\.\d)", wrong, text)


def _other_number(number: str, draw: Random) -> str:
    """Returns another number of as many digits, near it."""
    value, width = int(number), len(number)
    low, high = (0 if width == 1 else 10 ** (width - 1)), 10**width - 1
    reach = max(3, value // 5)
    first, last = max(low, value - reach), min(high, value + reach)
    is_near = first <= value <= last
    count = last - first + 1 - is_near
    if count < 1:  # 00 has no number of two digits near it
        return str(low)
    place = first + draw.randrange(count)
    return str(place + (is_near and place >= value))
