"""Hidden states of a model that was trained on the suspect data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import Extractor, Features, Scope
from gradsentry.defences.reading import encode_all, read
from gradsentry.defences.tuning import LoraSettings, tuned

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel


class TunedStates(Extractor):
    """Last-layer states of the last prompt token after fine-tuning: `state`, [d].

    Attributes:
        lora: How the model is trained.
    """

    name = "tuned_states"

    lora: LoraSettings = LoraSettings()

    @property
    def scope(self) -> Scope:
        """The model is trained on exactly these rows."""
        return "mix"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        model = tuned(loaded, samples, self.lora)
        states = np.zeros((len(samples), loaded.head.weight.shape[1]), np.float32)
        for row, reading in read(model, encode_all(samples, model)):
            states[row] = reading.states[0].cpu().numpy()
        return {"state": states}
