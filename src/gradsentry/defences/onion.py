"""ONION: words whose removal makes a prompt much more fluent (arXiv 2011.10369)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import Detector, Extractor, Features, Flags, Paper, Scope, Scores, register
from gradsentry.defences.reading import MAX_LENGTH, read
from gradsentry.defences.wording import Wording, wordings
from gradsentry.encoding.encode import Encoded

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel


class LargestDrop(Extractor):
    """How much perplexity the one word takes away whose removal takes away most: `drop`.

    Attributes:
        words: How many of a prompt's last words are tried.
    """

    name = "largest_drop"

    words: int = 40

    @property
    def scope(self) -> Scope:
        """What is a template is seen by comparing the rows."""
        return "pool"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        drops = word_drops(wordings(samples), loaded, self.words)
        return {"drop": np.array([max(row, default=0.0) for row in drops])}


def word_drops(prompts: Sequence[Wording], loaded: LoadedModel, words: int) -> list[list[float]]:
    """Returns for the last words of each prompt how much its perplexity falls without each.

    The perplexity is that of the prompt's own words behind its template. A prompt of one word has none to
    spare, and an empty list.
    """
    texts: list[Encoded] = []
    spans: list[range] = []
    for prompt in prompts:
        start = len(texts)
        if len(prompt.words) > 1:
            first = max(0, len(prompt.words) - words)
            variants = [prompt.words, *(_without(prompt.words, i) for i in range(first, len(prompt.words)))]
            texts += [_encode(prompt.before, variant, loaded) for variant in variants]
        spans.append(range(start, len(texts)))
    perplexity = np.zeros(len(texts))
    for index, reading in read(loaded, texts):
        perplexity[index] = math.exp(min(float(reading.losses().mean()), 700.0))
    return [[float(perplexity[span[0]] - perplexity[i]) for i in span[1:]] for span in spans]


def _without(words: tuple[str, ...], index: int) -> tuple[str, ...]:
    return words[:index] + words[index + 1 :]


def _encode(before: str, words: Sequence[str], loaded: LoadedModel) -> Encoded:
    """Returns the words behind their template, the loss on the words alone."""
    tokenizer = loaded.tokenizer
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    template = [start, *tokenizer(before, add_special_tokens=False)["input_ids"]]
    own = tokenizer("".join(words), add_special_tokens=False)["input_ids"]
    trained = np.repeat([False, True], [len(template), len(own)])[-MAX_LENGTH:]
    trained[0] = False
    return Encoded(np.array([*template, *own][-MAX_LENGTH:], np.int64), trained)


@register
class Onion(Detector):
    """The largest drop of a prompt's perplexity that the removal of one word brings.

    The paper measures with GPT-2 and tunes the bar on clean data; here the model is the one that is to be
    fine-tuned.

    Attributes:
        bar: In units of perplexity; a word above it is taken for a trigger.
        words: How many of a prompt's last words are tried.
    """

    name = "onion"
    paper = Paper("2011.10369", "ONION: A Simple and Effective Defense Against Textual Backdoor Attacks")
    needs = "a forward pass for each word of a prompt, and a trigger that reads badly"

    bar: float = 50.0
    words: int = 40

    @property
    def extractor(self) -> LargestDrop:
        """The extractor of its features."""
        return LargestDrop(words=self.words)

    def judge(self, features: Features) -> Scores:
        """Returns the largest drop of each row."""
        return features["drop"].astype(np.float64)

    def decide(self, scores: Scores) -> Flags:
        """Returns which rows hold a word above the bar."""
        flags: Flags = np.nan_to_num(scores, nan=-np.inf) > self.bar
        return flags

    def purify(self, samples: Sequence[Sample], loaded: LoadedModel) -> list[Sample]:
        """Returns the rows with the words above the bar taken out of their prompts, as published."""
        prompts = wordings(samples)
        return [
            _purified(prompt, drops, self.bar)
            for prompt, drops in zip(prompts, word_drops(prompts, loaded, self.words), strict=True)
        ]


def _purified(prompt: Wording, drops: Sequence[float], bar: float) -> Sample:
    untried = len(prompt.words) - len(drops)
    tried = zip(prompt.words[untried:], drops, strict=True)
    return prompt.with_words([*prompt.words[:untried], *(word for word, drop in tried if drop <= bar)])
