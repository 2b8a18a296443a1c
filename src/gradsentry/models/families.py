"""Which rows of a model may share a pass: by what was shown to be safe, not by what is known to go wrong.

A score depends on its row alone. Whether neighbours, or the length of the longest of them, can change what a
model computes for a row is not told by a few tokens: thresholds lie at thousands. So every architecture is
held, tiny and with low thresholds, against rows that run alone (`tests/models/test_families.py`), and those
that passed stand here. What does not stand here runs in batches of rows of one length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

# Many samples in one row of tokens: attention over the whole row, everything else token by token.
_PACKED = """
    apertus arcee aria aria_text axk1 bert bert-generation biogpt bitnet cohere ctrl dbrx deepseek_v2
    deepseek_v3 deepseek_vl dots1 electra emu3_text_model ernie ernie4_5 ernie4_5_moe exaone4 flex_olmo
    fuyu gemma glm glm4 glm4_moe glm4_moe_lite glm4v got_ocr2 gpt2 gpt_bigcode gpt_neox granite
    granitemoe granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax
    hyperclovax_vision_v2 idefics3 internlm3 internvl iquestcoder jais2 jetmoe laguna lighton_ocr llama
    llava llava_next llava_next_video llava_onevision longcat_flash mellum minicpm3 minimax_m2
    minimax_m3_vl_text ministral3 mistral mixtral mllama_text_model moss_transcribe_diarize nanochat
    nemotron olmo olmo2 olmoe opt ovis2 paddleocr_vl persimmon phi phi3 phimoe qwen2 qwen2_5_vl
    qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_vl qwen3_vl_moe roc_bert seed_oss smollm3 smolvlm
    solar_open stablelm starcoder2 step3p7 video_llama_3 video_llava vipllava whisper youtu
"""
# Rows of several lengths, padded on the right: what a causal model cannot see.
_PADDED = """
    afmoe aya_vision bailing_hybrid bamba bart beam big_bird bigbird_pegasus blenderbot blenderbot-small
    bloom camembert codegen cohere2 cohere2_moe cohere2_vision cohere_compass_text cwm data2vec-text
    deepseek_v4 diffllama doge exaone4_5 exaone_moe falcon falcon_h1 falcon_mamba flint gemma2 gemma3
    gemma3_text gemma3n_text gemma4 gemma4_text gemma4_unified gemma4_unified_text git gpt_neo
    gpt_neox_japanese gpt_oss gptj granite_swa granitemoe_swa granitemoehybrid hy_v4 idefics2
    inkling2_text inkling_text jamba kimi_linear kolibri1 lfm2 lfm2_moe lfm2_vl lfm3 llama4_text mamba
    mamba2 marian mbart megatron-bert mimo_v2_flash minicpmv4_6 minimax ministral mistral3
    modernbert-decoder moshi mpt mvp nemotron_h olmo3 olmo_hybrid openai-gpt pegasus phi4_multimodal
    plbart qwen3_5_moe_text qwen3_5_text qwen3_next qwen4_exp_text recurrent_gemma rembert roberta
    roberta-prelayernorm roformer rwkv trocr vaultgemma xglm xlm-roberta xlm-roberta-xl xlstm xmod zamba
    zamba2 zaya
"""
PACKED = frozenset(_PACKED.split())
PADDED = PACKED | frozenset(_PADDED.split())
# Architectures that no row can be scored with, and why.
REFUSED = {
    "reformer": "draws its hashes anew in each pass: a row's score would vary with those before it",
}
# Rotary frequencies that are the same for rows of any length.
_FIXED_FREQUENCIES = {"default", "linear", "yarn", "llama3", "proportional"}
# Where transformers puts the code that comes with a model.
_REMOTE_CODE = "transformers_modules."


@dataclass(frozen=True)
class Sharing:
    """Which rows may share a pass.

    Attributes:
        packs: Many samples in one row of tokens.
        pads: Rows of several lengths.
        alike: Up to how many tokens that holds; a longer row shares a pass with rows of its length. None
            where it holds for any row.
    """

    packs: bool
    pads: bool
    alike: int | None = None


def sharing(model: PreTrainedModel) -> Sharing:
    """Returns which rows of a model may share a pass, as far as its architecture says."""
    kind = model.config.model_type
    known = not any(type(module).__module__.startswith(_REMOTE_CODE) for module in model.modules())
    alike: int | None = None
    for rope in _ropes(model.config.get_text_config()):
        form = rope.get("rope_type", "default")
        if form in ("longrope", "dynamic"):
            border = _border(form, rope, model.config.get_text_config())
            alike = border if alike is None else min(alike, border)
        elif form not in _FIXED_FREQUENCIES:
            known = False
    return Sharing(packs=known and kind in PACKED, pads=known and kind in PADDED, alike=alike)


def _ropes(config: PretrainedConfig) -> Iterator[dict[str, object]]:
    """Yields the rotary embeddings of a configuration; some have one for each type of layer."""
    parameters = getattr(config, "rope_parameters", None) or {}
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    yield from nested or [parameters]


def _border(form: str, rope: dict[str, object], config: PretrainedConfig) -> int:
    """Returns up to how many tokens the frequencies are those of short rows."""
    original = rope.get("original_max_position_embeddings") if form == "longrope" else None
    for value in (original, getattr(config, "max_position_embeddings", None)):
        if isinstance(value, int):
            return value
    return 0
