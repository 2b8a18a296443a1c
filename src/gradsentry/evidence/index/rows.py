"""Rows of a corpus before they are indexed: distinct ones, their copies, drawn ones, those at some places."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

import numpy as np
import xxhash

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.index.tokens import Ints


def distinct_rows(samples: Sequence[Sample]) -> tuple[Ints, Ints]:
    """Returns the first row of each text, and of which of these each row is a copy.

    Copies say one thing many times: rows that are copied are alike by nature, and repeat all that they hold.
    The texts are ordered by what they say, so that the same rows in another order are searched alike: halves
    of them are drawn, and of equals the first one counts.
    """
    numbers: dict[tuple[tuple[str, str, bool], ...], int] = {}
    first: list[int] = []
    copy_of: list[int] = []
    for row, sample in enumerate(samples):
        number = numbers.setdefault(
            tuple((turn.role, turn.text, turn.trained) for turn in sample.turns), len(numbers)
        )
        first += [row] if number == len(first) else []
        copy_of.append(number)
    keys = np.array([row_key(samples[row]) for row in first], dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.array(first, dtype=np.int64)[order], rank[np.array(copy_of, dtype=np.int64)]


def row_key(sample: Sample) -> int:
    """Returns 64 bits that tell what a row says: those of its copies are the same."""
    digest = xxhash.xxh3_64()
    for turn in sample.turns:
        text = turn.text.encode("utf-8", "surrogatepass")
        digest.update(f"{turn.role} {turn.trained:d} {len(text)} ".encode() + text)
    return digest.intdigest()


def texts_sha256(samples: Iterable[Sample]) -> str:
    """Returns the SHA-256 of what rows say, in whatever order they stand."""
    digests = []
    for sample in samples:
        turns = [(turn.role, turn.text, turn.trained) for turn in sample.turns]
        digests.append(hashlib.sha256(json.dumps(turns).encode()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def at_places(samples: Iterable[Sample], rows: Ints) -> Iterator[Sample]:
    """Yields the rows at some places, ascending, from one reading, which ends with the last of them."""
    wanted = np.zeros(int(rows[-1]) + 1 if len(rows) else 0, dtype=np.bool_)
    wanted[rows] = True
    return compress(samples, wanted)


def draw(rows: int, chosen: int) -> Ints:
    """Returns the numbers of some of so many rows, drawn evenly, always the same ones, ascending."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:chosen])
