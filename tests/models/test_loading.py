"""What loads, and what is known about it: tied weights, device, fingerprint, merged adapters."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from gradients.drawn import drawn_sample, padded_results
from gradsentry.gradients.reference import reference_spectrum
from gradsentry.models.loading import (
    KERNELS_KEPT,
    load_model,
    multiplies_in_bfloat16,
    resolve_device,
    resolve_dtype,
    wrap_model,
)
from models.architectures import build_model
from models.oracle import exact_copy, oracle
from models.saved import edit_weights, save, save_llama
from models.tiny import build, build_kind, tiny, word_tokenizer


@pytest.mark.parametrize(
    ("kind", "tied"), [("llama", False), ("llama-tied", True), ("gpt2", True), ("phi-bias", False)]
)
def test_tied_weights_are_reported(kind, tied):
    assert tiny(kind).tied is tied


def test_a_directory_loads_in_eval_mode_and_frozen(tmp_path):
    loaded = load_model(str(save_llama(tmp_path / "m")), device="cpu")
    assert loaded.name == str(tmp_path / "m")
    assert (loaded.device.type, loaded.dtype) == ("cpu", torch.float32)
    assert loaded.max_positions == 2048
    assert not loaded.model.training
    assert not any(weight.requires_grad for weight in loaded.model.parameters())


def test_a_loaded_model_goes_on_training_afterwards():
    model = build_kind("llama").train()
    loaded = wrap_model(model, word_tokenizer(), name="mine")
    assert loaded.model is model
    assert loaded.name == "mine"
    assert all(weight.requires_grad for weight in model.parameters())
    model(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[5, 6, 7]])).loss.backward()


def test_dtype_is_a_setting(tmp_path):
    assert load_model(str(save_llama(tmp_path)), device="cpu", dtype="bfloat16").dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_auto_is_bfloat16_where_the_processor_multiplies_in_it(monkeypatch, told, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    monkeypatch.setattr("gradsentry.models.loading.multiplies_in_bfloat16", multiplies_in_bfloat16)
    assert resolve_dtype("auto", torch.device("cpu")) == expected
    assert resolve_dtype("float32", torch.device("cpu")) == torch.float32


def test_kernels_that_are_kept_are_bounded_unless_the_user_says_how_many(tmp_path, monkeypatch):
    monkeypatch.delenv("LRU_CACHE_CAPACITY", raising=False)
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "9")
    load_model(str(save_llama(tmp_path)), device="cpu")
    assert os.environ["LRU_CACHE_CAPACITY"] == str(KERNELS_KEPT)
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "9"


def test_auto_names_a_device_of_this_machine():
    torch.empty(0, device=resolve_device("auto"))


@pytest.mark.parametrize(
    ("kind", "scale", "softcap", "bias"),
    [
        ("llama", 1.0, None, False),
        ("gemma2-softcap", 1.0, 3.0, False),
        ("cohere-scale", 0.25, None, False),
        ("granite-scale", 0.25, None, False),
        ("phi-bias", 1.0, None, True),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_follows_the_projection_is_found_in_any_dtype(kind, scale, softcap, bias, dtype):
    head = wrap_model(build_kind(kind).to(dtype), word_tokenizer()).head
    assert head.scale == pytest.approx(scale, rel=1e-3)
    assert head.softcap == softcap
    assert (head.bias is not None) is bias


def test_a_cap_far_above_the_logits_of_the_probe_is_not_overlooked():
    model = build(
        "gemma2", head_dim=16, num_key_value_heads=1, final_logit_softcapping=30.0, initializer_range=0.02
    )
    assert wrap_model(model.bfloat16(), word_tokenizer()).head.softcap == 30.0


class TestFingerprint:
    def test_it_is_the_same_for_the_same_model_elsewhere(self, tmp_path):
        first = load_model(str(save_llama(tmp_path / "a")), device="cpu")
        again = load_model(str(tmp_path / "a"), device="cpu")
        copy = load_model(str(save_llama(tmp_path / "b")), device="cpu")
        assert first.fingerprint == again.fingerprint == copy.fingerprint

    def test_it_changes_with_weights(self, tmp_path):
        before = load_model(str(save_llama(tmp_path)), device="cpu").fingerprint
        edit_weights(tmp_path, lambda weights: weights["model.norm.weight"].mul_(1.01))
        assert load_model(str(tmp_path), device="cpu").fingerprint != before

    def test_it_changes_with_the_configuration_and_the_vocabulary(self):
        plain = tiny("granite-scale")
        scaled = wrap_model(build_kind("granite-scale", logits_scaling=2.0), word_tokenizer())
        words = wrap_model(build_kind("granite-scale"), word_tokenizer(50))
        assert len({plain.fingerprint, scaled.fingerprint, words.fingerprint}) == 3


class TestAdapters:
    @pytest.fixture
    def adapter(self, tmp_path):
        """A LoRA adapter beside its base, and the base merged by hand."""
        from peft import LoraConfig, get_peft_model

        base = save_llama(tmp_path / "base")
        model = load_model(str(base), device="cpu").model
        targets = ["q_proj", "lm_head"]
        lora = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=targets))
        torch.manual_seed(1)
        with torch.no_grad():
            for name, weight in lora.named_parameters():
                if "lora_" in name:
                    weight.normal_(0.0, 0.2)
        lora.save_pretrained(tmp_path / "adapter")
        return tmp_path / "adapter", lora

    def test_a_directory_of_one_is_its_base_with_the_adapter_merged(self, adapter):
        place, lora = adapter
        loaded = load_model(str(place), device="cpu")
        merged = lora.merge_and_unload().state_dict()
        ours = loaded.model.state_dict()
        assert ours.keys() == merged.keys()
        for name, weight in merged.items():
            torch.testing.assert_close(ours[name], weight)
        base = load_model(str(place.parent / "base"), device="cpu")
        assert loaded.fingerprint != base.fingerprint
        assert loaded.tokenizer.get_vocab() == base.tokenizer.get_vocab()

    def test_its_own_tokenizer_is_taken_and_no_row_of_the_base_is_cut_off(self, adapter):
        place, _ = adapter
        word_tokenizer(60).save_pretrained(place)
        loaded = load_model(str(place), device="cpu")
        assert len(loaded.tokenizer) == 60
        assert loaded.head.weight.shape[0] == 97


@pytest.mark.parametrize("kind", ["llama-tied", "cohere-scale", "opt-projection", "mixtral-experts"])
def test_a_saved_model_loads_as_it_was(tmp_path, kind):
    loaded = load_model(str(save(build_kind(kind), tmp_path)), device="cpu")
    assert (loaded.tied, loaded.head.softcap) == (tiny(kind).tied, tiny(kind).head.softcap)
    assert loaded.head.scale == pytest.approx(tiny(kind).head.scale, rel=1e-5)
    assert torch.equal(loaded.head.weight, tiny(kind).head.weight)


@pytest.mark.costly
@pytest.mark.parametrize(
    "name",
    ["gemma3", "idefics3", "llava", "mistral3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "smolvlm"],
)
def test_a_directory_of_any_family_is_scored_as_the_model_was_that_it_holds(tmp_path, name):
    model = build_model(name)
    loaded = load_model(str(save(model, tmp_path)), device="cpu")
    rows = [drawn_sample(0, 4, 6), drawn_sample(1, 8, 40)]
    for row, result in zip(rows, padded_results(loaded, rows, crop=1, k=16), strict=True):
        losses, gradient = oracle(exact_copy(model), row)
        values = reference_spectrum(gradient, crop=1, k=16)
        np.testing.assert_allclose(result.losses, losses, atol=1e-4)
        np.testing.assert_allclose(result.values, values, atol=1e-4 * values[0])


@pytest.mark.parametrize(
    ("name", "key"), [("recurrent_gemma", "logits_soft_cap"), ("xlstm", "output_logit_soft_cap")]
)
def test_a_cap_is_found_under_whatever_key_it_stands(name, key):
    loaded = wrap_model(build_model(name), word_tokenizer())
    assert loaded.head.softcap == getattr(loaded.model.config, key) == 30.0
