"""Clean corpora -> calibration: what their natural candidates show, and how often a score is reached.

The weights of a kind are those of a logistic regression of planted candidates against natural ones, on steps
of each statistic's strength, none of them negative: a statistic may speak for an attack, or not at all.
Every repository counts the same, however many corpora and candidates it has. How often a clean corpus
reaches a score is then read off corpora alone, see
`calibration.Tail`; one's own clean data may give it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.calibration import VERSION, Calibration, Tail, Weighing
from gradsentry.evidence.checks.vetoes import doubts, ruled_out
from gradsentry.evidence.decide import kind_of
from gradsentry.evidence.index.rows import distinct_rows
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import (
    BORROWED,
    FEW_NATURAL,
    LEAST,
    PARTS,
    PASSED,
    RIDGE,
    SEARCHED_TOKENS,
    STEPS,
    UNSEEN,
)
from gradsentry.evidence.mined import GENERATORS, Mined

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Strengths = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A candidate, and what was measured of it.

    Attributes:
        generator: Which search proposed it.
        kind: Which candidates it is compared with.
        strengths: The strength of each statistic, by name.
        rows: The rows that it would flag.  # [rows]
        said: Trigger and payload, for a person to read.
        ruled_out: What rules it out, if anything does.
        doubts: Why it is at most a reason to look.
    """

    generator: str
    kind: str
    strengths: Strengths
    rows: Rows
    said: str
    ruled_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def proposed(samples: Sequence[Sample]) -> Iterator[Proposed]:
    """Yields all candidates of a corpus in which nothing is sure yet, with what was measured of them.

    What is ruled out is measured too: what a rule is worth shows in what it keeps out.
    """
    first, copy_of = distinct_rows(samples)
    if len(first) < LEAST:
        return
    texts = Texts.drawn([samples[row] for row in first], least=LEAST, tokens=SEARCHED_TOKENS)
    mined = Mined.of(texts)
    nothing = np.zeros(len(texts.samples), dtype=np.bool_)
    for name, propose in GENERATORS.items():
        for one in propose(mined, nothing):
            if one.carriers.sum() < LEAST:
                continue
            against = tuple(ruled_out(texts, one))
            statistics = mined.measure(one)
            triggers = [texts.display(texts.prompts, gram, one.triggered) for gram in one.triggers]
            payloads = [texts.display(texts.responses, gram, one.paid) for gram in one.payloads]
            yield Proposed(
                generator=name,
                kind=kind_of(one),
                strengths={key: value.strength for key, value in statistics.items()},
                rows=one.carriers[copy_of],
                said=f"{' | '.join(triggers)} => {' | '.join(payloads) or one.change}",
                ruled_out=against,
                doubts=tuple(doubts(texts, one)),
            )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of one kind, of many corpora.

    Attributes:
        strengths: Of each candidate.
        planted: Which of them an attack planted.  # [candidates]
        corpus: The number of each one's corpus.  # [candidates]
    """

    strengths: Sequence[Strengths]
    planted: Bools
    corpus: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Corpora:
    """The corpora that candidates are of.

    Attributes:
        repository: The number of the repository of each.  # [corpora]
        origin: The number of the corpus that each was drawn from, or planted in.  # [corpora]
        clean: Which are clean: those tell how often a score is reached.  # [corpora]
    """

    repository: NDArray[np.int64]
    origin: NDArray[np.int64]
    clean: Bools


class Fitting:
    """Fits weights and tails to the candidates of many corpora, with and without repositories."""

    def __init__(self, kinds: Mapping[str, Candidates], corpora: Corpora) -> None:
        """Keeps what is fitted to."""
        self._kinds, self._corpora = kinds, corpora
        self._fitted_to = dict(kinds)
        for kind, other in BORROWED.items():
            self._fitted_to[kind] = _with_natural(kinds[kind], kinds[other])

    def calibration(self, source: str, left_out: int | None = None) -> Calibration:
        """Returns the calibration, without one of the repositories where one is named."""
        used = np.ones(len(self._corpora.repository), dtype=np.bool_)
        if left_out is not None:
            used = self._corpora.repository != left_out
        weighed = {kind: self._weighing(kind, used) for kind in self._kinds}
        known = np.unique(self._corpora.repository[used & self._corpora.clean])
        return Calibration(version=VERSION, source=source, kinds=weighed, corpora=len(known))

    def _weighing(self, kind: str, used: Bools) -> Weighing:
        """Returns how candidates of a kind are weighed, fitted to some corpora.

        How often a score is reached is told by each clean corpus through weights that have not seen it, nor
        what was planted in it: of corpora that took part in the weights it would be told too low.
        """
        corpora, found, basis = self._corpora, self._kinds[kind], self._fitted_to[kind]
        repository = corpora.repository[basis.corpus]
        fitted = _fitted(kind, basis, repository, used[basis.corpus])
        largest = np.full(len(corpora.repository), -np.inf)
        natural = ~found.planted & (used & corpora.clean)[found.corpus]
        for origin in np.unique(corpora.origin[found.corpus[natural]]).tolist():
            own = corpora.origin == origin
            unseen = _fitted(kind, basis, repository, (used & ~own)[basis.corpus])
            for at in np.flatnonzero(natural & own[found.corpus]).tolist():
                number = found.corpus[at]
                largest[number] = max(largest[number], unseen.score(found.strengths[at]))
        told = used & corpora.clean
        tail = Tail.of(largest[told].tolist(), _shares(corpora.repository[told]).tolist())
        return fitted.model_copy(update={"tail": tail})


def _with_natural(found: Candidates, others: Candidates) -> Candidates:
    """Returns candidates of a kind, and the natural ones of another kind, as far as the same was measured.

    Most natural candidates have a payload of their own; of the other kinds too few were seen to tell by
    themselves what natural ones are like.
    """
    names = {name for one in found.strengths for name in one}
    natural = np.flatnonzero(~others.planted)
    # What nothing but its trigger brings is never expected: there it counts in full.
    more = [{name: others.strengths[at].get(name, 1.0) for name in names} for at in natural.tolist()]
    return Candidates(
        strengths=[*found.strengths, *more],
        planted=np.concatenate([found.planted, np.zeros(len(natural), dtype=np.bool_)]),
        corpus=np.concatenate([found.corpus, others.corpus[natural]]),
    )


def _fitted(kind: str, found: Candidates, repository: NDArray[np.int64], used: Bools) -> Weighing:
    """Returns the weights that tell planted from natural candidates, of those that are used; the tail is
    empty.
    """
    names = sorted({name for one in found.strengths for name in one})
    numbers = np.flatnonzero(used).tolist()
    values = [[found.strengths[at].get(name, 0.0) for name in names] for at in numbers]
    matrix = np.array(values).reshape(len(numbers), len(names))  # a kind may have no candidate at all
    steps = np.concatenate([matrix >= strength for strength in STEPS], axis=1).astype(np.float64)
    intercept, weights = _regression(steps, found.planted[used], repository[used], RIDGE[kind])
    by_name: dict[str, tuple[tuple[float, float], ...]] = {}
    for column, name in enumerate(names):
        added = [round(float(weights[step * len(names) + column]), 2) for step in range(len(STEPS))]
        if chosen := tuple((strength, one) for strength, one in zip(STEPS, added, strict=True) if one > 0.0):
            by_name[name] = chosen
    return Weighing(
        intercept=round(float(intercept), 2),
        steps=by_name,
        tail=Tail(above=0.0, share=1.0),
        part=PARTS[kind],
    )


def _regression(
    matrix: Floats, planted: Bools, repository: NDArray[np.int64], ridge: float
) -> tuple[float, Floats]:
    """Returns intercept and weights of a logistic regression with weights that are not negative."""
    each = np.empty(len(planted))
    for side in (planted, ~planted):
        if side.any():
            each[side] = _shares(repository[side])
    sign = np.where(planted, 1.0, -1.0)
    # Where few natural candidates were seen, what nearly every attack passes and a candidate does not speaks
    # against it, though no natural one has failed it so far.
    passed = each[planted] @ matrix[planted] >= PASSED * each[planted].sum()
    floor = np.where(passed & ((~planted).sum() < FEW_NATURAL), UNSEEN, 0.0)

    def loss(values: Floats) -> tuple[float, Floats]:
        margin = sign * (values[0] + matrix @ values[1:])
        slope = -each * sign * expit(-margin)
        gradient = np.concatenate([[slope.sum()], slope @ matrix + 2 * ridge * (values[1:] - floor)])
        return float(each @ np.logaddexp(0.0, -margin) + ridge * ((values[1:] - floor) ** 2).sum()), gradient

    bounds = [(None, None), *((low, None) for low in floor.tolist())]
    found = minimize(loss, np.concatenate([[0.0], floor]), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), found[1:]


def _shares(repository: NDArray[np.int64]) -> Floats:
    """Returns what each entry counts where every repository counts the same; together 1."""
    _, which, count = np.unique(repository, return_inverse=True, return_counts=True)
    shares: Floats = 1.0 / (count[which] * len(count))
    return shares
