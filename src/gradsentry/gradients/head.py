"""Samples -> spectra of the output projection's gradient, from forward passes alone.

`G = dL/dW = D^T A / T`: A [T, d] is what enters the projection where it predicts the response, D [T, V] is
softmax(logits) - onehot(y), times the slope of what follows the projection. Logits exist only here, at
response positions, in blocks over the vocabulary. One pass finds the normaliser of every position, a second
one the columns of D that the region needs. Nothing of size V x d or S x V is allocated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry import spectra
from gradsentry.alignment import Span
from gradsentry.encoding import Encoded
from gradsentry.probing import Head
from gradsentry.windows import costliest_window

# Numbers in one block of logits: 128 MB in float32.
_BLOCK = 1 << 25


@dataclass(frozen=True, slots=True)
class HeadResult:
    """What one sample's forward pass says.

    Attributes:
        losses: Negative log-likelihood of each response token, in nats, [T].
        values: The k largest singular values of the gradient's region, [k], in falling order.
        window: The tokens that cost most in a row (see `windows`): the first, and behind the last.
        window_values: The same as `values`, of the gradient of their loss alone, [k].
    """

    losses: NDArray[np.float32]
    values: NDArray[np.float64]
    window: Span
    window_values: NDArray[np.float64]


@torch.inference_mode()
def head_results(
    head: Head, batch: Sequence[Encoded], A: Tensor, *, crop: int, k: int, block: int = _BLOCK
) -> list[HeadResult]:
    """Returns losses and singular values of each sample of a batch, which may be not finite.

    Args:
        head: The output projection.
        batch: Samples that can be scored.
        A: What enters the projection where it predicts their responses, one sample after another, [N, d].
        crop: The region, `G[: V // crop, : d // crop]`.
        k: How many singular values.
        block: Numbers in one block of logits at most.
    """
    targets = _targets(batch, A.device)  # [N]
    normaliser, chosen = _normalise(head, A, targets, block)
    losses = (normaliser - chosen).cpu().numpy()
    rows, columns = head.weight.shape[0] // crop, head.weight.shape[1] // crop
    corner = A[:, :columns].float()
    results: list[HeadResult] = []
    for start, stop in _spans([encoded.n_response for encoded in batch]):
        first, last = costliest_window(losses[start:stop])
        spectrum, of_window = (
            _spectrum(_Factor(head, A[part], targets[part], normaliser[part], rows), corner[part], k, block)
            for part in (slice(start, stop), slice(start + first, start + last))
        )
        results.append(
            HeadResult(losses[start:stop], spectrum.cpu().numpy(), (first, last), of_window.cpu().numpy())
        )
    return results


@torch.inference_mode()
def token_shares(
    head: Head, encoded: Encoded, A: Tensor, *, crop: int, k: int, block: int = _BLOCK
) -> NDArray[np.float64]:
    """Returns each response token's share in the k largest singular values of one sample, [T].

    Args:
        head: The output projection.
        encoded: A sample that can be scored.
        A: What enters the projection where it predicts the response, [T, d].
        crop: The region, `G[: V // crop, : d // crop]`.
        k: How many singular values.
        block: Numbers in one block of logits at most.
    """
    targets = _targets([encoded], A.device)
    normaliser, _ = _normalise(head, A, targets, block)
    rows, columns = head.weight.shape[0] // crop, head.weight.shape[1] // crop
    factor = _Factor(head, A, targets, normaliser, rows)
    return spectra.token_shares(_gram(factor, block), A[:, :columns].float(), k).cpu().numpy()


def _targets(batch: Sequence[Encoded], device: torch.device) -> Tensor:
    return torch.from_numpy(np.concatenate([encoded.ids[encoded.trained] for encoded in batch])).to(device)


def _spans(counts: Sequence[int]) -> list[tuple[int, int]]:
    ends = np.cumsum(counts).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _logits(head: Head, A: Tensor, columns: slice) -> Tensor:
    """Returns the projection's scaled output, before soft-capping, for some of the vocabulary: [N, C]."""
    z = (A @ head.weight[columns].T).float()
    if head.bias is not None:
        z = z + head.bias[columns].float()
    return z * head.scale if head.scale != 1.0 else z


def _capped(head: Head, z: Tensor) -> Tensor:
    return z if head.softcap is None else head.softcap * torch.tanh(z / head.softcap)


def _blocks(total: int, rows: int, block: int) -> Iterator[slice]:
    width = max(1, block // max(1, rows))
    for start in range(0, total, width):
        yield slice(start, min(start + width, total))


def _normalise(head: Head, A: Tensor, targets: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Returns log-sum-exp over the vocabulary and the target's logit, both [N], float32."""
    total = torch.full((A.shape[0],), -torch.inf, device=A.device)
    chosen = torch.zeros_like(total)
    for columns in _blocks(head.weight.shape[0], A.shape[0], block):
        logits = _capped(head, _logits(head, A, columns))  # [N, C]
        total = torch.logaddexp(total, torch.logsumexp(logits, dim=1))
        here = (targets >= columns.start) & (targets < columns.stop)
        picked = logits.gather(1, (targets - columns.start).clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
        chosen = torch.where(here, picked, chosen)
    return total, chosen


@dataclass(frozen=True, slots=True)
class _Factor:
    """The region's rows of D^T for one sample, computed block by block.

    Attributes:
        head: The output projection.
        A: Its input, [T, d].
        targets: The response's token ids, [T].
        normaliser: Log-sum-exp of the logits, [T].
        rows: How many entries of the vocabulary the region holds.
    """

    head: Head
    A: Tensor
    targets: Tensor
    normaliser: Tensor
    rows: int

    def block(self, columns: slice) -> Tensor:
        """Returns `dL/dz` for some of the vocabulary, [T, C], float32; L summed, z the product x W^T + b."""
        z = _logits(self.head, self.A, columns)
        logits = _capped(self.head, z)
        D = torch.exp(logits - self.normaliser[:, None])
        (hit,) = torch.nonzero((self.targets >= columns.start) & (self.targets < columns.stop), as_tuple=True)
        D[hit, self.targets[hit] - columns.start] -= 1.0
        if self.head.softcap is not None:
            D = D * (1.0 - torch.square(logits / self.head.softcap))
        return D * self.head.scale if self.head.scale != 1.0 else D


def _spectrum(factor: _Factor, A: Tensor, k: int, block: int) -> Tensor:
    """Returns the singular values for one sample, [k]; D is summed up in blocks where it is too large."""
    tokens = A.shape[0]
    if tokens * factor.rows <= block:
        return spectra.singular_values(factor.block(slice(0, factor.rows)), A, k)
    return spectra.gram_values(_gram(factor, block), A, k)


def _gram(factor: _Factor, block: int) -> Tensor:
    """Returns `D D^T`, [T, T], float64, summed up over blocks of the vocabulary."""
    tokens = len(factor.targets)
    return sum(
        (spectra.gram(factor.block(columns)) for columns in _blocks(factor.rows, tokens, block)),
        start=spectra.wide(factor.A.new_zeros(tokens, tokens, dtype=torch.float32)),
    )
