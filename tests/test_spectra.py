"""Singular values by two routes against numpy's SVD of G, and their entropy.

The accuracy is what `spectra` states: beside the largest singular value a few sqrt(eps) of float64.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gradsentry import spectra
from gradsentry.gradients.reference import reference_entropy

ACCURACY = 2e-7
K = 16


@st.composite
def factors(draw):
    """Factors D [T, V] and A [T, d]: full or deficient rank, repeated rows, zeros, any scale."""
    tokens = draw(st.integers(1, 40))
    rows, columns = draw(st.integers(1, 60)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["full", "deficient", "repeated", "zero", "steep"]))
    D, A = rng.normal(size=(tokens, rows)), rng.normal(size=(tokens, columns))
    if kind == "deficient":
        rank = draw(st.integers(1, 3))
        A = rng.normal(size=(tokens, rank)) @ rng.normal(size=(rank, columns))
    if kind == "repeated":
        D, A = np.repeat(D[:1], tokens, 0), np.repeat(A[:1], tokens, 0)
    if kind == "zero":
        D = np.zeros_like(D)
    if kind == "steep":
        D *= np.logspace(0, -8, tokens)[:, None]
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    scale = 10.0 ** draw(st.integers(-12, 12))
    return torch.tensor(D * scale).to(dtype), torch.tensor(A).to(dtype)


def truth(D, A):
    G = D.double().numpy().T @ A.double().numpy() / D.shape[0]
    values = np.linalg.svd(G, compute_uv=False)[:K]
    return np.pad(values, (0, K - len(values)))


ROUTES = {
    "gram": lambda D, A, k: spectra.gram_values(spectra.gram(D), A, k),
    "product": lambda D, A, k: spectra.root_values(spectra.product_gram(D, A), len(D), k),
    "chosen": spectra.singular_values,
}


@pytest.mark.parametrize("route", ROUTES)
@given(drawn=factors())
@settings(max_examples=80, deadline=None)
def test_a_route_equals_the_svd_of_the_gradient(route, drawn):
    values = ROUTES[route](*drawn, K).numpy()
    expected = truth(*drawn)
    assert values.shape == (K,)
    assert values.dtype == np.float64
    assert (np.diff(values) <= 0).all()
    assert np.abs(values - expected).max() <= ACCURACY * expected[0]


@given(st.lists(st.integers(1, 45), min_size=1, max_size=12), st.integers(1, 60), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_samples_together_are_samples_alone(counts, rows, columns):
    generator = torch.manual_seed(sum(counts))
    D = torch.randn(sum(counts), rows, generator=generator)
    A = torch.randn(sum(counts), columns, generator=generator)
    together = spectra.sample_values(D, A, counts, K).numpy()
    for values, part_D, part_A in zip(together, D.split(counts), A.split(counts), strict=True):
        expected = truth(part_D, part_A)
        assert np.abs(values - expected).max() <= ACCURACY * expected[0]


def test_many_samples_are_parted_where_they_are_too_large_to_hold(monkeypatch):
    monkeypatch.setattr(spectra, "_CPU_NUMBERS", 200)
    D, A = torch.randn(60, 9, generator=torch.manual_seed(0)), torch.randn(60, 4)
    values = spectra.sample_values(D, A, [20, 1, 19, 20], K)
    for start, stop, found in [(0, 20, 0), (20, 21, 1), (21, 40, 2), (40, 60, 3)]:
        np.testing.assert_allclose(values[found], truth(D[start:stop], A[start:stop]), atol=1e-6)


def test_a_sample_that_is_not_finite_leaves_those_beside_it_alone():
    D, A = torch.randn(12, 9, generator=torch.manual_seed(0)), torch.randn(12, 4)
    D[5] = math.nan
    values = spectra.sample_values(D, A, [4, 4, 4], K)
    assert values[1].isnan().any()
    np.testing.assert_allclose(values[0], truth(D[:4], A[:4]), atol=1e-6)
    np.testing.assert_allclose(values[2], truth(D[8:], A[8:]), atol=1e-6)


@given(drawn=factors())
@settings(max_examples=100, deadline=None)
def test_entropy_by_the_chosen_route_equals_that_of_the_svd(drawn):
    expected = truth(*drawn)
    assume(expected[0] > 1e-3)  # the clamp at 1e-12 stays below what is compared
    ours = float(spectra.entropy(spectra.singular_values(*drawn, K)))
    assert ours == pytest.approx(reference_entropy(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("tokens", "rows", "columns"), [(1, 50, 20), (20, 50, 20), (300, 50, 20), (300, 5, 2)]
)
def test_short_and_long_responses(tokens, rows, columns):
    rng = np.random.default_rng(0)
    D = torch.tensor(rng.normal(size=(tokens, rows)), dtype=torch.float32)
    A = torch.tensor(rng.normal(size=(tokens, columns)), dtype=torch.float32)
    np.testing.assert_allclose(spectra.singular_values(D, A, K).numpy(), truth(D, A), atol=1e-8)


def test_one_token_has_one_singular_value_and_no_entropy():
    values = spectra.singular_values(torch.ones(1, 9), torch.ones(1, 4), K)
    assert values[0] == pytest.approx(6.0)
    assert (values[1:] == 0).all()
    assert float(spectra.entropy(values)) < 1e-9


def test_gram_is_summed_over_blocks_of_columns():
    D, A = torch.randn(7, 31, generator=torch.manual_seed(0)), torch.randn(7, 5)
    K_blocks = spectra.gram(D[:, :20]) + spectra.gram(D[:, 20:])
    torch.testing.assert_close(
        spectra.gram_values(K_blocks, A, K), spectra.singular_values(D, A, K), atol=1e-9, rtol=0
    )


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 9, 0), (9, 2, 0)])
def test_an_empty_region_has_a_spectrum_of_zeros(route, shape):
    tokens, rows, columns = shape
    values = ROUTES[route](torch.ones(tokens, rows), torch.ones(tokens, columns), K)
    assert (values == torch.zeros(K)).all()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("tokens", [1, 3, 12, 90])
def test_factors_that_are_not_finite_give_values_that_are_not(route, bad, tokens):
    D = torch.ones(tokens, 8)
    D[0, 3] = bad
    values = ROUTES[route](D, torch.ones(tokens, 6), K)
    assert values.shape == (K,)
    assert not values[0].isfinite()


spectrum = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=2, max_size=32)


@given(spectrum)
def test_entropy_stands_in_the_unit_interval_and_equals_the_definition(values):
    ours = float(spectra.entropy(torch.tensor(values)))
    assert 0.0 <= ours <= 1.0
    assert ours == pytest.approx(reference_entropy(np.float32(values)), abs=1e-9)


@given(st.lists(st.floats(1e-3, 1.0), min_size=2, max_size=32), st.floats(1e-3, 1e9))
def test_entropy_does_not_depend_on_the_scale(values, scale):
    s = torch.tensor(values, dtype=torch.float64)
    assert float(spectra.entropy(s * scale)) == pytest.approx(float(spectra.entropy(s)), abs=1e-9)


def test_entropy_of_a_flat_spectrum_is_one_and_of_a_single_value_zero():
    assert float(spectra.entropy(torch.full((K,), 3.0))) == pytest.approx(1.0)
    assert float(spectra.entropy(torch.eye(K)[0])) < 1e-9


def test_entropy_clamps_zeros_so_a_spectrum_of_zeros_is_flat():
    assert float(spectra.entropy(torch.zeros(K))) == pytest.approx(1.0)
    zeros, floored = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1e-12])
    assert float(spectra.entropy(zeros)) == float(spectra.entropy(floored)) > 0.0


def test_entropy_runs_over_the_last_axis():
    batch = torch.rand(3, K, generator=torch.manual_seed(0))
    assert spectra.entropy(batch).tolist() == [float(spectra.entropy(row)) for row in batch]


@given(factors())
@settings(max_examples=80, deadline=None)
def test_token_shares_are_the_terms_of_the_singular_values(drawn):
    D, A = drawn
    left, values, right = np.linalg.svd(D.double().numpy().T @ A.double().numpy() / D.shape[0])
    values = values[:4]
    shares = spectra.token_shares(spectra.gram(D), A, 4).numpy()
    if values[0] == 0.0:
        assert np.isnan(shares).all()
        return
    assume(values[-1] > 1e-4 * values[0] or (values > 1e-9 * values[0]).sum() == 1)
    gaps = np.linalg.svd(D.double().numpy().T @ A.double().numpy(), compute_uv=False)[3:5]
    assume(len(gaps) < 2 or gaps[0] > 1.05 * gaps[1])  # else the fourth direction is any of two
    kept = values > 1e-7 * values[0]
    terms = np.stack(
        [(D.double().numpy() @ left[:, i]) * (A.double().numpy() @ right[i]) for i in np.flatnonzero(kept)]
    )
    np.testing.assert_allclose(shares, terms.sum(0) / D.shape[0] / values[kept].sum(), atol=1e-5)
    assert shares.sum() == pytest.approx(1.0, abs=1e-6)
