"""Factors -> singular values -> entropy. Pure functions.

A sample's gradient is `G = D^T A / T` with D [T, V] and A [T, d], so its singular values are the roots of the
eigenvalues of a small matrix. Two routes give it; the cheaper one is taken:

===========  =============================================  ======  ================================
route        matrix decomposed                              size    cost
===========  =============================================  ======  ================================
gram         B (D D^T) B^T, B = R of A^T = Q R, or A^T      T or d  V T^2
product      (D^T A)^T (D^T A)                              d       V d (T + d)
===========  =============================================  ======  ================================

Roots of eigenvalues have half of the digits: beside s_1 the error of s_i is a few sqrt(eps), 1e-7 in float64.
Everything is therefore done in float64 whatever the factors' dtype; the factors come from a float32 forward
pass, whose own error (1e-6) is larger. QR of both factors and the SVD of `R_D R_A^T` would keep all digits,
but cost more for all but the shortest responses, and cannot be summed over blocks of D's columns.

Samples of like length are decomposed together, padded with rows of zeros, which add nothing but eigenvalues
of 0. Factors that are not finite give values that are not: NaN.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

FLOOR = 1e-12
# How much longer than the shortest the longest of a group may be.
_SLACK = 1.25
# How many numbers of D it may hold: what stays in a processor's cache; a GPU wants many at once.
_CPU_NUMBERS, _GPU_NUMBERS = 1 << 17, 1 << 25


def singular_values(D: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the k largest singular values of `D^T A / T`, in falling order, float64, padded with zeros.

    Args:
        D: Gradient of the summed loss with respect to the layer's output, [T, V].
        A: Input of the layer, [T, d].
        k: How many.
    """
    return sample_values(D, A, [len(D)], k)[0]


def sample_values(D: Tensor, A: Tensor, counts: Sequence[int], k: int) -> Tensor:
    """Returns the same for several samples, [n, k].

    Args:
        D: Their factors, one sample after another, [N, V].
        A: Likewise, [N, d].
        counts: Rows of each sample, [n].
        k: How many.
    """
    starts = [0, *itertools.accumulate(counts)]
    values = torch.empty(len(counts), k, dtype=torch.float64)
    numbers = _GPU_NUMBERS if D.device.type == "cuda" else _CPU_NUMBERS
    for members in _alike(counts, numbers // max(1, D.shape[1])):
        tokens = torch.tensor([counts[i] for i in members])
        steps = torch.arange(max(counts[i] for i in members))
        first = torch.tensor([starts[i] for i in members])[:, None]
        # A mask as an index would have the device counted out; this is known here.
        rows = torch.minimum(first + steps, torch.tensor(starts[-1] - 1)).to(D.device)  # [n, T]
        absent = (steps >= tokens[:, None])[..., None].to(D.device)  # [n, T, 1]
        some_D, some_A = (factor[rows].masked_fill_(absent, 0.0) for factor in (D, A))
        if narrow(*some_A.shape[1:]):
            values[members] = gram_values(gram(some_D), some_A, k, tokens)
        else:
            values[members] = root_values(product_gram(some_D, some_A), tokens, k)
    return values


def _alike(counts: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yields samples that are decomposed together: of like length, with so many tokens at most, or one."""
    members: list[int] = []
    for i in sorted(range(len(counts)), key=lambda i: counts[i]):
        long = members and counts[i] > _SLACK * counts[members[0]] + 1
        if long or (len(members) + 1) * counts[i] > tokens:
            if members:
                yield members
            members = []
        members.append(i)
    if members:
        yield members


def narrow(tokens: int, width: int) -> bool:
    """Whether the Gram matrix of D is the cheaper route for A [tokens, width]."""
    return tokens * tokens <= width * (tokens + width)


def gram(D: Tensor) -> Tensor:
    """Returns `D D^T`, [..., T, T], float64, of D [..., T, V]."""
    D = wide(D)
    return D @ D.mT


def product_gram(D: Tensor, A: Tensor) -> Tensor:
    """Returns `(D^T A)^T (D^T A)`, [..., d, d], float64, which can be summed over blocks of D's columns."""
    G = wide(D).mT @ wide(A)  # [..., V, d]
    return G.mT @ G


def gram_values(K: Tensor, A: Tensor, k: int, tokens: Tensor | None = None) -> Tensor:
    """Returns the singular values from `K = D D^T`, which can be summed over blocks of D's columns.

    `G^T G = A^T K A / T^2` has the squares of them as eigenvalues. Where T < d, `A^T = Q R` puts the T x T
    matrix `R K R^T` in its place. See `singular_values`.

    Args:
        K: [..., T, T], float64.
        A: [..., T, d].
        k: How many.
        tokens: T of each sample, where they are padded, [...].
    """
    # What is left is small: LAPACK is faster at it than a GPU.
    B, K = _reduced(A.cpu()), K.cpu()
    return root_values(B @ K @ B.mT, A.shape[-2] if tokens is None else tokens, k)


def root_values(M: Tensor, tokens: Tensor | int, k: int) -> Tensor:
    """Returns the singular values from a matrix whose eigenvalues are T^2 times their squares, [..., k].

    Args:
        M: [..., m, m], symmetric, float64.
        tokens: T, [...].
        k: How many.
    """
    M = M.cpu()
    finite = M.isfinite().all(dim=-1).all(dim=-1)[..., None]  # [..., 1]
    squares = torch.linalg.eigvalsh(torch.where(finite[..., None], (M + M.mT) / 2, 0.0)).flip(-1)
    # What is below the rounding of the largest is noise, and its root would be a thousand times louder.
    squares = torch.where(squares > squares[..., :1] * 1e-15, squares, 0.0)
    counts = torch.as_tensor(tokens)[..., None]
    values = torch.where(finite, squares.sqrt() / counts, math.nan)[..., :k]
    return torch.nn.functional.pad(values, (0, k - values.shape[-1]), value=0.0)


def token_shares(K: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the share of each token in the k largest singular values of `G = D^T A / T`, [T], float64.

    With the singular vectors u_i, v_i, each singular value is a sum over tokens,
    `s_i = u_i^T G v_i = sum_t (u_i . D_t)(v_i . A_t) / T`: the term of t is also how fast s_i grows with the
    token's part of G, since `ds_i = u_i^T dG v_i` (Stewart and Sun, Matrix Perturbation Theory, 1990). A
    token's share is the sum of its terms over i by the sum of the s_i. Shares sum to 1; that of a token that
    cancels others is negative. NaN where G is zero or not finite.

    Args:
        K: `D D^T`, [T, T], float64.
        A: [T, d].
        k: How many singular values.
    """
    B = _reduced(A)
    M = B @ K @ B.T
    if not M.isfinite().all():
        return torch.full(K.shape[:1], math.nan, dtype=M.dtype, device=M.device)
    squares, vectors = torch.linalg.eigh((M + M.T) / 2)
    squares, vectors = squares.flip(0)[:k], vectors.flip(1)[:, :k]
    kept = squares > squares[:1] * 1e-15
    P = (B.T @ vectors)[:, kept]  # [T, k]: v_i . A_t
    terms = (K @ P) * P / squares[kept].sqrt()  # [T, k]: T times the terms, since u_i = D^T A v_i / (T s_i)
    shares: Tensor = terms.sum(dim=1) / squares[kept].sqrt().sum()
    return shares


def _reduced(A: Tensor) -> Tensor:
    """Returns a matrix with the Gram matrix of `A^T`, small: `A^T = Q B`, [..., min(d, T), T]."""
    B = wide(A).mT  # [..., d, T]
    return torch.linalg.qr(B, mode="r").R if B.shape[-1] < B.shape[-2] else B


def entropy(values: Tensor) -> Tensor:
    """Returns the normalised spectral entropy `-sum p ln p / ln k`, `p = s / sum s`, in [0, 1].

    Higher is more suspicious. Singular values are clamped at 1e-12, so a spectrum that is zero throughout is
    flat and has entropy 1; `scoring` refuses such a row. Source: arXiv 2605.26574.

    Args:
        values: Singular values, [..., k].
    """
    s = values.double().clamp_min(FLOOR)
    p = s / s.sum(dim=-1, keepdim=True)
    return (-(p * p.log()).sum(dim=-1) / math.log(values.shape[-1])).clamp(0.0, 1.0)


def wide(tensor: Tensor) -> Tensor:
    """Returns a tensor in float64; on the CPU where its device (MPS) has none."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor.double()
