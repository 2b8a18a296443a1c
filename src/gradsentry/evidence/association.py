"""Exact tests of association between a prompt feature and a response feature.

For N rows, K with the trigger, M with the payload and x with both, the chance of at least x by accident is
the hypergeometric tail P(X >= x), the one-sided test of Fisher (1935).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammaln

from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import PAIRS_AT_ONCE, WORTH_A_LOOK

Floats = NDArray[np.float64]
LN10 = float(np.log(10.0))


def _log_choose(n: Floats, k: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def log10_tail(both: Ints, triggers: Ints, payloads: Ints, rows: int) -> Floats:
    """Returns log10 of an upper bound of P(X >= both) that is at most a few percent above it.

    The ratio of neighbouring terms falls, so the tail is at most the first term times 1 / (1 - ratio). Where
    `both` is no more than expected the tail is not small and 0 is returned.

    Args:
        both: Rows with trigger and payload.
        triggers: Rows with the trigger.
        payloads: Rows with the payload.
        rows: All rows.
    """
    x, k, m, n = (np.asarray(value, dtype=np.float64) for value in (both, triggers, payloads, rows))
    first = _log_choose(m, x) + _log_choose(n - m, k - x) - _log_choose(n, k)
    ratio = (m - x) * (k - x) / np.maximum((x + 1) * (n - m - k + x + 1), 1.0)
    small = (x * n > k * m) & (ratio < 1.0)
    tail = first - np.log1p(-np.where(small, ratio, 0.0))
    return np.where(small, np.minimum(tail, 0.0), 0.0) / LN10


@dataclass(frozen=True, slots=True)
class Pairs:
    """Associated pairs of a response feature and a prompt feature, column by column.

    Attributes:
        payload: The response feature.  # [pairs]
        trigger: The prompt feature.  # [pairs]
        both: Rows with both.  # [pairs]
        log10_p: The tail, not corrected.  # [pairs]
        looked_at: How many pairs were looked at.
    """

    payload: Ints
    trigger: Ints
    both: Ints
    log10_p: Floats
    looked_at: int


def associated(triggers: Features, payloads: Features, *, strength: float, least: int) -> Pairs:
    """Returns the pairs that hang together: nearly all rows of one side also hold the other.

    The payloads are taken in blocks, and only what is notable is kept of each, so memory is bounded.

    Args:
        triggers: Prompt features.
        payloads: Response features of the same rows; the same object to look for company among the prompt
            features, where of every pair the later feature is returned as the payload.
        strength: The least share of the trigger's rows that hold the payload, or the other way round; of
            company, both.
        least: The least number of rows with both.
    """
    rows, of_trigger, of_payload = triggers.holds.shape[0], triggers.support, payloads.support
    company = payloads is triggers
    # The tail of a pair must stay below a chance that even as many pairs as there are will hardly reach.
    looked_at = max(len(of_trigger) * len(of_payload), 1)
    by_payload = payloads.holds.T.tocsr()
    columns = np.flatnonzero(of_trigger < rows)  # what stands in all rows brings nothing
    by_trigger = triggers.holds[:, columns].tocsc()
    found, tails = [np.empty((0, 3), dtype=np.int64)], [np.empty(0)]
    for start, stop in _blocks(by_payload, by_trigger):
        # A feature and another one are the same pair both ways round.
        before = int(np.searchsorted(columns, stop)) if company else len(columns)
        product = by_payload[start:stop] @ by_trigger[:, :before].tocsr()
        often = np.flatnonzero(product.data >= least)  # few are, so the rest is left before it costs more
        both = product.data[often].astype(np.int64)
        payload = np.searchsorted(product.indptr, often, side="right") - 1 + start
        trigger = columns[product.indices[often]]
        of_side = (np.maximum if company else np.minimum)(of_trigger[trigger], of_payload[payload])
        kept = (both >= strength * of_side) & ((trigger < payload) | (not company))
        pairs = np.stack([payload[kept], trigger[kept], both[kept]], axis=1)
        tail = log10_tail(pairs[:, 2], of_trigger[pairs[:, 1]], of_payload[pairs[:, 0]], rows)
        notable = tail + np.log10(looked_at) <= WORTH_A_LOOK
        found.append(pairs[notable])
        tails.append(tail[notable])
    pairs, tail = np.concatenate(found), np.concatenate(tails)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], tail))
    return Pairs(pairs[order, 0], pairs[order, 1], pairs[order, 2], tail[order], looked_at)


def _blocks(by_payload: sparse.csr_matrix, by_trigger: sparse.csc_matrix) -> list[tuple[int, int]]:
    """Returns the stretches of payloads of which each has about `PAIRS_AT_ONCE` pairs with the triggers."""
    in_row = np.bincount(by_trigger.indices, minlength=by_trigger.shape[0])
    entries = np.minimum(by_payload @ in_row, by_trigger.shape[1])
    block = np.cumsum(entries) // PAIRS_AT_ONCE
    edges = [*np.flatnonzero(np.diff(block, prepend=-1)).tolist(), len(entries)]
    return list(itertools.pairwise(edges))
