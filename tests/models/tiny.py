"""Tiny random models of many architectures, and a tokenizer of numbered words for them."""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from gradsentry.models.loading import LoadedModel, wrap_model

VOCABULARY = 97

_SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    # The usual 0.02 leaves so small a model with logits near 0.
    "initializer_range": 0.3,
}
_GATED = {"intermediate_size": 48, "num_key_value_heads": 1}
_WIDE_HEADS = {"head_dim": 16}

# Architecture, its options, and why it stands here.
KINDS = {
    "llama": ("llama", {**_GATED, "tie_word_embeddings": False}),
    "llama-tied": ("llama", {**_GATED, "tie_word_embeddings": True}),
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 2}),
    "qwen2": ("qwen2", _GATED),
    "qwen3": ("qwen3", {**_GATED, **_WIDE_HEADS}),
    "gemma2-softcap": ("gemma2", {**_GATED, **_WIDE_HEADS, "final_logit_softcapping": 3.0}),
    "cohere-scale": ("cohere", {**_GATED, "logit_scale": 0.25}),
    "granite-scale": ("granite", {**_GATED, "logits_scaling": 4.0}),
    "phi-bias": ("phi", {**_GATED, "num_key_value_heads": 2}),
    "opt-projection": ("opt", {"word_embed_proj_dim": 24, "ffn_dim": 48, "do_layer_norm_before": True}),
    "gpt-neox": ("gpt_neox", {"intermediate_size": 48}),
    "mamba": ("mamba", {"state_size": 8}),
    "mixtral-experts": ("mixtral", {**_GATED, "num_local_experts": 4, "num_experts_per_tok": 2}),
}


def build(architecture: str, *, seed: int = 0, **options: object) -> PreTrainedModel:
    """Returns a random causal language model, in eval mode."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(architecture, **{**_SHAPE, **options})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(0.0, 0.3)  # a new model's are 0, and would be tested by nothing
    return model


def build_kind(kind: str, *, seed: int = 0, **options: object) -> PreTrainedModel:
    """Returns a random model of one of `KINDS`."""
    architecture, own = KINDS[kind]
    return build(architecture, seed=seed, **{**own, **options})


@cache
def word_tokenizer(size: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Returns a tokenizer whose words are w0 .. wN, with or without white space between them."""
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2} | {f"w{i}": i for i in range(3, size)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    word = pre_tokenizers.Split(Regex(r"w\d+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), word])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


@cache
def tiny(kind: str) -> LoadedModel:
    """Returns a loaded tiny model; the same one each time, so change nothing in it."""
    return wrap_model(build_kind(kind), word_tokenizer(), name=kind)
