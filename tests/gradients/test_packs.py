"""Packs: every row runs once, nothing is shared that differs or predicts, and the scores are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradients.drawn import drawn_sample, entropies, scattered_sample
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.head import HeadResult
from gradsentry.gradients.packing import beginning, common_length, walk
from gradsentry.gradients.reference import reference_entropy, reference_gradient, reference_spectrum
from gradsentry.gradients.running import Result, run
from gradsentry.models.families import Sharing
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.models.packed_attention import attend
from gradsentry.settings import ScoreSettings
from models.tiny import KINDS, VOCABULARY, build, build_kind, tiny, word_tokenizer

PADDED = ["gemma2-softcap", "mamba"]


def encoded(ids, n_prompt: int) -> Encoded:
    return Encoded(np.array(ids, np.int64), np.arange(len(ids)) >= n_prompt)


def begins_with(stem: Encoded, length: int, seed: int, n_response: int = 4) -> Encoded:
    """Returns a row that shares so many first tokens with another one."""
    own = np.random.default_rng(seed).integers(3, VOCABULARY, 3 + n_response)
    return encoded([*stem.ids[:length], *own], length + 3)


def behind(stem: Encoded, length: int, dialogue: Encoded) -> Encoded:
    """Returns a dialogue behind a shared beginning: where its first answer stands, sharing ends."""
    return Encoded(
        np.concatenate([stem.ids[:length], dialogue.ids]),
        np.concatenate([np.zeros(length, np.bool_), dialogue.trained]),
    )


@st.composite
def token_rows(draw):
    """Rows over few tokens, cut from few stems: many share much, many are equal."""
    stems = draw(st.lists(st.lists(st.integers(3, 5), min_size=1, max_size=200), min_size=1, max_size=3))
    rows = []
    for _ in range(draw(st.integers(0, 25))):
        stem = draw(st.sampled_from(stems))
        ids = [7, *stem[: draw(st.integers(0, len(stem)))], *draw(st.lists(st.integers(3, 5), max_size=6)), 8]
        trained = np.zeros(len(ids), np.bool_)
        first = draw(st.integers(1, len(ids) - 1))
        trained[first] = True
        trained[first:] |= np.array(draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))[
            first:
        ]
        rows.append(Encoded(np.array(ids), trained))
    return rows


@pytest.mark.costly
@given(token_rows(), st.data())
@settings(max_examples=80, deadline=None)
def test_a_walk_visits_every_row_and_shares_what_is_equal(rows, data):
    chosen = [i for i in range(len(rows)) if data.draw(st.booleans())]
    way = walk(rows, chosen)
    assert sorted(way.rows) == chosen
    before = np.empty(0, np.int64)
    for row, shared, length in zip(way.rows, way.shared, way.lengths, strict=True):
        ids = rows[row].ids
        assert length == len(ids)
        np.testing.assert_array_equal(ids[:shared], before[:shared])
        # The token that predicts the first response token is run with the row.
        assert not rows[row].trained[: shared + 1].any()
        assert len(ids) - shared >= 2
        before = ids


@given(token_rows())
@settings(max_examples=40, deadline=None)
def test_a_walk_runs_every_branch_of_the_tree_of_beginnings_once(rows):
    way = walk(rows, range(len(rows)))
    heads = [beginning(row).tolist() for row in rows]
    branches = {tuple(head[:end]) for head in heads for end in range(1, len(head) + 1)}
    behind = sum(len(row.ids) - len(head) for row, head in zip(rows, heads, strict=True))
    assert sum(way.lengths) - sum(way.shared) == len(branches) + behind


@pytest.mark.costly
@given(token_rows(), st.integers(1, 300))
def test_packs_keep_to_the_budget(rows, budget):
    way = walk(rows, range(len(rows)))
    start, seen = 0, 0
    while start < len(rows):
        stop = way.fill(start, way.shared[start], budget)
        tokens = sum(way.lengths[start:stop]) - sum(way.shared[start:stop])
        assert stop == start + 1 or tokens <= budget
        full = stop == len(rows) or tokens + way.lengths[stop] - way.shared[stop] > budget
        assert full
        start, seen = stop, seen + stop - start
    assert seen == len(rows)


@pytest.mark.parametrize(("other", "length"), [([], 0), ([1], 1), ([1, 2, 3, 4], 3), ([1, 9, 3], 1)])
def test_common_length(other, length):
    assert common_length(np.array([1, 2, 3]), np.array(other, np.int64)) == length


def results(loaded: LoadedModel, rows: list[Encoded], **given_settings: object) -> list[HeadResult]:
    return [one.head for one in ran(loaded, rows, **given_settings)]


def ran(loaded: LoadedModel, rows: list[Encoded], **given_settings: object) -> list[Result]:
    found = dict(run(loaded, rows, ScoreSettings.read(given_settings, where="")))
    assert sorted(found) == list(range(len(rows)))
    return [found[i] for i in range(len(rows))]


def check(loaded: LoadedModel, rows: list[Encoded], **given_settings: object) -> None:
    """Compares packs with rows that run alone."""
    assert loaded.sharing.packs
    assert loaded.last_layer is not None
    ours = ran(loaded, rows, **given_settings)
    whole = ran(
        replace(loaded, sharing=Sharing(packs=False, pads=False)),
        rows,
        **{**given_settings, "token_budget": 1},
    )
    assert entropies(ours) == pytest.approx(entropies(whole), abs=1e-5)
    for one, other in zip(ours, whole, strict=True):
        np.testing.assert_allclose(one.head.losses, other.head.losses, atol=1e-4)
        assert one.means is not None
        assert other.means is not None
        np.testing.assert_allclose(one.means.prompt, other.means.prompt, atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(one.means.response, other.means.response, atol=2e-3, rtol=2e-3)


CONTEXTS = [drawn_sample(seed, 150, 1) for seed in (0, 1)]
MIXED = [
    *(begins_with(CONTEXTS[i % 2], 150 - 10 * (i % 3), i, 1 + 5 * (i % 4)) for i in range(12)),
    *(begins_with(CONTEXTS[0], 150, 7) for _ in range(4)),
    drawn_sample(90, 200, 5),
    drawn_sample(91, 1, 1),
    scattered_sample(92, 60),
    *(behind(CONTEXTS[1], 100, scattered_sample(seed, 40)) for seed in range(93, 97)),
]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PADDED])
def test_scores_are_those_of_whole_rows(kind):
    assert sum(walk(MIXED, range(len(MIXED))).shared) > 1000  # else this would test little
    check(tiny(kind), MIXED)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "phi-bias", "mixtral-experts"])
def test_the_last_layer_runs_for_response_positions_alone(kind):
    loaded, sizes = tiny(kind), []
    (name,) = [one for one, layer in loaded.model.named_modules() if layer is loaded.last_layer]
    norms = [m for one, m in loaded.model.named_modules() if one.startswith(name) and "norm" in one.lower()]
    inside = norms or [m for one, m in loaded.model.named_modules() if one == f"{name}.ln_1"]
    handle = inside[0].register_forward_hook(lambda _, args, out: sizes.append(out.shape[1]))
    try:
        results(loaded, MIXED[:4])
        results(replace(loaded, last_layer=None), MIXED[:4])
    finally:
        handle.remove()
    assert sizes[1] == sum(row.n_response for row in MIXED[:4])
    assert sizes[0] == sizes[2] > sizes[1]


@pytest.mark.parametrize("budget", [1, 64, 100_000])
def test_whatever_the_budget(budget):
    check(tiny("llama"), MIXED, token_budget=budget)


@pytest.mark.costly
@given(token_rows().filter(bool), st.sampled_from([20, 1000]))
@settings(max_examples=15, deadline=None)
def test_drawn_rows(rows, budget):
    check(tiny("llama"), rows, crop=1, token_budget=budget)


@pytest.mark.costly
@given(token_rows().filter(bool), st.integers(1, 8), st.sampled_from([1, 50, 1000]), st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_drawn_rows_against_the_reference(rows, crop, budget, k):
    loaded, rows = tiny("qwen3"), rows[:4]
    found = results(loaded, rows, crop=crop, k=k + 1, token_budget=budget)
    for row, result in zip(rows, found, strict=True):
        expected = reference_spectrum(reference_gradient(loaded, row), crop=crop, k=k + 1)
        np.testing.assert_allclose(result.values, expected, atol=1e-5 * max(expected[0], 1e-6))
        assert entropies([result])[0] == pytest.approx(reference_entropy(expected), abs=1e-5)


@pytest.mark.parametrize("rows", [MIXED[:1], [MIXED[12]] * 5], ids=["single", "identical"])
def test_few_rows(rows):
    check(tiny("qwen2"), rows)


@pytest.mark.costly
def test_the_embedded_model(embedded):
    rng = np.random.default_rng(0)
    context = rng.integers(17, 40_000, 90)
    rows = [encoded([*context, *rng.integers(17, 40_000, 5 + i)], 92) for i in range(4)]
    check(embedded, rows, token_budget=110)


@pytest.mark.parametrize("kind", PADDED)
def test_what_looks_back_in_another_way_runs_padded(kind):
    assert not tiny(kind).sharing.packs
    assert len(results(tiny(kind), MIXED[:3])) == 3


def test_bfloat16_packs():
    assert wrap_model(build_kind("llama").bfloat16(), word_tokenizer()).sharing.packs


def test_a_sliding_window_runs_padded():
    model = build("mistral", intermediate_size=48, num_key_value_heads=1, sliding_window=16)
    assert not wrap_model(model, word_tokenizer()).sharing.packs


def test_the_models_own_attention_is_put_back():
    loaded = wrap_model(build_kind("llama"), word_tokenizer())
    before = loaded.model.config._attn_implementation
    results(loaded, MIXED[:3])
    broken = Encoded(np.array([1, 5, 10**6]), np.array([False, False, True]))
    with pytest.raises(IndexError):
        list(run(loaded, [broken], ScoreSettings()))
    assert loaded.model.config._attn_implementation == before
    assert "forward" not in vars(loaded.last_layer)
    assert not loaded.projection._forward_pre_hooks


@pytest.mark.parametrize("wish", [{"softcap": 30.0}, {"sliding_window": 4}, {"dropout": 0.1}])
def test_attention_of_another_kind_is_refused(wish):
    tokens = torch.zeros(1, 1, 1, 2)
    with pytest.raises(ValueError, match="a pack's attention knows no"):
        attend(torch.nn.Identity(), tokens, tokens, tokens, None, **wish)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu():
    loaded = wrap_model(build_kind("llama").cuda(), word_tokenizer())
    check(loaded, MIXED)
    expected = entropies(results(tiny("llama"), MIXED))
    assert entropies(results(loaded, MIXED)) == pytest.approx(expected, abs=1e-4)
