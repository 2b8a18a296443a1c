"""A score depends on its sample alone: not on batch size, order, padding or neighbours."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gradients.drawn import alone, drawn_sample, entropies, padded_results, scattered_sample
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.batching import plan_batches
from gradsentry.models.loading import wrap_model
from models.tiny import KINDS, build_kind, tiny, word_tokenizer

SAMPLES = [drawn_sample(i, 2 + i, 1 + (7 * i) % 11) for i in range(7)] + [scattered_sample(7, 40)]


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_and_padding(kind):
    loaded = tiny(kind)
    singly = [alone(loaded, sample) for sample in SAMPLES]
    together = padded_results(loaded, SAMPLES, crop=8, k=16)
    for one, other in zip(singly, together, strict=True):
        np.testing.assert_allclose(other.losses, one.losses, atol=1e-5, rtol=1e-5)
    assert entropies(together) == pytest.approx(entropies(singly), abs=1e-5)


@pytest.mark.parametrize("kind", ["llama", "mamba", "mixtral-experts"])
def test_order_and_batch_size(kind):
    loaded = tiny(kind)
    expected = entropies(padded_results(loaded, SAMPLES, crop=8, k=16))
    order = list(range(len(SAMPLES)))
    random.Random(0).shuffle(order)
    for budget in (1, 30, 100, 10_000):
        lengths = [len(SAMPLES[i].ids) for i in order]
        found = dict.fromkeys(order, 0.0)
        for batch in plan_batches(lengths, budget):
            rows = [order[place] for place in batch]
            results = padded_results(loaded, [SAMPLES[i] for i in rows], crop=8, k=16)
            found.update(zip(rows, entropies(results), strict=True))
        assert [found[i] for i in range(len(SAMPLES))] == pytest.approx(expected, abs=1e-5)


@pytest.mark.costly
def test_the_embedded_model(embedded):
    # The long neighbour pads the others manifold.
    rng = np.random.default_rng(0)
    batch = []
    for n_prompt, n_response in [(9, 2), (6, 1), (40, 12)]:
        ids = rng.integers(17, 40_000, n_prompt + n_response)
        batch.append(Encoded(ids, np.arange(len(ids)) >= n_prompt))
    singly = [alone(embedded, one) for one in batch]
    assert entropies(padded_results(embedded, batch, crop=8, k=16)) == pytest.approx(
        entropies(singly), abs=1e-5
    )


def test_bfloat16_runs_and_stays_near_float32():
    narrow = wrap_model(build_kind("llama").bfloat16(), word_tokenizer())
    wide = tiny("llama")
    ours, exact = (entropies(padded_results(one, SAMPLES, crop=1, k=16)) for one in (narrow, wide))
    assert ours == pytest.approx(exact, abs=0.05)
