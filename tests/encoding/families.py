"""The chat templates that TRL ships, on small real tokenizers that know their special tokens."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import trl
from transformers import PreTrainedTokenizerFast

from encoding.tokenizers_built import byte_level, metaspace_bpe

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
# What TRL trains on the replies of: the template has a training one, or says itself what is generated.
TRAINED = sorted(path.name.removesuffix("_training.jinja") for path in TEMPLATES.glob("*_training.jinja"))
TAGGED = ["lfm2_2_5", "lfm2_2_5_v2", "lfm2_2_5_vl"]
UNTRAINED = ["llama3_1", "llama3_2", "gemma4", "gemma4_v5"]
SENTENCEPIECE = ("gemma", "gemma3", "phi3", "phi3_5", "llava_next")
ENDS = {
    "gemma": "<eos>",
    "gemma3": "<eos>",
    "phi3": "<|endoftext|>",
    "phi3_5": "<|endoftext|>",
    "gptoss": "<|return|>",
    "glm4moe": "<|endoftext|>",
    "llama3": "<|eot_id|>",
    "llama3_1": "<|eot_id|>",
    "llama3_2": "<|eot_id|>",
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "cohere2": "<|END_OF_TURN_TOKEN|>",
    "deepseekv3": "<｜end▁of▁sentence｜>",
    "deepseek_r1_distill": "<｜end▁of▁sentence｜>",
    "idefics3": "<end_of_utterance>",
    "smolvlm": "<end_of_utterance>",
    "llava_next": "</s>",
}
_SPECIAL = re.compile(
    r"<\|[\w▁]+\|>|<｜[\w▁]+｜>|<(?:start|end)_of_\w+>|\[gMASK\]|<sop>|\[/?[A-Z_]+\]|<\|?turn\|?>"
)


def template_of(family: str) -> str:
    return (TEMPLATES / f"{family}.jinja").read_text(encoding="utf-8")


@cache
def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with the family's own template and its special tokens."""
    template = template_of(family)
    return with_template(template, ENDS.get(family, "<|im_end|>"), sentencepiece=family in SENTENCEPIECE)


def with_template(
    template: str, end: str, *others: str, sentencepiece: bool = False
) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with a template, that knows the special tokens in it and others."""
    base = (metaspace_bpe if sentencepiece else byte_level)()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=type(base.backend_tokenizer).from_str(base.backend_tokenizer.to_str()),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token=end,
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": sorted({*_SPECIAL.findall(template), *others})}
    )
    tokenizer.chat_template = template
    return tokenizer
