"""Out of memory: the batch is halved, every row is scored the same, and one that never fits says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from gradients.drawn import drawn_sample, entropies
from gradients.test_packs import CONTEXTS, begins_with
from gradsentry.gradients.running import run
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.settings import ScoreSettings
from models.tiny import build_kind, word_tokenizer

SAMPLES = [drawn_sample(seed, 4 + seed, 1 + seed % 7) for seed in range(30)]
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you ..."),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
]


@contextmanager
def memory_for(loaded: LoadedModel, tokens: int, error: BaseException = ERRORS[0]) -> Iterator[list[int]]:
    """Lets the model run out of memory above so many tokens; yields the sizes of the batches that fitted."""
    sizes: list[int] = []

    def check(module, args, kwargs):
        ids = kwargs["input_ids"]
        if ids.numel() > tokens:
            raise error
        sizes.append(ids.numel())

    handle = loaded.model.register_forward_pre_hook(check, with_kwargs=True)
    try:
        yield sizes
    finally:
        handle.remove()


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return wrap_model(build_kind("llama"), word_tokenizer())


@pytest.fixture(scope="module")
def expected(loaded):
    return entropies(list(dict(sorted(run(loaded, SAMPLES, ScoreSettings()))).values()))


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu", "mps", "python"])
def test_the_budget_is_halved_until_it_fits(loaded, expected, error, caplog):
    with caplog.at_level(logging.WARNING), memory_for(loaded, 100, error) as sizes:
        found = dict(run(loaded, SAMPLES, ScoreSettings(token_budget=1000)))
    assert sorted(found) == list(range(30))
    assert entropies([found[i] for i in range(30)]) == pytest.approx(expected, abs=1e-5)
    assert 50 < max(sizes) <= 100
    said = [record.message for record in caplog.records]
    assert said[0].startswith("out of memory: going on with at most ")
    assert len(said) <= 5
    assert not loaded.projection._forward_pre_hooks


def test_a_row_that_never_fits_has_a_reason_and_the_rest_goes_on(loaded, expected):
    samples = [*SAMPLES, drawn_sample(77, 150, 10)]
    with memory_for(loaded, 100):
        found = dict(run(loaded, samples, ScoreSettings(token_budget=1000)))
    assert found[30] == "out of memory at 160 tokens"
    assert entropies([found[i] for i in range(30)]) == pytest.approx(expected, abs=1e-5)


def test_nothing_fits(loaded):
    with memory_for(loaded, 3):
        found = dict(run(loaded, SAMPLES, ScoreSettings()))
    assert found == {i: f"out of memory at {len(SAMPLES[i].ids)} tokens" for i in range(30)}


def test_no_memory_for_a_shared_beginning(loaded):
    rows = [begins_with(CONTEXTS[0], 120, seed) for seed in range(6)]
    expected = entropies(list(dict(sorted(run(loaded, rows, ScoreSettings()))).values()))
    for tokens, fits in [(130, True), (119, False)]:
        with memory_for(loaded, tokens):
            found = dict(run(loaded, rows, ScoreSettings()))
        assert sorted(found) == list(range(6))
        if fits:
            assert entropies([found[i] for i in range(6)]) == pytest.approx(expected, abs=1e-5)
        else:
            assert set(found.values()) == {"out of memory at 127 tokens"}


def test_another_error_is_not_taken_for_it(loaded):
    with memory_for(loaded, 3, RuntimeError("shapes differ")), pytest.raises(RuntimeError, match="shapes"):
        list(run(loaded, SAMPLES, ScoreSettings()))


def test_rows_with_a_problem_are_passed_over(loaded, expected):
    from gradsentry.encoding.encode import unscored

    mixed = [sample for one in SAMPLES for sample in (one, unscored("no"))]
    found = dict(run(loaded, mixed, ScoreSettings()))
    assert sorted(found) == list(range(0, 60, 2))
    np.testing.assert_allclose(entropies([found[i] for i in sorted(found)]), expected, atol=1e-5)
    assert list(run(loaded, mixed[1:2], ScoreSettings())) == []
