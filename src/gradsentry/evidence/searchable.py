"""What is searched of a corpus: all of its rows, a part of a large one, or one task of a mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.candidate import Candidate, with_copies
from gradsentry.evidence.checks.surprise import TokenLosses
from gradsentry.evidence.extending import Own
from gradsentry.evidence.index.tasks import tasks_of
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.large.counting import everywhere
from gradsentry.evidence.large.spool import Spool
from gradsentry.evidence.large.working import working
from gradsentry.evidence.limits import LEAST
from gradsentry.evidence.mined import Mined
from gradsentry.evidence.search import search
from gradsentry.evidence.searched import Searched


@dataclass(frozen=True)
class Searchable:
    """What is searched, and what is told of it.

    Attributes:
        mined: The rows that are searched.
        shown: The rows that findings are shown in.
        places: Where those stand in the corpus.  # [rows shown]
        searched_places: Where those stand that are searched.  # [rows searched]
        here: Returns a candidate of the rows searched in those shown.
        everywhere: Returns candidates of the rows searched in all rows.
        counted: Returns candidates of some of the rows searched, which are given as texts and places, in all.
        numbers: Returns the numbers of rows at some places.
        searched: What a search came to, where that was done already.
    """

    mined: Mined
    shown: Texts
    places: Ints
    searched_places: Ints
    here: Callable[[Candidate], Candidate]
    everywhere: Callable[[Sequence[Candidate]], Sequence[Candidate]]
    counted: Callable[[Sequence[Candidate], Texts, Ints], Sequence[Candidate]]
    numbers: Callable[[Ints], Ints]
    searched: Searched | None = None

    def search(self, calibration: Calibration, rate: float, aside: Sequence[Candidate]) -> Searched:
        """Returns what passes for a finding beside what is known, and what does not; see `search`."""
        if self.searched is not None and not aside:
            return self.searched
        return search(self.mined, calibration, rate, aside)

    def rows(self) -> frozenset[int]:
        """Returns the numbers of the rows searched, copies left out."""
        return frozenset(self.numbers(self.searched_places).tolist())

    def tasks(self) -> list[Searchable]:
        """Returns the tasks of a mixture, each as a corpus of its own; none where all is one task."""
        chosen = self.mined.chosen
        rows = np.arange(len(self.searched_places)) if chosen is None else np.flatnonzero(chosen.fairly)
        texts = self.mined.texts if chosen is None else self.mined.texts.part(rows, least=LEAST)
        return [self._of_rows(rows[task]) for task in tasks_of(texts)]

    def _of_rows(self, rows: Ints) -> Searchable:
        """Returns some of the rows searched, as a corpus of their own; what is found is counted in all."""
        texts, places = self.mined.texts.part(rows, least=LEAST), self.searched_places[rows]
        losses, chosen = self.mined.losses, self.mined.chosen
        mined = Mined.of(texts, None if losses is None else losses[rows], self.mined.own)
        return replace(
            self,
            mined=replace(mined, chosen=None if chosen is None else chosen.of(rows)),
            shown=texts,
            places=places,
            searched_places=places,
            here=lambda one: one,
            everywhere=lambda found: self.counted(found, texts, places),
            searched=None,
        )

    @classmethod
    def of_few(
        cls,
        samples: Sequence[Sample],
        first: Ints,
        copy_of: Ints,
        losses: TokenLosses | None,
        own: Own,
    ) -> Searchable:
        """Returns rows that are searched whole, copies once; see `distinct_rows`."""
        texts = Texts.of([samples[row] for row in first], least=LEAST)
        known = losses.means[first] if losses is not None else None
        numbers = np.array([sample.number for sample in samples], dtype=np.int64)
        return cls(
            mined=Mined.of(texts, known, own),
            shown=texts.with_copies(samples, copy_of),
            places=np.arange(len(samples)),
            searched_places=first,
            here=lambda one: with_copies(one, copy_of),
            everywhere=lambda found: [with_copies(one, copy_of) for one in found],
            counted=lambda found, texts, rows: everywhere(samples, len(samples), found, texts, rows),
            numbers=lambda places: numbers[places],
        )

    @classmethod
    def of_many(
        cls,
        samples: Iterable[Sample],
        spool: Spool,
        calibration: Calibration,
        rate: float,
        own: Own,
        losses: TokenLosses | None,
    ) -> Searchable:
        """Returns the part of a large corpus that is searched; what is found in it is counted in all rows."""
        part = working(samples, spool, calibration, rate, own, None if losses is None else losses.means)
        texts = part.mined.texts

        def counted(found: Sequence[Candidate], texts: Texts, rows: Ints) -> Sequence[Candidate]:
            return everywhere(samples, spool.rows, found, texts, rows)

        return cls(
            mined=part.mined,
            shown=texts,
            places=part.rows,
            searched_places=part.rows,
            here=lambda one: one,
            everywhere=lambda found: counted(found, texts, part.rows),
            counted=counted,
            numbers=lambda places: spool.numbers[places],
            searched=part.searched,
        )
