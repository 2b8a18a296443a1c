"""A tiny random configuration of every architecture that the installed transformers has for causal models.

Shapes are as small as they go, and whatever a model does from some length on it does from a few tokens on:
windows, chunks and thresholds are shorter than the rows of the tests.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from models.tiny import VOCABULARY

CAUSAL = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)

POSITIONS = 128

# By the names that configurations give to things; a configuration takes those that it has.
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "is_decoder": True,
    "is_encoder_decoder": False,
    "initializer_range": 0.3,
    "init_std": 0.3,
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "emb_dim", "dim_model"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "ffn_hidden_size", "encoder_ffn_dim"), 48),
    **dict.fromkeys(("decoder_ffn_dim", "n_inner", "dim_ff"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("num_encoder_attention_heads", "num_decoder_attention_heads"), 2),
    "num_key_value_heads": 1,
    "head_dim": 16,
    "rotary_dim": 8,
    # Experts.
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_top_k", "moe_k", "num_experts_per_token"), 2),
    **dict.fromkeys(("n_shared_experts", "n_group", "topk_group", "first_k_dense_replace"), 1),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 24),
    **dict.fromkeys(("shared_intermediate_size", "expert_ffn_hidden_size"), 24),
    # Latent attention.
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    # States.
    **dict.fromkeys(("state_size", "mamba_d_state", "ssm_state_size"), 8),
    # Lengths.
    **dict.fromkeys(("sliding_window", "window_size", "attention_window_size", "attention_chunk_size"), 8),
    **dict.fromkeys(("chunk_size", "mamba_chunk_size"), 8),
    **dict.fromkeys(("sliding_window_size", "max_window_layers"), 8),
    "local_attention": 16,
    **dict.fromkeys(
        ("max_position_embeddings", "n_positions", "max_seq_len", "max_target_positions"), POSITIONS
    ),
    "floor_scale": 4,
    # Pictures.
    "image_size": 16,
    "patch_size": 8,
}

_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
_SECTIONS = {"head_dim": 16, "rope_parameters": {**_ROPE, "mrope_section": [2, 3, 3]}}
_MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16}
_ROTARY_HEAD = {"head_dim": 8}
_PICKS_KEYS = {
    **_ROTARY_HEAD,
    "num_key_value_heads": 2,
    "index_topk": 4,
    "index_head_dim": 16,
    "index_n_heads": 2,
}
_GEMMA4 = {"vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8}

# What an architecture wants otherwise.
OWN: dict[str, dict[str, Any]] = {
    "axk2": _PICKS_KEYS,
    "bamba": {**_MAMBA, "attn_layer_indices": [1]},
    "codegen": {"n_head": 4, "n_embd": 64, "rotary_dim": 8},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": dict.fromkeys(("sliding_attention", "full_attention"), _ROPE),
    },
    "dbrx": {"attn_config": {"kv_n_heads": 1, "rope_theta": 10000.0, "clip_qkv": 8.0}},
    "ctrl": {"dff": 48},
    "deepseek_v32": _PICKS_KEYS,
    "diffllama": {"num_key_value_heads": 2},
    "dots3_note_text": {**_PICKS_KEYS, "head_dim": 16},
    "falcon_h1": {**_MAMBA, "mamba_d_ssm": 64},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": VOCABULARY,
        "activation_sparsity_pattern": None,
    },
    "gemma4_text": _GEMMA4,
    "gemma4_unified_text": _GEMMA4,
    "glm_moe_dsa": _PICKS_KEYS,
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {**_MAMBA, "layer_types": ["mamba", "attention"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "kimi_linear": {"linear_head_dim": 16, "linear_num_heads": 2},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "llama4_text": {"no_rope_layers": [1, 0], "layer_types": ["chunked_attention", "full_attention"]},
    "longcat_flash": _ROTARY_HEAD,
    "mamba2": {"num_heads": 4, "head_dim": 16, "n_groups": 1},
    "nemotron_h": {
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "n_groups": 1,
        "layers_block_type": ["mamba", "attention", "moe"],
        "moe_shared_expert_intermediate_size": 24,
    },
    "qwen4_exp_text": {
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "hc_count": 2,
        "hc_lowrank": 8,
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 4,
        "indexer_compress_ratio": 2,
        "ple_layer_ids": None,
    },
    "recurrent_gemma": {"block_types": ["recurrent", "attention"]},
    "reformer": {
        "axial_pos_shape": (8, 16),
        "axial_pos_embds_dim": (8, 24),
        "attn_layers": ["local", "lsh"],
        "attention_head_size": 16,
        "feed_forward_size": 48,
        "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4,
        "num_buckets": 4,
    },
    "rembert": {"input_embedding_size": 32, "output_embedding_size": 32},
    "roc_bert": {"enable_pronunciation": False, "enable_shape": False},
    **dict.fromkeys(("qwen2_vl_text", "qwen2_5_vl_text", "paddleocr_vl_text"), _SECTIONS),
    **dict.fromkeys(("glm4v_text", "glm4v_moe_text"), _SECTIONS | {"num_key_value_heads": 2}),
    "qwen2_vl_vision": {"embed_dim": 32, "hidden_size": 32, "depth": 1, "num_heads": 2},
    "qwen2_5_vl_vision": {"out_hidden_size": 32, "depth": 1, "num_heads": 2},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "zamba": {"layers_block_type": ["mamba", "hybrid", "hybrid"], "num_hidden_layers": 3, "mamba_dt_rank": 4},
    "zamba2": {
        "layers_block_type": ["mamba", "hybrid", "hybrid"],
        "num_hidden_layers": 3,
        "n_mamba_heads": 4,
    },
    "zaya": {"num_experts_per_tok": 1},
}


_WINDOW = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
_FACTORS = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
_LONG = {**_ROPE, "rope_type": "longrope", **_FACTORS, "original_max_position_embeddings": 24}
_YARN = {**_ROPE, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 24}
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}

# The same with other options: what changes which rows may share a pass.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dots1, a window": ("dots1", _WINDOW),
    "exaone4, no window": ("exaone4", {"sliding_window": None, "layer_types": ["full_attention"] * 2}),
    "laguna, a window": ("laguna", _WINDOW),
    "llama, linear rope": ("llama", {"rope_parameters": {**_ROPE, "rope_type": "linear", "factor": 4.0}}),
    "llama, dynamic rope": ("llama", {"rope_parameters": {**_ROPE, "rope_type": "dynamic", "factor": 4.0}}),
    "llama, yarn": ("llama", {"rope_parameters": _YARN}),
    "llama, llama3 rope": ("llama", {"rope_parameters": {**_YARN, "rope_type": "llama3", **_LLAMA3}}),
    "llama, longrope": ("llama", {"rope_parameters": _LONG}),
    "llama4_text, every layer full": (
        "llama4_text",
        {"no_rope_layers": [0, 0], "layer_types": ["full_attention"] * 2, "attn_temperature_tuning": True},
    ),
    "mellum, a window": ("mellum", _WINDOW),
    "ministral3, no window, scaled attention": (
        "ministral3",
        {"sliding_window": None, "rope_parameters": {**_YARN, "llama_4_scaling_beta": 0.5}},
    ),
    "mistral, no window": ("mistral", {"sliding_window": None}),
    "mixtral, no window": ("mixtral", {"sliding_window": None}),
    "phi3, no window": ("phi3", {"sliding_window": None}),
    "phi3, longrope": (
        "phi3",
        {"sliding_window": None, "rope_parameters": _LONG, "original_max_position_embeddings": 24},
    ),
    "phi3, longrope and a window": (
        "phi3",
        {"rope_parameters": _LONG, "original_max_position_embeddings": 24},
    ),
    "phimoe, no window": ("phimoe", {"sliding_window": None}),
    "qwen2, a window": ("qwen2", {**_WINDOW, "use_sliding_window": True, "max_window_layers": 1}),
    "qwen3, a window": ("qwen3", {**_WINDOW, "use_sliding_window": True, "max_window_layers": 1}),
    "starcoder2, no window": ("starcoder2", {"sliding_window": None}),
}
# Vision-language models whose directories are common; text rows run through their text model alone.
_PICTURES = """
    aria aya_vision cohere2_vision deepseek_vl exaone4_5 glm4v hyperclovax_vision_v2 idefics2 idefics3
    internvl lfm2_vl lighton_ocr llava llava_next llava_next_video llava_onevision minicpmv4_6 mistral3
    ovis2 paddleocr_vl paligemma qwen2_5_vl qwen2_vl qwen3_vl qwen3_vl_moe smolvlm step3p7 video_llama_3
    video_llava vipllava
"""
PICTURES = tuple(_PICTURES.split())
# No tiny one can be made, and why.
UNBUILT = {
    "blt": "its parts take bytes, and their shapes hang together in ways of their own",
    "dots3_note": "its text model's layers are named by number",
    "gemma3n": "needs timm",
    "gemma4_assistant": "drafts for another model, whose keys it reads",
    "gemma4_unified_assistant": "drafts for another model, whose keys it reads",
    "musicgen": "its words are sounds",
    "musicgen_melody": "its words are sounds",
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in (*CAUSAL, *PICTURES) if name not in UNBUILT},
    **VARIANTS,
}


def build_model(name: str, *, seed: int = 0) -> PreTrainedModel:
    """Returns a random model of one of `MODELS`, in eval mode."""
    architecture, options = MODELS[name]
    kind = AutoModelForImageTextToText if architecture in PICTURES else AutoModelForCausalLM
    torch.manual_seed(seed)
    model = kind.from_config(tiny_config(architecture, **options), dtype=torch.float32).eval()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if key.endswith("bias"):
                weight.normal_(0.0, 0.3)  # a new model's are 0, and would be tested by nothing
    return model


def tiny_config(architecture: str, **options: object) -> PreTrainedConfig:
    """Returns a tiny configuration of an architecture.

    Args:
        architecture: Its name in transformers.
        options: Of the configuration of its text model.
    """
    return _tiny(CONFIG_MAPPING[architecture], {**OWN.get(architecture, {}), **options})


def _tiny(kind: type[PreTrainedConfig], options: dict[str, object]) -> PreTrainedConfig:
    known = {field.name for field in fields(kind)}
    parts = _parts(kind)
    if "text_config" in parts:
        text = type(parts["text_config"])
        parts["text_config"] = _tiny(text, {**OWN.get(text.model_type, {}), **options})
        shape = {name: SHAPE[name] for name in known & {"pad_token_id", "bos_token_id", "eos_token_id"}}
        return kind(**shape, **parts)
    shape = {name: value for name, value in SHAPE.items() if name in known}
    shape |= _layers(kind) if "layer_types" in known else {}
    return kind(**{**shape, **parts, **options})


def _parts(kind: type[PreTrainedConfig]) -> dict[str, Any]:
    """Returns the configurations that are parts of one, tiny: of what reads text, pictures and sounds."""
    whole = kind() if kind.sub_configs else None
    parts = {name: getattr(whole, name, None) for name in kind.sub_configs}
    return {
        name: _tiny(type(part), dict(OWN.get(part.model_type, {})))
        for name, part in parts.items()
        if part is not None
    }


def _layers(kind: type[PreTrainedConfig]) -> dict[str, object]:
    """Returns one layer of each type that the configuration has by default, and two at least."""
    types = list(dict.fromkeys(kind().layer_types or ()))
    if not types:
        return {}
    types *= 2 if len(types) == 1 else 1
    return {"layer_types": types, "num_hidden_layers": len(types)}
