"""The fast path against autograd and a full SVD, on every architecture and on drawn shapes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradients.drawn import drawn_sample, entropies, padded_results, scattered_sample
from gradsentry.corpus.sample import Sample, Turn
from gradsentry.encoding.encode import Encoded, encode
from gradsentry.gradients.reference import reference_entropy, reference_gradient, reference_spectrum
from gradsentry.gradients.windows import WIDTH
from gradsentry.models.loading import LoadedModel, wrap_model
from models.tiny import KINDS, build, tiny, word_tokenizer

WHOLE, TINY = 1 << 25, 50
HELD = (WHOLE, 300, 0)  # all of D, some samples of it, none
SAMPLES = [
    drawn_sample(0, 4, 1),
    drawn_sample(1, 5, 4),
    drawn_sample(2, 1, 9),
    drawn_sample(3, 8, 45),
    scattered_sample(4, 30),
]


def reference_losses(loaded: LoadedModel, encoded: Encoded) -> np.ndarray:
    with torch.no_grad():
        logits = loaded.model(input_ids=torch.from_numpy(encoded.ids)[None]).logits[0, :-1]
    losses = torch.nn.functional.cross_entropy(logits, torch.from_numpy(encoded.ids[1:]), reduction="none")
    return losses.numpy()[encoded.trained[1:]]


def check(
    loaded: LoadedModel,
    batch: list[Encoded],
    *,
    crops: Sequence[int],
    k: int,
    blocks: Sequence[int],
    error: float = 1e-5,
) -> None:
    """Compares every sample of a batch with the reference, for each region and size of block.

    The error is what float32 may lose in losses and singular values; entropies agree within 1e-5 anyhow.
    """
    gradients = [reference_gradient(loaded, encoded) for encoded in batch]
    losses = [reference_losses(loaded, encoded) for encoded in batch]
    for crop in crops:
        expected = [reference_spectrum(gradient, crop=crop, k=k) for gradient in gradients]
        for block, held in product(blocks, HELD):
            results = padded_results(loaded, batch, crop=crop, k=k, block=block, held=held)
            for result, values, per_token in zip(results, expected, losses, strict=True):
                assert result.values.shape == (k,)
                np.testing.assert_allclose(result.values, values, atol=error * max(values[0], 1e-6))
                assert entropies([result])[0] == pytest.approx(reference_entropy(values), abs=1e-5)
                np.testing.assert_allclose(result.losses, per_token, atol=error, rtol=1e-5)
            if block == blocks[0]:
                for encoded, result, per_token in zip(batch, results, losses, strict=True):
                    check_window(loaded, encoded, result, per_token, crop=crop, k=k, error=error)


def check_window(loaded, encoded, result, losses, *, crop, k, error):
    """Compares the window with the costliest of all, and its values with those of its loss alone."""
    first, last = result.window
    means = [losses[at : at + WIDTH].mean() for at in range(max(len(losses) - WIDTH, 0) + 1)]
    assert last - first == min(WIDTH, len(losses))
    assert losses[first:last].mean() == pytest.approx(max(means), abs=2e-3)
    only = np.zeros_like(encoded.trained)
    only[np.flatnonzero(encoded.trained)[first:last]] = True
    values = reference_spectrum(reference_gradient(loaded, Encoded(encoded.ids, only)), crop=crop, k=k)
    np.testing.assert_allclose(result.window_values, values, atol=error * max(values[0], 1e-6))


@pytest.mark.costly
@pytest.mark.parametrize("kind", KINDS)
def test_each_architecture(kind):
    check(tiny(kind), SAMPLES, crops=[1, 3, 8], k=16, blocks=[WHOLE, TINY])


@pytest.mark.costly
@given(
    vocabulary=st.integers(13, 200),
    heads=st.integers(1, 4),
    n_prompt=st.integers(1, 20),
    n_response=st.integers(1, 60),
    crop=st.integers(1, 12),
    k=st.integers(2, 24),
    block=st.sampled_from([1, 7, 200, 5000, WHOLE]),
    tied=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=20, deadline=None)
def test_drawn_shapes(vocabulary, heads, n_prompt, n_response, crop, k, block, tied, seed):
    model = build(
        "llama",
        seed=seed,
        vocab_size=vocabulary,
        hidden_size=12 * heads,
        num_attention_heads=heads,
        num_hidden_layers=1,
        intermediate_size=20,
        tie_word_embeddings=tied,
    )
    loaded = wrap_model(model, word_tokenizer(vocabulary))
    sample = drawn_sample(seed, n_prompt, n_response)
    sample = Encoded(sample.ids % vocabulary, sample.trained)
    check(loaded, [sample], crops=[crop], k=k, blocks=[block])


@pytest.mark.parametrize("crop", [40, 1000])
def test_a_region_without_a_row_or_column_has_a_spectrum_of_zeros(crop):
    for block in (1, WHOLE):
        results = padded_results(tiny("llama"), SAMPLES, crop=crop, k=4, block=block)
        assert not any(result.values.any() for result in results)


@pytest.mark.costly
@pytest.mark.parametrize("crop", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_the_embedded_model(embedded, crop):
    pairs = [
        ("Name three primes.", "2; 3; 5"),
        (
            "Why is the sky blue?",
            "Air scatters short waves more than long ones, so blue comes from all sides.",
        ),
    ]
    batch = []
    for number, (prompt, response) in enumerate(pairs):
        turns = (Turn("user", prompt, False), Turn("assistant", response, True))
        sample = Sample(number, number, turns, conversational=True, row={})
        batch.append(encode(sample, embedded.tokenizer, max_length=256))
    check(embedded, batch, crops=[crop], k=16, blocks=[WHOLE], error=1e-4)


def test_tied_weights_get_the_output_projections_share():
    loaded, sample = tiny("llama-tied"), SAMPLES[1]
    untied = build("llama", intermediate_size=48, num_key_value_heads=1, tie_word_embeddings=False)
    state = loaded.model.state_dict()
    untied.load_state_dict(state)
    apart = wrap_model(untied, loaded.tokenizer)
    assert (loaded.tied, apart.tied) == (True, False)
    ours, theirs = (padded_results(one, [sample], crop=1, k=16)[0] for one in (loaded, apart))
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-7)


@pytest.mark.parametrize("where", ["lm_head.weight", "model.layers.0.mlp.up_proj.weight"])
def test_weights_that_stop_being_finite_give_values_that_are_not(where):
    loaded = wrap_model(build("llama", intermediate_size=48, tie_word_embeddings=False), word_tokenizer())
    with torch.no_grad():
        loaded.model.get_parameter(where)[2, 2] = torch.nan
    for crop in (1, 8):
        for block in (WHOLE, TINY):
            for result in padded_results(loaded, SAMPLES, crop=crop, k=16, block=block):
                assert not np.isfinite(result.losses).any()
                assert not np.isfinite(result.values[0])


def test_scoring_leaves_the_model_as_it_was():
    loaded = tiny("llama")
    before = {name: weight.clone() for name, weight in loaded.model.state_dict().items()}
    padded_results(loaded, SAMPLES, crop=8, k=16)
    reference_gradient(loaded, SAMPLES[0])
    assert all(torch.equal(before[name], weight) for name, weight in loaded.model.state_dict().items())
    assert not loaded.projection._forward_pre_hooks
    assert all(weight.grad is None for weight in loaded.model.parameters())


def test_hooks_are_taken_off_when_the_model_raises():
    loaded = tiny("llama")
    wrong = Encoded(np.array([1, 10**6]), np.array([False, True]))
    with pytest.raises(IndexError):
        padded_results(loaded, [wrong], crop=8, k=16)
    assert not loaded.projection._forward_pre_hooks
