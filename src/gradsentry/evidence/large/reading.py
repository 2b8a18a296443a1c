"""A first reading of a corpus: its rows where they are few, their hashed tokens where they are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.corpus.unread import Reasons
from gradsentry.evidence.index.tokens import Bools
from gradsentry.evidence.large.counting import windows_of
from gradsentry.evidence.large.spool import Spool
from gradsentry.evidence.limits import ROW_TOKENS


@dataclass(frozen=True, slots=True)
class Read:
    """What was read.

    Attributes:
        samples: The rows that could be read, where they count for no more tokens than are searched at once;
            else None.
        spool: Their tokens, where they count for more.
        is_read: Which of all rows could be read.  # [rows]
        unread: Why the others could not, and how many.
    """

    samples: Sequence[Sample] | None
    spool: Spool
    is_read: Bools
    unread: Reasons


@dataclass(frozen=True, slots=True)
class Readable(Iterable[Sample]):
    """Those rows that could be read, which may be asked for several times."""

    samples: Iterable[Sample]

    def __iter__(self) -> Iterator[Sample]:
        return (sample for sample in self.samples if sample.problem is None)


@contextmanager
def reading(samples: Iterable[Sample], tokens: int) -> Iterator[Read]:
    """Reads all rows once; what is kept of them is gone at the end.

    Args:
        samples: The rows.
        tokens: How many of them they may count for to be held themselves.

    Raises:
        ScoringError: If the disk is full.
    """
    held: list[Sample] | None = []
    most = 0
    is_read: list[Bools] = []
    problems: Counter[str] = Counter()
    with Spool() as spool:
        for rows in windows_of(map(bare, samples)):
            is_read.append(np.array([sample.problem is None for sample in rows]))
            problems.update(sample.problem for sample in rows if sample.problem is not None)
            window = [sample for sample in rows if sample.problem is None]
            if held is not None:
                held += window
            if spool.rows:
                spool.add(window)
            else:
                # A token is a character at least, so few characters need not be taken apart to be told.
                most += sum(
                    max(ROW_TOKENS, sum(len(turn.text) + 2 for turn in sample.turns)) for sample in window
                )
                if most > tokens:
                    for part in windows_of(held or ()):
                        spool.add(part)
            if spool.size > tokens:
                held = None
        known = np.concatenate([np.empty(0, np.bool_), *is_read])
        yield Read(held, spool, known, dict(problems.most_common()))


def bare(sample: Sample) -> Sample:
    """Returns a row without what only writing needs."""
    return replace(sample, row={}, raw=None) if sample.row or sample.raw is not None else sample
