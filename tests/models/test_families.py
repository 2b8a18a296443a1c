"""Every architecture of transformers: a row has one score, in company, alone, and in float64 by autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradients.drawn import drawn_sample, entropies, scattered_sample
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.reference import reference_entropy, reference_spectrum
from gradsentry.gradients.running import Result, run
from gradsentry.models import families
from gradsentry.models.families import PACKED, PADDED, Sharing, sharing
from gradsentry.models.loading import LoadedModel, wrap_model
from gradsentry.settings import ScoreSettings
from models.architectures import CAUSAL, MODELS, PICTURES, POSITIONS, UNBUILT, build_model
from models.oracle import exact_copy, oracle
from models.page_families import loaded_or_refused, status, table
from models.tiny import VOCABULARY, word_tokenizer

# Those in use, and one of each kind of trouble; the others take a minute.
FAST = """
    bert bloom deepseek_v3 deepseek_v32 falcon gemma2 gemma3 gpt2 gpt_oss idefics3 jamba llama llama4_text
    llava mamba mistral mistral3 mixtral mpt opt phi3 qwen2 qwen2_5_vl qwen2_vl qwen3 qwen3_moe qwen3_vl
    recurrent_gemma reformer roberta smolvlm whisper xlnet xlstm
"""
USUAL = {*FAST.split(), *(name for name in MODELS if "," in name)}
# Written in ways that float64 does not run through.
NO_FLOAT64 = {"xglm", "inkling2_text"}


def behind(stem: Encoded, length: int, seed: int, n_response: int) -> Encoded:
    """Returns a row that shares so many first tokens with another one."""
    own = np.random.default_rng(seed).integers(3, VOCABULARY, 3 + n_response)
    ids = np.concatenate([stem.ids[:length], own])
    return Encoded(ids, np.arange(len(ids)) >= length + 3)


# Short and long ones, with beginnings in common, three of one length, and two as long as it goes.
STEM = drawn_sample(0, 60, 1)
ROWS = [
    *(behind(STEM, 60 - 7 * (i % 4), i, 1 + 9 * (i % 4)) for i in range(6)),
    drawn_sample(91, 1, 1),
    scattered_sample(92, 30),
    *(drawn_sample(seed, 7, 5) for seed in (93, 94, 95)),
    drawn_sample(96, 40, POSITIONS - 40),
    drawn_sample(97, 90, POSITIONS - 90),
]


def fitting(loaded: LoadedModel) -> list[Encoded]:
    limit = loaded.max_positions or POSITIONS
    return [Encoded(row.ids[:limit], row.trained[:limit]) for row in ROWS]


def results(loaded: LoadedModel, rows: list[Encoded], budget: int = 100_000) -> list[Result]:
    settings = ScoreSettings.read({"crop": 1, "token_budget": budget}, where="")
    found = dict(run(loaded, rows, settings))
    return [found[i] for i in range(len(rows))]


def same(ours: list[Result], theirs: list[Result]) -> None:
    assert entropies(ours) == pytest.approx(entropies(theirs), abs=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.head.losses, other.head.losses, atol=1e-4, rtol=1e-4)
        if one.means is None or other.means is None:
            assert one.means is other.means
        else:
            np.testing.assert_allclose(one.means.prompt, other.means.prompt, atol=5e-3, rtol=5e-3)
            np.testing.assert_allclose(one.means.response, other.means.response, atol=5e-3, rtol=5e-3)


@pytest.mark.costly
@pytest.mark.parametrize(
    "name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_a_score_depends_on_its_row_alone(name):
    loaded = loaded_or_refused(name)
    if isinstance(loaded, str):
        assert loaded == table()[name]
        return
    assert status(loaded) == table()[name]
    rows = fitting(loaded)
    alone = [results(loaded, [row])[0] for row in rows]
    for budget in (60, 100_000):
        same(results(loaded, rows, budget), alone)
        same(results(loaded, rows[::-1], budget)[::-1], alone)
    exact = loaded.model if name in NO_FLOAT64 else exact_copy(loaded.model)
    for row, result in zip(rows[5:], alone[5:], strict=True):
        losses, gradient = oracle(exact, row)
        values = reference_spectrum(gradient, crop=1, k=16)
        np.testing.assert_allclose(result.head.losses, losses, atol=1e-4, rtol=1e-4)
        assert entropies([result])[0] == pytest.approx(reference_entropy(values), abs=1e-5)


def test_every_architecture_stands_in_the_table():
    assert table().keys() == MODELS.keys()
    assert {*CAUSAL, *PICTURES} == {*MODELS, *UNBUILT} & {*CAUSAL, *PICTURES}
    said = {name.partition(",")[0] for name in table()} | {
        build_model(name).config.model_type for name in ("emu3", "mllama")
    }
    assert said >= PADDED


class TestWhatIsNotKnownToBeSafe:
    def test_an_architecture_that_is_not_listed_runs_rows_of_one_length(self, monkeypatch):
        monkeypatch.setattr(families, "PACKED", PACKED - {"llama"})
        monkeypatch.setattr(families, "PADDED", PADDED - {"llama"})
        loaded = wrap_model(build_model("llama"), word_tokenizer())
        assert status(loaded) == "one length"
        shapes = shapes_of_passes(loaded, ROWS)
        assert sum(rows * length for rows, length in shapes) == sum(len(row.ids) for row in ROWS)
        assert (3, 12) in shapes

    def test_code_that_comes_with_a_model(self, monkeypatch):
        model = build_model("llama")
        monkeypatch.setattr(type(model.model.norm), "__module__", "transformers_modules.theirs.modeling")
        assert sharing(model) == Sharing(packs=False, pads=False)

    def test_frequencies_of_a_form_that_is_not_known(self):
        model = build_model("llama")
        model.config.rope_parameters = {"rope_type": "of-tomorrow", "rope_theta": 1e4}
        assert sharing(model) == Sharing(packs=False, pads=False)

    @pytest.mark.parametrize("name", ["llama, longrope", "phi3, longrope", "phi3, longrope and a window"])
    def test_rows_beyond_the_original_length_run_apart(self, name):
        loaded = loaded_or_refused(name)
        assert loaded.sharing.alike == 24
        assert shapes_of_passes(loaded, ROWS[6:])[-2:] == [(2, POSITIONS), (1, 30)]


def shapes_of_passes(
    loaded: LoadedModel, rows: list[Encoded], *, short: bool = True
) -> list[tuple[int, ...]]:
    """Returns how many rows of how many tokens the passes ran."""
    shapes: list[tuple[int, ...]] = []

    def note(_: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        shapes.append(tuple(args[0].shape))

    handle = loaded.model.get_input_embeddings().register_forward_pre_hook(note)
    try:
        results(loaded, rows)
    finally:
        handle.remove()
    return shapes


@pytest.mark.parametrize(
    ("name", "limit"),
    [("roberta", 127), ("opt", POSITIONS), ("gpt2", POSITIONS), ("whisper", POSITIONS), ("mpt", POSITIONS)],
)
def test_no_row_is_longer_than_the_table_of_positions(name, limit):
    loaded = loaded_or_refused(name)
    assert loaded.max_positions == limit
    results(loaded, [drawn_sample(0, limit - 5, 5)])
    with pytest.raises((IndexError, RuntimeError)):
        results(loaded, [drawn_sample(0, limit - 4, 5)])
