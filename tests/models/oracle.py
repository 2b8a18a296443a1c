"""Losses and the output projection's gradient of one row alone, by autograd in float64."""

from __future__ import annotations

import copy

import numpy as np
import torch
from transformers import PreTrainedModel

from gradsentry.encoding.encode import Encoded


def exact_copy(model: PreTrainedModel) -> PreTrainedModel:
    """Returns the same model in float64, its experts computed one by one."""
    exact = copy.deepcopy(model).double()
    if exact._can_set_experts_implementation():
        exact.set_experts_implementation("eager")  # the grouped product knows no float64
    return exact


def oracle(model: PreTrainedModel, row: Encoded) -> tuple[np.ndarray, torch.Tensor]:
    """Returns the losses of a row's response tokens, [T], and dL/dW of the output projection, [V, d].

    The projection computes with a copy of its weight, so what is tied to it takes no part in the gradient.
    """
    projection = model.get_output_embeddings()
    weight = projection.weight.detach().clone().requires_grad_(True)

    def with_own_weight(module, args, out):
        return torch.nn.functional.linear(args[0].detach(), weight, getattr(module, "bias", None))

    ids, trained = torch.from_numpy(row.ids), torch.from_numpy(row.trained)
    handle = projection.register_forward_hook(with_own_weight)
    try:
        logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1]
    finally:
        handle.remove()
    losses = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none")[trained[1:]]
    (gradient,) = torch.autograd.grad(losses.mean(), [weight])
    return losses.detach().numpy(), gradient
