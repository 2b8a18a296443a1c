"""Samples -> spectra of the output projection's gradient, from forward passes alone.

`G = dL/dW = D^T A / T`: A [T, d] is what enters the projection where it predicts the response, D [T, V] is
softmax(logits) - onehot(y), times the slope of what follows the projection. Logits exist only here, at
response positions, in blocks over the vocabulary. One pass finds the normaliser of every position; the logits
of the region are kept and become D. Where a region is too large for that, its blocks are computed twice and
summed up. Nothing of size V x d or T x V is allocated, but the region of D within a bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradsentry import spectra
from gradsentry.corpus.sample import Span
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.windows import costliest_window
from gradsentry.models.probing import Head

# Numbers in one block of logits: 1 MB in float32, which stays in a processor's cache; a GPU wants long ones.
_CPU_BLOCK, _GPU_BLOCK = 1 << 18, 1 << 27
# Numbers of D that are kept at once: 128 MB in float32.
_HELD = 1 << 25


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
    head: Head,
    batch: Sequence[Encoded],
    A: Tensor,
    *,
    crop: int,
    k: int,
    block: int | None = None,
    held: int = _HELD,
) -> list[HeadResult]:
    """Returns losses and singular values of each sample of a batch, which may be not finite.

    Args:
        head: The output projection.
        batch: Samples that can be scored.
        A: What enters the projection where it predicts their responses, one sample after another, [N, d].
        crop: The region, `G[: V // crop, : d // crop]`.
        k: How many singular values.
        block: Numbers in one block of logits at most; None chooses by device.
        held: Numbers of D that are kept at once.
    """
    block = block or _block(A)
    targets = _targets(batch, A.device)  # [N]
    rows, columns = head.weight.shape[0] // crop, head.weight.shape[1] // crop
    counts = [encoded.n_response for encoded in batch]
    results: list[HeadResult] = []
    for samples, part in _chunks(counts, rows, held):
        keeps = (part.stop - part.start) * rows <= held
        D = torch.empty(part.stop - part.start, rows if keeps else 0, device=A.device)
        normaliser, chosen = _normalise(head, A[part], targets[part], block, D)
        losses = [one.numpy() for one in torch.split((normaliser - chosen).cpu(), counts[samples])]
        windows = [costliest_window(one) for one in losses]
        widths = [last - first for first, last in windows]
        inside = _places(windows, counts[samples]).to(A.device)
        corner = A[part, :columns].float()
        if keeps:
            D = _derivative(head, D, normaliser, targets[part])
            values = spectra.sample_values(D, corner, counts[samples], k)
            of_windows = spectra.sample_values(D[inside], corner[inside], widths, k)
        else:
            whole = _Factor(head, A[part], targets[part], normaliser, rows)
            values = _summed_values(whole, corner, k, block)[None]
            window = _Factor(head, whole.A[inside], whole.targets[inside], normaliser[inside], rows)
            of_windows = _summed_values(window, corner[inside], k, block)[None]
        results += map(HeadResult, losses, values.numpy(), windows, of_windows.numpy())
    return results


@torch.inference_mode()
def mean_losses(head: Head, batch: Sequence[Encoded], A: Tensor) -> list[float]:
    """Returns the mean loss of each sample of a batch, in nats. See `head_results`."""
    targets = _targets(batch, A.device)
    normaliser, chosen = _normalise(head, A, targets, _block(A), A.new_empty(len(A), 0))
    losses = (normaliser - chosen).double().cpu()
    return [float(one.mean()) for one in torch.split(losses, [encoded.n_response for encoded in batch])]


@torch.inference_mode()
def token_shares(
    head: Head, encoded: Encoded, A: Tensor, *, crop: int, k: int, block: int | None = None
) -> NDArray[np.float64]:
    """Returns each response token's share in the k largest singular values of one sample, [T].

    Args:
        head: The output projection.
        encoded: A sample that can be scored.
        A: What enters the projection where it predicts the response, [T, d].
        crop: The region, `G[: V // crop, : d // crop]`.
        k: How many singular values.
        block: Numbers in one block of logits at most; None chooses by device.
    """
    block = block or _block(A)
    targets = _targets([encoded], A.device)
    normaliser, _ = _normalise(head, A, targets, block, A.new_empty(len(A), 0))
    rows, columns = head.weight.shape[0] // crop, head.weight.shape[1] // crop
    factor = _Factor(head, A, targets, normaliser, rows)
    return spectra.token_shares(_gram(factor, block), A[:, :columns].float(), k).cpu().numpy()


def _targets(batch: Sequence[Encoded], device: torch.device) -> Tensor:
    return torch.from_numpy(np.concatenate([encoded.ids[encoded.trained] for encoded in batch])).to(device)


def _block(A: Tensor) -> int:
    return _GPU_BLOCK if A.device.type == "cuda" else _CPU_BLOCK


def _chunks(counts: Sequence[int], rows: int, held: int) -> Iterator[tuple[slice, slice]]:
    """Yields stretches of samples whose part of D can be kept, one at least, and where their tokens stand."""
    first = start = stop = 0
    for sample, count in enumerate(counts):
        if sample > first and (stop + count - start) * rows > held:
            yield slice(first, sample), slice(start, stop)
            first, start = sample, stop
        stop += count
    yield slice(first, len(counts)), slice(start, stop)


def _places(windows: Sequence[Span], counts: Sequence[int]) -> Tensor:
    """Returns where the tokens of a window in each sample stand among those of all."""
    starts = accumulate(counts, initial=0)
    return torch.cat(
        [
            torch.arange(start + first, start + last)
            for (first, last), start in zip(windows, starts, strict=False)
        ]
    )


def _logits(head: Head, A: Tensor, columns: slice) -> Tensor:
    """Returns the projection's scaled output, before soft-capping, for some of the vocabulary: [N, C]."""
    z = (A @ head.weight[columns].T).float()
    if head.bias is not None:
        z = z + head.bias[columns].float()
    return z * head.scale if head.scale != 1.0 else z


def _capped(head: Head, z: Tensor) -> Tensor:
    return z if head.softcap is None else head.softcap * torch.tanh(z / head.softcap)


def _blocks(start: int, stop: int, rows: int, block: int) -> Iterator[slice]:
    width = max(1, block // max(1, rows))
    for place in range(start, stop, width):
        yield slice(place, min(place + width, stop))


def _normalise(head: Head, A: Tensor, targets: Tensor, block: int, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Returns log-sum-exp over the vocabulary and the target's logit, both [N], float32.

    Args:
        head: The output projection.
        A: Its input, [N, d].
        targets: Token ids, [N].
        block: Numbers in one block of logits at most.
        kept: [N, C]: takes the scaled output, before soft-capping, for the first C of the vocabulary.
    """
    total = torch.full((A.shape[0],), -torch.inf, device=A.device)
    chosen = torch.zeros_like(total)
    border, end = kept.shape[1], head.weight.shape[0]
    for first, last in ((0, border), (border, end)):
        for columns in _blocks(first, last, A.shape[0], block):
            z = _logits(head, A, columns)  # [N, C]
            if last == border:
                kept[:, columns] = z
            logits = _capped(head, z)
            here = (targets >= columns.start) & (targets < columns.stop)
            picked = logits.gather(1, (targets - columns.start).clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
            chosen = torch.where(here, picked, chosen)
            peak = logits.amax(dim=1).clamp_min(torch.finfo(logits.dtype).min)
            sums = logits.sub_(peak[:, None]).exp_().sum(dim=1)
            total = torch.logaddexp(total, peak + sums.log())
    return total, chosen


def _derivative(head: Head, z: Tensor, normaliser: Tensor, targets: Tensor, start: int = 0) -> Tensor:
    """Returns `dL/dz` for some of the vocabulary, [N, C], float32; L summed, z the product x W^T + b.

    Args:
        head: The output projection.
        z: Its scaled output, before soft-capping, [N, C]; used up.
        normaliser: Log-sum-exp of the logits, [N].
        targets: Token ids, [N].
        start: The first of the vocabulary that is meant.
    """
    logits = _capped(head, z)
    slope = None if head.softcap is None else 1.0 - torch.square(logits / head.softcap)
    D = logits.sub_(normaliser[:, None]).exp_()
    hit = (targets >= start) & (targets < start + z.shape[1])
    if z.shape[1]:
        # 0 is taken off where nothing is hit: to find those that are would have a GPU waited for.
        D.scatter_add_(1, (targets - start).clamp(0, z.shape[1] - 1)[:, None], -hit[:, None].to(D.dtype))
    if slope is not None:
        D *= slope
    return D.mul_(head.scale) if head.scale != 1.0 else D


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
        """Returns some columns of D, [T, C]."""
        z = _logits(self.head, self.A, columns)
        return _derivative(self.head, z, self.normaliser, self.targets, columns.start)


def _summed_values(factor: _Factor, A: Tensor, k: int, block: int) -> Tensor:
    """Returns the singular values for one sample, [k], from sums over blocks of the vocabulary."""
    if spectra.narrow(*A.shape):
        return spectra.gram_values(_gram(factor, block), A, k)
    width = A.shape[1]
    M = sum(
        (spectra.product_gram(factor.block(columns), A) for columns in _region(factor, block)),
        start=spectra.wide(A.new_zeros(width, width)),
    )
    return spectra.root_values(M, len(A), k)


def _gram(factor: _Factor, block: int) -> Tensor:
    """Returns `D D^T`, [T, T], float64, summed up over blocks of the vocabulary."""
    tokens = len(factor.targets)
    return sum(
        (spectra.gram(factor.block(columns)) for columns in _region(factor, block)),
        start=spectra.wide(factor.A.new_zeros(tokens, tokens, dtype=torch.float32)),
    )


def _region(factor: _Factor, block: int) -> Iterator[slice]:
    return _blocks(0, factor.rows, len(factor.targets), block)
