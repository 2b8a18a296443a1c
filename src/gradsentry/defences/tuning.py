"""Fine-tuning on the suspect data, for the defences that look at a model that learned from it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.reading import encode_all
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.batching import plan_batches
from gradsentry.validated import Settings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gradsentry.models.loading import LoadedModel

_TOKENS = 512
_IGNORED = -100


class LoraSettings(Settings):
    """How the adapter is trained.

    Attributes:
        epochs: Passes over the data; with 0 the model stays as it is.
        learning_rate: Of AdamW.
        rank: Of the adapter, which sits on every linear layer but the output projection.
        seed: Of its weights and of the order of the batches.
    """

    epochs: int = 1
    learning_rate: float = 2e-4
    rank: int = 8
    seed: int = 0


def tuned(loaded: LoadedModel, samples: Sequence[Sample], settings: LoraSettings) -> LoadedModel:
    """Returns a copy of the model, trained on the samples with LoRA, the adapter merged."""
    if not settings.epochs:
        return loaded
    import torch
    from peft import LoraConfig, get_peft_model

    from gradsentry.models.loading import wrap_model

    encoded = encode_all(samples, loaded)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        config = LoraConfig(
            r=settings.rank, lora_alpha=2 * settings.rank, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        model: Any = get_peft_model(copy.deepcopy(loaded.model), config)
        _train(model, encoded, settings)
    return wrap_model(model.merge_and_unload(), loaded.tokenizer, name=f"{loaded.name}, tuned")


def _train(model: torch.nn.Module, encoded: Sequence[Encoded], settings: LoraSettings) -> None:
    import torch

    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trainable, settings.learning_rate)
    batches = plan_batches([len(one.ids) for one in encoded], _TOKENS)
    order = np.random.default_rng(settings.seed)
    model.train()
    for _ in range(settings.epochs):
        for place in order.permutation(len(batches)):
            ids, mask, labels = _padded([encoded[row] for row in batches[place]], trainable[0].device)
            model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
            optimiser.step()
            optimiser.zero_grad()
    model.eval()


def _padded(batch: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Returns ids, attention mask and labels, [B, S], padded on the right."""
    import torch

    shape = (len(batch), max(len(one.ids) for one in batch))
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    labels = np.full(shape, _IGNORED, np.int64)
    for row, one in enumerate(batch):
        length = len(one.ids)
        ids[row, :length], mask[row, :length] = one.ids, 1
        labels[row, :length] = np.where(one.trained, one.ids, _IGNORED)
    as_tensors = (torch.from_numpy(array).to(device) for array in (ids, mask, labels))
    return tuple(as_tensors)  # type: ignore[return-value]
