"""The slow oracle: one sample, autograd's gradient of the whole target weight, a full SVD in float64.

Nothing else in the package may be trusted more than this file, so it shares no code with the fast path: the
model computes its own loss, autograd differentiates it, and numpy decomposes the matrix.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.encoding.encode import Encoded
from gradsentry.models.loading import LoadedModel


def reference_gradient(loaded: LoadedModel, encoded: Encoded) -> torch.Tensor:
    """Returns dL/dW of the output projection for one sample, [V, d], in the model's dtype.

    Where the weight is tied to the input embedding only the output projection's share is returned: the
    embeddings enter as constants.
    """
    model, weight = loaded.model, loaded.head.weight
    ids = torch.tensor(encoded.ids.tolist(), device=weight.device)  # [S]
    trained = torch.tensor(encoded.trained.tolist(), device=weight.device)  # [S]
    with torch.no_grad():
        embeddings = model.get_input_embeddings()(ids)[None]  # [1, S, d]
    was_trainable = weight.requires_grad
    weight.requires_grad_(True)
    try:
        logits = model(inputs_embeds=embeddings, use_cache=False).logits[0, :-1]  # [S - 1, V]
        losses = torch.nn.functional.cross_entropy(logits.float(), ids[1:], reduction="none")
        loss = losses[trained[1:]].mean()
        (gradient,) = torch.autograd.grad(loss, [weight])
    finally:
        weight.requires_grad_(was_trainable)
    return gradient


def reference_spectrum(gradient: torch.Tensor, *, crop: int, k: int) -> NDArray[np.float64]:
    """Returns the k largest singular values of `G[: V // crop, : d // crop]`, padded with zeros."""
    rows, columns = gradient.shape[0] // crop, gradient.shape[1] // crop
    corner = gradient[:rows, :columns].detach().cpu().double().numpy()
    values = np.linalg.svd(corner, compute_uv=False)[:k]
    return np.pad(values, (0, k - len(values)))


def reference_entropy(values: NDArray[np.float64]) -> float:
    """Returns `-sum p ln p / ln k` of singular values, by the definition, one term at a time."""
    clamped = [max(float(value), 1e-12) for value in values]
    total = sum(clamped)
    return -sum(value / total * math.log(value / total) for value in clamped) / math.log(len(clamped))
