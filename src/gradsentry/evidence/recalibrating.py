"""One's own clean corpora -> a calibration: the same weights, with tails that know what these corpora hold.

The weights tell planted candidates from natural ones and take many attacks to fit, so they stay. How often a
clean corpus reaches a score is read off clean corpora alone, and there one's own count like any other: where
a genre reaches high scores by nature, the bar rises to what it reaches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.errors import DataError
from gradsentry.evidence.calibration import LN10, Calibration, Tail
from gradsentry.evidence.extending import NOTHING_OWN, Own
from gradsentry.evidence.index.rows import distinct_rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import CORPORA_ALONE, CORPUS_ROWS, LEAST, NEVER, QUANTILES, SEARCHED_TOKENS
from gradsentry.evidence.mined import Mined
from gradsentry.evidence.search import search
from gradsentry.evidence.searched import Decided
from gradsentry.evidence.wording import brings


@dataclass(frozen=True, slots=True)
class Natural:
    """What a clean corpus holds that is like an attack.

    Attributes:
        name: Of the corpus.
        rows: How many different rows it has.
        decided: Its candidates, with their scores.
        strongest: The one most like an attack, in words; empty where there is none.
    """

    name: str
    rows: int
    decided: tuple[Decided, ...]
    strongest: str = ""

    @classmethod
    def of(cls, name: str, samples: Sequence[Sample], calibration: Calibration, own: Own) -> Natural:
        """Returns what a clean corpus holds, scored by the weights of a calibration."""
        first, _ = distinct_rows(samples)
        if len(first) < LEAST:
            return cls(name, len(first), ())
        texts = Texts.drawn([samples[row] for row in first], least=LEAST, tokens=SEARCHED_TOKENS)
        # Nothing is sure, so nothing is passed by.
        searched = search(Mined.of(texts, own=own), calibration, NEVER)
        decided = (*searched.found, *searched.passed_over)
        strongest = min(decided, key=lambda one: one.decision.log10_p, default=None)
        return cls(name, len(first), decided, brings(texts, strongest.candidate) if strongest else "")

    def largest(self, kind: str) -> float:
        """Returns the largest score of a kind; minus infinity where there is no candidate of it."""
        scores = [one.decision.score for one in self.decided if one.decision.kind == kind]
        return max(scores, default=-math.inf)

    def rarest(self, calibration: Calibration) -> float:
        """Returns log10 of how often a clean corpus holds something like its strongest candidate."""
        rates = [
            calibration.kinds[one.decision.kind].log10_exceeded(one.decision.score) for one in self.decided
        ]
        return min(rates, default=0.0)


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """A calibration with one's own corpora in it.

    Attributes:
        calibration: The calibration.
        natural: What each corpus holds that was used.
        small: The corpora that are too small to tell anything, and their different rows.
    """

    calibration: Calibration
    natural: tuple[Natural, ...]
    small: Mapping[str, int]

    @property
    def least(self) -> float:
        """The least rate that so many corpora can measure; a smaller one follows the fall of the tail."""
        return 1.0 / ((self.calibration.corpora or len(self.natural)) + 1)


def recalibrated(
    corpora: Mapping[str, Sequence[Sample]],
    base: Calibration,
    *,
    alone: bool = False,
    own: Own = NOTHING_OWN,
) -> Recalibrated:
    """Returns a calibration whose tails know some clean corpora.

    Args:
        corpora: The rows of each corpus, by its name; parts of one source are one corpus.
        base: Whose weights are kept, and whose corpora count beside these.
        alone: Whether they do not count.
        own: Checks and generators of a person's own, with which these are searched.

    Raises:
        DataError: If the corpora are too small, or by themselves too few.
    """
    found = [Natural.of(name, samples, base, own) for name, samples in corpora.items()]
    used = tuple(one for one in found if one.rows >= CORPUS_ROWS)
    small = {one.name: one.rows for one in found if one.rows < CORPUS_ROWS}
    known = 0 if alone or base.corpora is None else base.corpora
    _refuse_few(used, small, known, alone=alone)
    kinds = {
        kind: weighing.model_copy(
            update={"tail": pooled_tail(weighing.tail, known, [one.largest(kind) for one in used])}
        )
        for kind, weighing in base.kinds.items()
    }
    count, rows = sum(len(one.decided) for one in used), sum(one.rows for one in used)
    source = f"{len(used)} own clean corpora ({rows:,} rows, {count:,} natural candidates)"
    source += f", with {base.source}" if known else ", with the weights alone of the shipped calibration"
    made = Calibration(
        version=base.version, source=own.beside(source), kinds=kinds, corpora=len(used) + known
    )
    return Recalibrated(made, used, small)


def pooled_tail(shipped: Tail, known: int, largest: Sequence[float]) -> Tail:
    """Returns the tail of corpora of which some are known by their tail, and others one by one.

    The fall of a tail is fitted to the mean, so single corpora may lie above it. None of those that are known
    to be clean may look rarer than it is, so the tail is raised until none does.

    Args:
        shipped: The tail of those that are known by it.
        known: How many those are; 0 to leave them out.
        largest: The largest score of each of the others; minus infinity in one without candidates.
    """
    points = _quantiles(shipped) if known else []
    weights = [known / QUANTILES] * len(points)
    tail = Tail.of([*points, *largest], [*weights, *[1.0] * len(largest)])
    own = np.array([score for score in largest if score > -math.inf])
    lacking = 0.0  # log10
    for score in own.tolist():
        beyond = known * 10.0 ** shipped.log10_exceeded(score) if known else 0.0
        reached = (beyond + float((own >= score).sum())) / (known + len(largest))
        lacking = max(lacking, math.log10(reached) - tail.log10_exceeded(score))
    raised = math.log10(tail.share) + lacking
    above = tail.above + max(raised, 0.0) * LN10 * tail.scale  # a share of all is reached from there on
    return Tail(above=above, share=min(10.0**raised, 1.0), scale=tail.scale)


def _quantiles(tail: Tail) -> list[float]:
    """Returns the largest scores of `QUANTILES` corpora as a tail has them, each as likely as the others."""
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    beyond = tail.above + tail.scale * np.log(tail.share / shares)
    return [float(score) for score in np.where(shares < tail.share, beyond, -np.inf)]


def _refuse_few(used: Sequence[Natural], small: Mapping[str, int], known: int, *, alone: bool) -> None:
    """Raises where corpora tell nothing: too few of them, or too small."""
    if not used:
        largest = max(small.values(), default=0)
        raise DataError(
            f"none of {len(small)} corpora has {CORPUS_ROWS} different rows (at most {largest})",
            mend="give larger ones: small corpora hold nothing that is like an attack",
        )
    if not known and len(used) < CORPORA_ALONE:
        beside = ", or leave out --alone" if alone else ": the shipped ones beside them were not counted"
        raise DataError(
            f"{len(used)} corpora of {CORPUS_ROWS} different rows and more are too few by themselves",
            mend=f"give {CORPORA_ALONE} at least{beside}",
        )
