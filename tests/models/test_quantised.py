"""Integers and fp8 are not read as weights where nothing makes weights of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gradsentry.errors import ModelError
from gradsentry.models.loading import load_model
from models.saved import edit_weights, save, save_llama
from models.tiny import build_kind

LAYER = "model.layers.0.self_attn.q_proj"


def quantise(kind: torch.dtype, suffix: str):
    """Returns an edit that stores one layer's weight narrowly, and beside it the scale that undoes it."""

    def edit(weights: dict[str, torch.Tensor]) -> None:
        weight = weights[f"{LAYER}.weight"]
        scale = weight.abs().max() / 100
        weights[f"{LAYER}.weight"] = (weight / scale).to(kind)
        if suffix:
            weights[f"{LAYER}.{suffix}"] = scale[None]

    return edit


def name_method(place: Path, **quantisation: object) -> None:
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"quantization_config": quantisation}))


def refused(place: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(str(place), device="cpu")
    line = caught.value.line()
    assert len(line.splitlines()) == 1
    assert "before it was quantised" in line
    return line


NARROW = [torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.uint8, torch.int32]


@pytest.mark.parametrize("kind", NARROW, ids=str)
@pytest.mark.parametrize("suffix", ["weight_scale", "weight_scale_inv", "scales", "input_scale", ""])
def test_narrow_weights_without_a_quantiser(tmp_path, kind, suffix):
    edit_weights(save_llama(tmp_path), quantise(kind, suffix))
    line = refused(tmp_path)
    assert (f"{LAYER}.{suffix}" if suffix else f"{LAYER}.weight is stored as") in line


@pytest.mark.parametrize("method", ["modelopt", "nobody-knows"])
def test_a_method_that_transformers_does_not_know(tmp_path, method):
    edit_weights(save_llama(tmp_path), quantise(torch.float8_e4m3fn, "weight_scale"))
    name_method(tmp_path, quant_method=method)
    refused(tmp_path)


@pytest.mark.parametrize("beside", ["weight_scale", "weight.absmax", "weight.quant_map", "weight_zero_point"])
def test_scales_beside_weights_of_the_right_kind(tmp_path, beside):
    # Such a weight may stand for a rotated or a smoothed one: it is not what the model computes with.
    edit_weights(save_llama(tmp_path), lambda weights: weights.update({f"{LAYER}.{beside}": torch.ones(1)}))
    assert f"{LAYER}.{beside}" in refused(tmp_path)


def test_packed_weights_are_called_quantised_rather_than_missing(tmp_path):
    def pack(weights):
        weights[f"{LAYER}.qweight"] = weights.pop(f"{LAYER}.weight").to(torch.int32)

    edit_weights(save_llama(tmp_path), pack)
    assert "qweight" in refused(tmp_path)


def test_fused_experts(tmp_path):
    save(build_kind("mixtral-experts"), tmp_path)
    key = next(key for key in load_file(tmp_path / "model.safetensors") if "experts" in key and "w1" in key)
    edit_weights(tmp_path, lambda weights: weights.update({key: weights[key].to(torch.float8_e4m3fn)}))
    refused(tmp_path)


def test_pickled_weights(tmp_path):
    weights = load_file(save_llama(tmp_path) / "model.safetensors")
    quantise(torch.int8, "")(weights)
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    assert "stored as I8" in refused(tmp_path)


EXTRA = {
    "mtp": {"model.layers.9.eh_proj.weight": torch.ones(4, 4), "model.layers.9.norm.weight": torch.ones(4)},
    "mtp-fp8": {
        "model.layers.9.mlp.up_proj.weight": torch.ones(4, 4).to(torch.float8_e4m3fn),
        "model.layers.9.mlp.up_proj.weight_scale_inv": torch.ones(1),
    },
    "value-head": {"v_head.summary.weight": torch.ones(1, 32), "v_head.summary.bias": torch.ones(1)},
    "rotary": {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)},
    "positions": {"model.embeddings.position_ids": torch.arange(9)},
}


@pytest.mark.parametrize("extra", EXTRA)
def test_layers_that_the_model_leaves_out_are_allowed(tmp_path, extra):
    plain = load_model(str(save_llama(tmp_path)), device="cpu").fingerprint
    edit_weights(tmp_path, lambda weights: weights.update(EXTRA[extra]))
    assert load_model(str(tmp_path), device="cpu").fingerprint == plain


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_floating_kind_are_allowed(tmp_path, dtype):
    save(build_kind("llama").to(dtype), tmp_path)
    assert load_model(str(tmp_path), device="cpu").dtype == torch.float32


def test_masks_of_old_checkpoints_are_allowed(tmp_path):
    save(build_kind("gpt2"), tmp_path)
    mask = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
    edit_weights(tmp_path, lambda weights: weights.update({"h.0.attn.bias": mask}))
    load_model(str(tmp_path), device="cpu")
