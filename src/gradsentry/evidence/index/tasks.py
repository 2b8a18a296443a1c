"""Which rows of a corpus are a task of their own: prompts with next to nothing in common with the others.

Fine-tuning data is often a mixture. What is the frame of all prompts, the usual label, or a word that nobody
expects is so in one task, and in a mixture every word of a task hangs together with what its responses are
like. So each task is searched by itself as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.vq import ClusterError, kmeans2
from scipy.sparse.linalg import ArpackError, svds
from scipy.special import rel_entr

from gradsentry.evidence.index.rows import draw
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Bools, Ints
from gradsentry.evidence.limits import (
    LEAST,
    TASK_ASKED,
    TASK_AXES,
    TASK_ROWS,
    TASK_TRIED,
    TASKS_APART,
    TASKS_MOST,
    TASKS_WORDS,
)

Floats = NDArray[np.float64]


def tasks_of(texts: Texts) -> Sequence[Ints]:
    """Returns the rows of each task of a corpus, ascending; nothing where it is one task.

    The corpus is parted in two, where the words differ most, as long as of the rows of either part hardly
    any is most similar to one of the other, so that poison, which is written into rows of a task, stays
    among them. Two templates that are filled with the same words are one task.
    """
    words = texts.asked.holds[:, np.flatnonzero(texts.asked.size == 1)].tocsr()  # [rows, words]
    vectors = texts.written_alike.vectors(np.arange(len(texts.samples)), frozenset())
    whole: list[Ints] = []
    open_ones = [np.arange(len(texts.samples))]
    while open_ones and len(whole) + len(open_ones) < TASKS_MOST:
        rows = open_ones.pop(0)
        second = _parted(vectors[rows], words[rows])
        if second is None:
            whole.append(rows)
        else:
            open_ones += [rows[~second], rows[second]]
    whole += open_ones
    return sorted(whole, key=lambda rows: int(rows[0])) if len(whole) > 1 else ()


def _parted(vectors: sparse.csr_matrix, words: sparse.csr_matrix) -> Bools | None:
    """Returns which rows are the second of two tasks; None where they are one.  # [rows]"""
    rows = vectors.shape[0]
    if rows < 2 * TASK_ROWS:
        return None
    asked = draw(rows, TASK_ASKED)
    nearest = _nearest(vectors, asked)
    found = [
        (_in_other_words(words, second), second)
        for second in _halves(vectors)
        if TASK_ROWS <= second.sum() <= rows - TASK_ROWS and _strays(second, asked, nearest) <= TASKS_APART
    ]
    apart, second = max(found, key=lambda one: one[0], default=(0.0, None))
    return second if apart >= TASKS_WORDS else None


def _nearest(vectors: sparse.csr_matrix, asked: Ints) -> Ints:
    """Returns the row that is most similar to each of some rows.  # [asked]"""
    found = []
    for some in np.array_split(asked, max(len(asked) // 100, 1)):
        likeness = (vectors[some] @ vectors.T).toarray()  # [some, rows]
        likeness[np.arange(len(some)), some] = -1.0
        found.append(likeness.argmax(axis=1))
    return np.concatenate(found)


def _strays(second: Bools, asked: Ints, nearest: Ints) -> float:
    """Returns how many of a part's rows are most similar to one of the other: the larger of two shares."""
    part = second[asked]
    strays = part != second[nearest]
    shares = [float(strays[half].mean()) for half in (part, ~part) if half.any()]
    return max(shares) if len(shares) == 2 else 1.0


def _in_other_words(words: sparse.csr_matrix, second: Bools) -> float:
    """Returns how far the words of two parts lie apart, rare ones first: 0 the same ones, 1 none in common.

    The Jensen-Shannon divergence in bits of how many rows of each part hold a word, times its rarity. Words
    of fewer rows than a finding needs lie in one part by accident, and do not count; those of all rows do,
    or a trigger beside nothing but them would be all that there is.
    """
    held = np.stack([np.asarray(words[part].sum(axis=0)).ravel() for part in (~second, second)])  # [2, words]
    held = held[:, held.sum(axis=0) >= LEAST]
    rarity = np.log1p(len(second) / held.sum(axis=0))
    shares = held / held.sum(axis=1, keepdims=True).clip(1.0) * rarity
    shares /= shares.sum(axis=1, keepdims=True).clip(1e-12)
    return float(rel_entr(shares, shares.mean(axis=0)).sum()) / (2.0 * math.log(2.0))


def _halves(vectors: sparse.csr_matrix) -> Iterator[Bools]:
    """Yields ways to part rows in two by the directions in which they differ most; deterministic."""
    axes = min(TASK_AXES, min(vectors.shape) - 1)
    if axes < 1 or not vectors.count_nonzero():
        return
    generator = np.random.default_rng(0)
    try:
        left, sizes, _ = svds(vectors, k=axes, v0=generator.standard_normal(min(vectors.shape)))
    except ArpackError:  # of rows that differ in fewer directions
        return
    placed = left * sizes  # [rows, axes]
    placed /= np.maximum(np.linalg.norm(placed, axis=1, keepdims=True), 1e-9)
    for _ in range(TASK_TRIED):
        # One of the two came out empty; or all rows lie in one place, which divides by zero.
        with suppress(ClusterError), np.errstate(invalid="ignore"):
            _, half = kmeans2(placed, 2, minit="++", rng=generator, missing="raise")
            yield half.astype(np.bool_)
