"""Factors -> singular values -> entropy. Pure functions.

A sample's gradient is `G = D^T A / T` with D [T, V] and A [T, d], so its singular values are those of a small
matrix. Three routes give them; `singular_values` takes the cheapest that its shapes allow:

===========  =====================================  ===================  =====================================
route        matrix decomposed                      cost                 error of s_i, beside s_1
===========  =====================================  ===================  =====================================
product      G itself, [V, d]                       V d min(V, d)        a few eps
qr           R_D R_A^T, [T, T]                      (V + d) T^2          a few eps
gram         B (D D^T) B^T, B = R_A or A^T          V T^2, less by 4     a few sqrt(eps): 1e-7 in float64
===========  =====================================  ===================  =====================================

Factors that are not finite give values that are not: NaN.

The Gram route squares the condition, so it runs in float64 whatever the factors' dtype; the factors come from
a float32 forward pass, whose own error (1e-6) is larger.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FLOOR = 1e-12
_QR_TOKENS = 4


def singular_values(D: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the k largest singular values of `D^T A / T`, in falling order, float64, padded with zeros.

    Args:
        D: Gradient of the summed loss with respect to the layer's output, [T, V].
        A: Input of the layer, [T, d].
        k: How many.
    """
    D, A = wide(D), wide(A)
    tokens, (rows, columns) = D.shape[0], (D.shape[1], A.shape[1])
    if min(rows, columns) <= tokens and rows * columns <= tokens * tokens:
        return product_values(D, A, k)
    if tokens <= _QR_TOKENS:
        return qr_values(D, A, k)
    return gram_values(gram(D), A, k)


def product_values(D: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the singular values from G itself: for T beyond both of its sides. See `singular_values`."""
    G = wide(D).T @ wide(A) / D.shape[0]  # [V, d]
    return _largest(_svdvals(G), k)


def qr_values(D: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the singular values of `R_D R_A^T`: exact to rounding. See `singular_values`."""
    R_D = torch.linalg.qr(wide(D).T, mode="r").R  # [min(V, T), T]
    R_A = torch.linalg.qr(wide(A).T, mode="r").R  # [min(d, T), T]
    return _largest(_svdvals(R_D @ R_A.T) / D.shape[0], k)


def gram(D: Tensor) -> Tensor:
    """Returns `D D^T`, [T, T], float64."""
    D = wide(D)
    return D @ D.T


def gram_values(K: Tensor, A: Tensor, k: int) -> Tensor:
    """Returns the singular values from `K = D D^T`, which can be summed over blocks of D's columns.

    `G^T G = A^T K A / T^2` has the squares of them as eigenvalues. Where T < d, `A^T = Q R` puts the T x T
    matrix `R K R^T` in its place. See `singular_values`.

    Args:
        K: [T, T], float64.
        A: [T, d].
        k: How many.
    """
    tokens = A.shape[0]
    B = _reduced(A)
    M = B @ K @ B.T
    if not M.isfinite().all():
        return torch.full((k,), math.nan, dtype=M.dtype, device=M.device)
    squares = torch.linalg.eigvalsh((M + M.T) / 2).flip(0)
    # What is below the rounding of the largest is noise, and its root would be a thousand times louder.
    squares = torch.where(squares > squares[:1] * 1e-15, squares, 0.0)
    return _largest(squares.sqrt() / tokens, k)


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
    """Returns a matrix with the Gram matrix of `A^T`, as small as can be: `A^T = Q B`, [min(d, T), T]."""
    B = wide(A).T  # [d, T]
    return torch.linalg.qr(B, mode="r").R if B.shape[1] < B.shape[0] else B


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


def _svdvals(matrix: Tensor) -> Tensor:
    """Returns the singular values, NaN where an entry is not finite (LAPACK would raise)."""
    if not matrix.isfinite().all():
        return torch.full((min(matrix.shape),), math.nan, dtype=matrix.dtype, device=matrix.device)
    values: Tensor = torch.linalg.svdvals(matrix)
    return values


def _largest(values: Tensor, k: int) -> Tensor:
    kept = values[:k]
    return torch.nn.functional.pad(kept, (0, k - kept.shape[0]))
