"""Checkpoints that hold integers in place of weights, with no loader that makes weights of them.

transformers leaves a quantisation that it does not know aside: the integers would be read as weights, and the
scales that belong to them dropped as keys that the model has no place for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gradsentry.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What quantisers store beside a weight: its scales, zero points, code books, or the packed weight itself.
_BESIDE_WEIGHTS = re.compile(
    r"(^|_|\.)(scales?|scale_inv|scale_2|zeros?|zero_points?|qweight|qzeros|g_idx|packed|absmax|amax"
    r"|quant_map|quant_state|codebooks?|codes|scb)(_|\.|$)",
    re.IGNORECASE,
)
# As safetensors names them. Positions (I64) and masks (BOOL) are no weights.
_NARROW = re.compile(r"F8_\w+|F6_\w+|F4\w*|I4|U4|I8|U8|I16|U16|I32|U32")
_TORCH_NARROW = {torch.int8: "I8", torch.uint8: "U8", torch.int16: "I16", torch.int32: "I32"} | {
    kind: f"F8_{name}"
    for name in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e8m0fnu")
    if (kind := getattr(torch, f"float8_{name}", None))
}
_MEND = "name the model before it was quantised"


def refuse_raw_integers(model: PreTrainedModel, path: str, unexpected: Sequence[str], name: str) -> None:
    """Refuses a checkpoint whose integers were read as weights; layers that the model lacks may hold any.

    Args:
        model: As it was loaded.
        path: A directory, or a Hub id.
        unexpected: Keys of the checkpoint that the model has no place for.
        name: The model, as the user named it.

    Raises:
        ModelError: If it is one.
    """
    if getattr(model, "hf_quantizer", None) is not None:
        return
    places = {place for named in (model.named_modules(), model.named_parameters()) for place, _ in named}
    beside = sorted(key for key in unexpected if _belongs_to_a_layer(key, places, model.base_model_prefix))
    if beside:
        raise ModelError(
            f"its weights are quantised in a way that transformers does not know ({beside[0]})",
            where=name,
            mend=_MEND,
        )
    state, left_out = model.state_dict(), set(unexpected)
    ignored = [re.compile(one) for one in getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()]
    for key, kind in _stored(path):
        ours = state.get(key)
        spared = key in left_out or key.endswith("bias") or any(one.search(key) for one in ignored)
        if not spared and _NARROW.fullmatch(kind) and (ours is None or ours.is_floating_point()):
            raise ModelError(
                f"its weight {key} is stored as {kind}, and its config.json names no quantisation "
                "that transformers knows",
                where=name,
                mend=_MEND,
            )


def _belongs_to_a_layer(key: str, places: set[str], prefix: str) -> bool:
    """Whether a key is what quantisers store beside the weight of a layer that the model has."""
    owner, _, last = key.rpartition(".")
    # `layer.weight.absmax` stands one deeper than `layer.weight_scale`.
    owners = {owner, owner.removesuffix(".weight"), *_stems(key)}
    ours = owners | {f"{prefix}.{one}" for one in owners if one}
    return bool(_BESIDE_WEIGHTS.search(last)) and not places.isdisjoint(ours - {""})


def _stems(key: str) -> Iterator[str]:
    """Yields what a key of fused weights, `experts.gate_up_proj_scale`, may stand for."""
    for place in (match.start() for match in re.finditer("_", key)):
        yield key[:place]


def _stored(path: str) -> Iterator[tuple[str, str]]:
    """Yields each tensor's key and dtype, as safetensors names it, from the files that were loaded."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    folder = Path(str(cached_file(path, "config.json"))).parent
    tensors = sorted(folder.glob("model*.safetensors"))
    for file in tensors:
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118
                yield key, opened.get_slice(key).get_dtype()
    for file in [] if tensors else sorted(folder.glob("pytorch_model*.bin")):
        weights: dict[str, Any] = torch.load(file, map_location="meta", weights_only=True)
        for key, tensor in weights.items():
            yield key, _TORCH_NARROW.get(tensor.dtype, str(tensor.dtype))
