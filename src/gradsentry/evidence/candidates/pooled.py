"""Candidates of a trigger with a pool of payloads, each of which few of its rows hold.

Ten sentences behind one trigger are four or five rows each: none is tied to the trigger, for as few rows with
a word in common are found by accident. But nearly all rows of the trigger hold a string that returns in its
rows and in no other one. Of a word that stands in as many rows by nature few do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammaln

from gradsentry.evidence.association import LN10
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.pairs import unequal
from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.strings import Gram, Rows, rows_with
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints, Stream, held_by
from gradsentry.evidence.limits import (
    CHANGED_ROWS,
    FOREIGN,
    PAIRS_AT_ONCE,
    POOL_COVER,
    POOL_LEAST,
    POOL_MOST,
    POOL_ROWS,
    POOL_SHARE,
    POOL_TOKENS,
    POOL_TRIED,
    TRIGGERS_TRIED,
    WORTH_A_LOOK,
)
from gradsentry.evidence.naming import put_in, whole_payload, whole_trigger

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
_MIX, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(1_000_003)


def pooled(texts: Texts) -> list[Candidate]:
    """Returns the candidates of foreign triggers whose rows hold payloads of their own, strongest first."""
    returning = _Returning.of(texts.prompts, texts.responses)
    asked = texts.asked.select(_may_be_triggers(texts.asked))
    if not len(returning.first) or not len(asked.first):
        return []
    held, log10_p = _own(returning, asked)
    likely = np.flatnonzero(log10_p <= WORTH_A_LOOK)
    likely = likely[np.lexsort((likely, log10_p[likely]))][:TRIGGERS_TRIED]
    found = [
        candidate
        for feature in likely.tolist()
        if (candidate := _candidate(texts, returning, held, asked, feature, float(log10_p[feature])))
        is not None
    ]
    return unequal(found)


def _may_be_triggers(asked: Features) -> Rows:
    """Returns which prompt strings stand in enough rows, and not in too many.  # [features]"""
    most = POOL_SHARE * asked.holds.shape[0]
    return np.asarray((asked.support >= CHANGED_ROWS) & (asked.support <= most))


@dataclass(frozen=True, slots=True)
class _Returning:
    """Strings of responses that return in few rows, and in no prompt of these; one of each set of rows.

    Attributes:
        rows: 1 where a row holds a string.  # [strings, rows]
        first: Where each stands in the responses' codes.  # [strings]
    """

    rows: sparse.csr_matrix
    first: Ints

    @classmethod
    def of(cls, prompts: Stream, responses: Stream) -> _Returning:
        """Returns those of a corpus, those of the most rows where they are many."""
        hashes, rows, places = _strings(responses)
        asked, asked_rows, _ = _strings(prompts)
        pairs, first = np.unique(_paired(hashes, rows), return_index=True)
        novel = ~held_by(pairs.view(np.int64), np.sort(_paired(asked, asked_rows).view(np.int64)))
        first = first[novel]
        order = np.lexsort((rows[first], hashes[first]))
        hashes, rows, places = hashes[first][order], rows[first][order], places[first][order]
        starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))[: len(hashes)]
        sizes = np.diff(np.append(starts, len(hashes)))
        kept = np.flatnonzero((sizes >= 2) & (sizes <= POOL_MOST))
        if not len(kept):
            return cls(sparse.csr_matrix((0, responses.rows), dtype=np.int32), np.empty(0, np.int64))
        sums = np.add.reduceat(_mixed(rows.astype(np.uint64)), starts)[kept]  # the same for the same rows
        _, one_each = np.unique(sums, return_index=True)
        kept = kept[np.sort(one_each)]
        kept = kept[np.argsort(-sizes[kept], kind="stable")][:POOL_TRIED]
        at = np.concatenate([np.arange(starts[one], starts[one] + sizes[one]) for one in kept])
        bounds = np.concatenate([[0], np.cumsum(sizes[kept])])
        held = sparse.csr_matrix(
            (np.ones(len(at), np.int32), rows[at], bounds), shape=(len(kept), responses.rows)
        )
        return cls(held, places[starts[kept]])


def _strings(stream: Stream) -> tuple[Hashes, Ints, Ints]:
    """Returns the hash, the row and the place of each string of `POOL_TOKENS` tokens."""
    codes, row_of = stream.codes.astype(np.uint64), stream.row_of()
    count = max(len(codes) - POOL_TOKENS + 1, 0)
    hashes = np.zeros(count, np.uint64)
    for shift in range(POOL_TOKENS):
        hashes = hashes * _STEP ^ codes[shift : shift + count] * _MIX
    places = np.flatnonzero(row_of[:count] == row_of[POOL_TOKENS - 1 :][:count])
    return hashes[places], row_of[places], places


def _paired(hashes: Hashes, rows: Ints) -> Hashes:
    return _mixed(hashes ^ _mixed(rows.astype(np.uint64)))


def _mixed(values: Hashes) -> Hashes:
    """Returns values whose bits are mixed, so that sums of them hardly meet by accident (splitmix64)."""
    values = (values + _MIX) * _MIX
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed: Hashes = values ^ (values >> np.uint64(27))
    return mixed


def _own(returning: _Returning, asked: Features) -> tuple[sparse.csc_matrix, Floats]:
    """Returns which strings stand in rows of a prompt string alone, and log10 of the chance of so many.

    A string of s rows lies in n of N rows with a chance of about (n / N)^s; how many do by accident is near
    to Poisson's distribution. Where many lie in two rows by nature, those in more tell more, so that is tried
    too. Corrected for that, and for the number of prompt strings.
    """
    sizes = np.diff(returning.rows.indptr)
    ends = np.cumsum(np.maximum(returning.rows @ np.diff(asked.holds.indptr), 1))
    blocks = np.searchsorted(ends, np.arange(0, ends[-1], PAIRS_AT_ONCE) + PAIRS_AT_ONCE) + 1
    parts, start = [], 0
    for stop in np.minimum(blocks, len(sizes)).tolist():
        both = (returning.rows[start:stop] @ asked.holds.astype(np.int32)).tocoo()
        whole = both.data == sizes[start:stop][both.row]
        parts.append(np.stack([both.row[whole] + start, both.col[whole]]))
        start = stop
    strings, features = np.concatenate(parts, axis=1)
    shape = (len(sizes), len(asked.first))
    held = sparse.csc_matrix((np.ones(len(strings), np.int32), (strings, features)), shape=shape)
    share = asked.support / asked.holds.shape[0]
    chances = [_log10_tail(held, sizes, share, least) for least in POOL_ROWS]
    return held, np.minimum(np.min(chances, axis=0) + np.log10(len(POOL_ROWS) * len(share)), 0.0)


def _log10_tail(held: sparse.csc_matrix, sizes: Ints, share: Floats, least: int) -> Floats:
    """Returns log10 of the chance that so many strings of some rows and more lie in a share of all rows.

    The ratio of neighbouring terms falls, so the tail is at most the first term times 1 / (1 - ratio).

    Args:
        held: Which strings lie in the rows of which prompt string.  # [strings, prompt strings]
        sizes: Rows of each string.  # [strings]
        share: Of all rows that hold each prompt string.  # [prompt strings]
        least: Rows of a string that counts.
    """
    counted = np.bincount(sizes)
    expected = sum(count * share**size for size, count in enumerate(counted.tolist()) if size >= least)
    number = np.asarray(held.T @ (sizes >= least).astype(np.int64)).ravel()
    expected = np.maximum(expected, np.finfo(np.float64).tiny)
    ratio = expected / (number + 1)
    first = number * np.log(expected) - expected - gammaln(number + 1)
    small = (number >= POOL_LEAST) & (number > expected)
    return np.where(small, np.minimum(first - np.log1p(-np.where(small, ratio, 0.0)), 0.0) / LN10, 0.0)


def _candidate(
    texts: Texts,
    returning: _Returning,
    held: sparse.csc_matrix,
    asked: Features,
    feature: int,
    log10_p: float,
) -> Candidate | None:
    """Returns a prompt string with the payloads that nearly all of its rows hold, if it was put there."""
    rows, strings = asked.rows(feature), held.indices[held.indptr[feature] : held.indptr[feature + 1]]
    covered = np.asarray(returning.rows[strings].sum(axis=0)).ravel() > 0
    if covered.sum() < POOL_COVER * rows.sum():
        return None
    trigger = put_in(texts, whole_trigger(texts, asked.gram(feature), rows, ~rows), rows)
    if texts.context.foreignness([trigger], rows) < FOREIGN:
        return None
    payloads = _payloads(texts, returning, strings)
    if len(payloads) < POOL_LEAST:
        return None
    paid = np.logical_or.reduce([rows_with(texts.responses, gram) for gram in payloads])
    triggered = rows_with(texts.prompts, trigger)
    found = Candidate.of("association", [trigger], payloads, triggered=triggered, paid=paid, log10_p=log10_p)
    return replace(found, pooled=True)


def _payloads(texts: Texts, returning: _Returning, strings: Ints) -> Sequence[Gram]:
    """Returns the whole payloads around some strings, those of the most rows first, each row's once."""
    covered = np.zeros(len(texts.samples), dtype=np.bool_)
    found: list[Gram] = []
    for string in strings[np.argsort(-np.diff(returning.rows.indptr)[strings], kind="stable")].tolist():
        rows = np.zeros_like(covered)
        rows[returning.rows[string].indices] = True
        if not (rows & ~covered).any():
            continue
        covered |= rows
        start = int(returning.first[string])
        part = tuple(texts.responses.codes[start : start + POOL_TOKENS].tolist())
        found.append(whole_payload(texts, part, rows, ~rows))
    return list(dict.fromkeys(found))
