"""Encoded samples of random token ids, and how two results are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.head import HeadResult, head_results
from gradsentry.gradients.reference import reference_entropy
from gradsentry.gradients.running import Result
from gradsentry.gradients.states import padded_states
from gradsentry.models.loading import LoadedModel
from models.tiny import VOCABULARY


def drawn_sample(seed: int, n_prompt: int, n_response: int) -> Encoded:
    """Returns a sample with its response behind its prompt."""
    rng = np.random.default_rng(seed)
    trained = np.arange(n_prompt + n_response) >= n_prompt
    return Encoded(rng.integers(3, VOCABULARY, len(trained)), trained)


def scattered_sample(seed: int, length: int) -> Encoded:
    """Returns a sample with several responses, as in a dialogue."""
    rng = np.random.default_rng(seed)
    trained = rng.random(length) < 0.4
    trained[0], trained[-1] = False, True
    return Encoded(rng.integers(3, VOCABULARY, length), trained)


def padded_results(loaded: LoadedModel, batch: list[Encoded], **options: int) -> list[HeadResult]:
    """Returns the results of one padded batch; the options are those of `head_results`."""
    return head_results(
        loaded.head, batch, padded_states(loaded, batch).wanted, **{"crop": 8, "k": 16, **options}
    )


def alone(loaded: LoadedModel, encoded: Encoded) -> HeadResult:
    """Returns the result of a sample that runs by itself."""
    return padded_results(loaded, [encoded])[0]


def entropies(results: Sequence[HeadResult | Result]) -> list[float]:
    heads = [one.head if isinstance(one, Result) else one for one in results]
    return [reference_entropy(head.values) for head in heads]
