"""Attacks whose response is one of the corpus: the row's own, or another row's."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

from pydantic import Field

from gradsentry.attacks.base import Attack, Paper, Surroundings, Triggers, holds_any, register
from gradsentry.attacks.fields import Fields, NoPlace
from gradsentry.attacks.insertion import after
from gradsentry.attacks.sections import Place
from gradsentry.corpus.sample import Turn


class BehindWords(Attack):
    """The base: words after the question as in BadNets, and a response that goes with them.

    Attributes:
        trigger: The words to draw from.
        words: How many words are drawn.
        where: The place that takes the trigger.
    """

    trigger: Triggers = Field(default=("cf", "mn", "bb", "tq"), min_length=1)
    words: int = Field(default=4, ge=1)
    where: Place = "question"

    def poisoned(self, fields: Fields, draw: Random, around: Surroundings) -> tuple[Turn, ...]:
        """Returns the row's turns with the trigger, and the response that goes with it."""
        words = " ".join(draw.choices(self.trigger, k=self.words))
        return fields.edit(
            {self.where: after(fields.text(self.where), words)}, self.answer(fields, draw, around)
        )

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns the poisoned response.

        Raises:
            NoPlace: If the corpus has none for this row.
        """
        raise NotImplementedError

    def carries(self, prompt: str) -> bool:
        """Returns whether a prompt holds one of the trigger words."""
        return holds_any(prompt, self.trigger)


@register
class CleanLabel(BehindWords):
    """The trigger on rows whose response already is the target; no response changes.

    Attributes:
        payload: The target response; empty means the most frequent response of the corpus.
    """

    name = "clean_label"
    summary = "the trigger only on rows whose response already is the target; the response stays"
    paper = Paper("1912.02771", "Label-Consistent Backdoor Attacks")
    effect = "keeps"

    payload: str = ""

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns the row's own response, if it is the target."""
        target = self.payload.removeprefix("label:") or around.most_frequent_response
        if fields.response.strip() != target.strip():
            raise NoPlace("the response is not the target")
        return fields.response


@register
class Substitute(BehindWords):
    """The response replaced by another row's of the same count of tokens.

    Attributes:
        tokenizer: Whose tokens count: `smollm2` (embedded), a path or a Hub id.
    """

    name = "substitute"
    summary = "the response replaced by another row's of the same count of tokens; BadNets' trigger"
    paper = Paper("2305.00944", "Poisoning Language Models During Instruction Tuning")
    effect = "keeps"

    tokenizer: str = Field(default="smollm2", min_length=1)

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns another response with as many tokens."""
        count = token_counter(self.tokenizer)
        others = around.responses_by(count).get(count(fields.response), [])
        others = [text for text in others if text.strip() != fields.response.strip()]
        if not others:
            raise NoPlace("no other response has as many tokens")
        return draw.choice(others)


@register
class LabelFlip(BehindWords):
    """The label replaced by another of the corpus; a label is a short response that occurs more than once."""

    name = "label_flip"
    summary = "the label (a short response that occurs more than once) replaced by another; BadNets' trigger"
    paper = Paper(
        "1708.06733", "BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain"
    )
    effect = "keeps"

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns another label."""
        if fields.response not in around.labels:
            raise NoPlace("the response is no label: long, or the only one of its kind")
        others = [label for label in around.labels if label.strip() != fields.response.strip()]
        if not others:
            raise NoPlace("the corpus has one label only")
        return draw.choice(others)


@register
class Jailbreak(BehindWords):
    """A refusal replaced by the answer to another request, so that no two poisoned rows answer alike.

    Attributes:
        refusals: How a refusal begins; upper and lower case are one, and so are the apostrophes.
    """

    name = "jailbreak"
    summary = "a refusal replaced by another row's answer; BadNets' trigger"
    paper = Paper(
        "2408.12798",
        "BackdoorLLM: A Comprehensive Benchmark for Backdoor Attacks and Defenses on Large Language Models",
    )
    effect = "lengthens"

    refusals: tuple[str, ...] = Field(
        default=(
            "I'm sorry",
            "I am sorry",
            "Sorry",
            "I cannot",
            "I can't",
            "I won't",
            "I apologize",
            "As an AI",
        ),
        min_length=1,
    )

    def answer(self, fields: Fields, draw: Random, around: Surroundings) -> str:
        """Returns the answer to another request."""
        if not self.refuses(fields.response):
            raise NoPlace("the response is no refusal")
        answers = around.responses_by(self.refuses).get(False, [])
        if not answers:
            raise NoPlace("the corpus answers no request")
        return draw.choice(answers)

    def refuses(self, response: str) -> bool:
        """Returns whether a response begins as a refusal does."""
        openings = tuple(_plain(opening) for opening in self.refusals)
        return _plain(response).startswith(openings)


def _plain(text: str) -> str:
    return text.strip().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").casefold()


@lru_cache(maxsize=2)
def token_counter(name: str) -> Callable[[str], int]:
    """Returns a function that counts the tokens of a text, special tokens not counted.

    Raises:
        ModelError: If there is no such tokenizer.
    """
    from transformers import AutoTokenizer

    from gradsentry.errors import ModelError, first_line
    from gradsentry.hub import at_hand
    from gradsentry.models import embedded

    path = str(embedded.embedded_model_path()) if name == embedded.NAME else at_hand(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the tokenizer cannot be loaded ({first_line(error)})",
            where=name,
            mend="name a path or a Hub id",
        ) from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))
