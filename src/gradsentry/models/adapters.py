"""A PEFT adapter and its base model -> one model with the adapter merged into its weights."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gradsentry.errors import ModelError
from gradsentry.hub import at_hand
from gradsentry.models.checkpoints import load_checkpoint
from gradsentry.models.probing import close, probe_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_adapter(name: str, path: str, dtype: torch.dtype, trust_remote_code: bool) -> PreTrainedModel:
    """Returns the base model of an adapter with the adapter merged into its weights.

    Args:
        name: As the user named it.
        path: A directory.
        dtype: Of the weights.
        trust_remote_code: Whether code that comes with the base model may run.

    Raises:
        ModelError: If it has no base model, or the two cannot be merged exactly.
    """
    try:
        from peft import PeftConfig, PeftModel
    except ImportError:
        raise ModelError("is a PEFT adapter", where=name, mend="pip install 'gradsentry[peft]'") from None
    base = PeftConfig.from_pretrained(path).base_model_name_or_path
    if not base:
        raise ModelError("its adapter_config.json names no base model", where=name, mend="merge it yourself")
    model = load_checkpoint(name, at_hand(base), dtype, trust_remote_code)
    _grow(model, path, name)
    ends = _ends(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`")  # they are untied below
        tuned: Any = PeftModel.from_pretrained(model, path).eval()
    if not hasattr(tuned.base_model, "merge_and_unload"):
        kind = getattr(tuned.active_peft_config, "peft_type", "unknown")
        raise ModelError(
            f"its adapter is of a kind that cannot be merged ({kind})",
            where=name,
            mend="GradSentry scores adapters that change weights, such as LoRA",
        )
    if any(now is not before for now, before in zip(_ends(model), ends, strict=True)):
        untie(model)
        model.config.tie_word_embeddings = False
    expected = _logits(tuned)
    merged: PreTrainedModel = tuned.merge_and_unload()
    # Sums of what much training changed round otherwise; a wrong merge is off by far more.
    if not close(_logits(merged), expected, dtype, share=10.0):
        raise ModelError(
            "merging its adapter into the base model changes what it predicts",
            where=name,
            mend="its base model may be quantised: name it as it was before",
        )
    return merged


def _grow(model: PreTrainedModel, path: str, name: str) -> None:
    """Gives the embeddings as many rows as the adapter brings; it was trained with tokens of its own.

    Raises:
        ModelError: If it brings rows for one end alone, so that those of the other would be random.
    """
    from peft.utils import load_peft_weights

    ends = _ends(model)
    places = [place for place, module in model.named_modules() if module in ends]
    weights: dict[str, Tensor] = load_peft_weights(path, device="cpu")
    brought = {
        place: weight.shape[0]
        for place in places
        for key, weight in weights.items()
        if key.removesuffix(".weight").removesuffix(".base_layer").endswith(f".{place}") and weight.ndim == 2
    }
    own = {id(end.weight): end.weight for end in ends if end is not None}
    had = {len(weight) for weight in own.values() if isinstance(weight, Tensor)}
    if not brought or set(brought.values()) == had:
        return
    tied = len(own) == 1
    if len(set(brought.values())) > 1 or not (tied or len(brought) == len(places)):
        raise ModelError(
            "its adapter has tokens of its own, but weights for one end of the model only",
            where=name,
            mend="those of the other would be random: merge it where it was trained",
        )
    model.resize_token_embeddings(next(iter(brought.values())), mean_resizing=False)


def untie(model: nn.Module) -> None:
    """Gives each module that holds the same parameter as another one a copy of its own.

    An adapter on one end of tied embeddings changes that end alone; merged into what both share, it would
    change both.
    """
    seen: set[int] = set()
    for module in model.modules():
        for key, weight in list(module.named_parameters(recurse=False)):
            if id(weight) in seen:
                setattr(module, key, nn.Parameter(weight.detach().clone(), requires_grad=False))
            seen.add(id(weight))


def _ends(model: PreTrainedModel) -> tuple[nn.Module | None, nn.Module | None]:
    return model.get_input_embeddings(), model.get_output_embeddings()


@torch.inference_mode()
def _logits(model: PreTrainedModel) -> Tensor:
    logits: Tensor = model(input_ids=probe_ids(model)[None], use_cache=False).logits
    return logits.float()
