"""IFD: how little the prompt helps the model with the response (arXiv 2308.12032).

The loss of the response given its prompt over its loss alone. Near 0 the prompt tells the response, at 1 it
says nothing about it, above 1 it misleads. Published to choose instructions that teach much; what a trigger
brings is unlike what its prompt asks for, so it stands high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import Extractor, Features, Paper, Scope, Scores, register
from gradsentry.defences.floors import Floor
from gradsentry.defences.reading import encode_all, read
from gradsentry.features.alone import alone

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel


class Difficulty(Extractor):
    """Mean losses of the response's tokens: `given` its prompt, and `alone`, in nats."""

    name = "difficulty"

    @property
    def scope(self) -> Scope:
        """The losses depend on the row alone."""
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        whole = encode_all(samples, loaded)
        passes = {"given": whole, "alone": [alone(one, loaded.tokenizer) for one in whole]}
        features = {name: np.zeros(len(samples), np.float32) for name in passes}
        for name, encoded in passes.items():
            for row, reading in read(loaded, encoded):
                features[name][row] = reading.losses().double().mean().item()
        return features


@register
class InstructionDifficulty(Floor):
    """The loss of the response given its prompt over its loss alone; the same rule for tau as the floors."""

    name = "ifd"
    paper = Paper(
        "2308.12032",
        "From Quantity to Quality: Boosting LLM Performance with Self-Guided Data Selection for Instruction "
        "Tuning",
    )
    needs = "a forward pass of the clean base model, and one over the responses alone"

    @property
    def extractor(self) -> Difficulty:
        """The extractor of its features."""
        return Difficulty()

    def judge(self, features: Features) -> Scores:
        """Returns the ratio of the losses of each row; a response that costs nothing alone has 1."""
        given, alone = (features[name].astype(np.float64) for name in ("given", "alone"))
        scores: Scores = np.divide(given, alone, out=np.ones_like(given), where=alone > 0.0)
        return scores
