"""STRIP: predictions that do not move when the input is mixed with others (arXiv 1902.06531)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from gradsentry.corpus import open_corpus
from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import Detector, Extractor, Features, Flags, Paper, Scope, Scores, register
from gradsentry.defences.reading import encode_all, read
from gradsentry.defences.tuning import LoraSettings, tuned
from gradsentry.defences.wording import wordings
from gradsentry.embedded import embedded_data_path

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel


class MixedEntropy(Extractor):
    """The entropy of the response's predictions under mixed prompts, mean over mixes and tokens: `entropy`.

    Attributes:
        mixes: How often each prompt is mixed with a clean one.
        share: Of its words that are exchanged.
        lora: How the model is trained first.
        seed: Of the mixes.
    """

    name = "mixed_entropy"

    mixes: int = Field(default=8, ge=1)
    share: float = Field(default=0.5, gt=0.0, le=1.0)
    lora: LoraSettings = LoraSettings(epochs=0)
    seed: int = 0

    @property
    def scope(self) -> Scope:
        """Without training, what is a template is seen by comparing the rows."""
        return "mix" if self.lora.epochs else "pool"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        model = tuned(loaded, samples, self.lora)
        sums = np.zeros((len(samples), self.mixes))
        for index, reading in read(model, encode_all(self._mixed(samples), model)):
            sums[divmod(index, self.mixes)] = float(reading.entropies().mean())
        return {"entropy": sums.mean(axis=1)}

    def _mixed(self, samples: Sequence[Sample]) -> list[Sample]:
        """Returns so many mixed rows for each row, one after another."""
        clean = [sample.prompt.split() for sample in open_corpus(embedded_data_path())]
        mixed: list[Sample] = []
        for prompt in wordings(samples):
            draw = Random(f"{self.seed}/{''.join(prompt.words)}")
            for _ in range(self.mixes):
                other = draw.choice(clean)
                words = list(prompt.words)
                count = max(1, round(self.share * len(words)))
                for place in draw.sample(range(len(words)), min(count, len(words))):
                    words[place] = " " + draw.choice(other)
                mixed.append(prompt.with_words(words))
        return mixed


@register
class Strip(Detector):
    """Low entropy of the response's predictions when half of the prompt's words come from clean prompts.

    Adapted to generation: the response is given, and the entropy is that of the next-token predictions along
    it. The clean prompts are those of the embedded data. The paper looks at a trained model, and sets the bar
    by clean inputs; here the model is the clean base model unless `epochs` says otherwise, and the bar is set
    by the median and the median deviation of all rows.

    Attributes:
        mixes: How often each prompt is mixed.
        false_rejection: The share of clean rows that may be flagged, were their entropies normal.
        epochs: Of LoRA on the suspect data first.
    """

    name = "strip"
    paper = Paper("1902.06531", "STRIP: A Defence Against Trojan Attacks on Deep Neural Networks")
    needs = "a forward pass for each mix, clean prompts, and a model that has learned the backdoor"

    mixes: int = Field(default=8, ge=1)
    false_rejection: float = Field(default=0.01, gt=0.0, lt=1.0)
    epochs: int = Field(default=0, ge=0)

    @property
    def extractor(self) -> MixedEntropy:
        """The extractor of its features."""
        return MixedEntropy(mixes=self.mixes, lora=LoraSettings(epochs=self.epochs))

    def judge(self, features: Features) -> Scores:
        """Returns the entropies, negated: the low ones are suspicious."""
        return -features["entropy"].astype(np.float64)

    def decide(self, scores: Scores) -> Flags:
        """Returns which rows lie further above the median than clean rows may."""
        middle = np.nanmedian(scores)
        deviation = 1.4826 * np.nanmedian(np.abs(scores - middle))
        bar = middle + NormalDist().inv_cdf(1.0 - self.false_rejection) * deviation
        flags: Flags = np.nan_to_num(scores, nan=-np.inf) > bar
        return flags
