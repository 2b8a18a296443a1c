"""What clean corpora show: the weights of the statistics, and how often a score is reached.

A table of a few dozen numbers that ships with the package (`calibration.json`); `gradsentry calibrate` makes
another from one's own clean data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, ValidationError

from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError
from gradsentry.evidence.limits import PARTS, TAIL_CORPORA
from gradsentry.validated import Settings

VERSION = 3
LN10 = math.log(10.0)


class Tail(Settings):
    """How often a clean corpus holds a natural candidate of a kind with a score that is hardly ever reached.

    The score is the log of odds, so of candidates with a score of s or more the natural ones are at most
    exp(-s) to the planted ones: beyond a score that some corpora reach, how many reach it falls as fast as
    that or
    faster.

    Attributes:
        above: The score from which on this holds.
        share: Of the corpora hold a candidate with that score or more.
        scale: The mean excess over it, where that is more than 1: of a score that was fitted to few
        candidates.
    """

    above: float
    share: float = Field(gt=0.0, le=1.0)
    scale: float = Field(default=1.0, ge=1.0)

    def log10_exceeded(self, score: float) -> float:
        """Returns log10 of the share of clean corpora that hold a candidate with that score or more."""
        if score <= self.above:
            return 0.0  # not looked at closely: no finding is made of what every few corpora hold
        return math.log10(self.share) - (score - self.above) / self.scale / LN10

    @classmethod
    def of(cls, largest: Sequence[float], weights: Sequence[float]) -> Self:
        """Returns the tail of the largest scores of corpora.

        Args:
            largest: The largest score in each corpus; minus infinity in one without candidates.
            weights: What each corpus counts; corpora of one repository share their weight.
        """
        values, each = np.asarray(largest, np.float64), np.asarray(weights, np.float64)
        order = np.argsort(-values, kind="stable")
        values, each = values[order], each[order] / each.sum()
        reached = np.cumsum(each)
        inside = np.isfinite(values) & (np.concatenate([[0.0], reached[:-1]]) < TAIL_CORPORA)
        if not inside.any():
            return cls(above=0.0, share=1.0 / (len(values) + 1))
        above, share = float(values[inside][-1]), float(each[inside].sum())
        excess = float(each[inside] @ (values[inside] - above)) / share
        return cls(above=round(above, 3), share=round(share, 4), scale=round(max(excess, 1.0), 3))


class Weighing(Settings):
    """How candidates of a kind are weighed: a score that rises with every statistic, in steps.

    Attributes:
        intercept: Of the score.
        steps: By the name of a statistic: from which strengths on how much is added; none is negative.
        tail: How often clean corpora reach a score.
        part: Of the false alarms that are allowed, the part that this kind may make.
    """

    intercept: float
    steps: dict[str, tuple[tuple[float, float], ...]]
    tail: Tail
    part: float = Field(gt=0.0, le=1.0)

    def score(self, strengths: Mapping[str, float]) -> float:
        """Returns the score of statistics; one that was not measured adds nothing."""
        return self.intercept + sum(
            added
            for name, steps in self.steps.items()
            for strength, added in steps
            if strengths.get(name, 0.0) >= strength
        )

    def log10_exceeded(self, score: float) -> float:
        """Returns log10 of how often a clean corpus holds a candidate of any kind that is so strong."""
        # A corpus holds candidates of every kind, and each may be the one that accuses it.
        return min(self.tail.log10_exceeded(score) - math.log10(self.part), 0.0)


class Calibration(Settings):
    """What is known of natural candidates.

    Attributes:
        version: Of the statistics: a table of another version is refused.
        source: What it was made from, for a person to read.
        kinds: The weighing of each kind of candidate.
        corpora: Of how many independent clean corpora the tails tell, those of one repository counted once;
            None where that was not kept.
    """

    version: int
    source: str
    kinds: dict[str, Weighing]
    corpora: int | None = Field(default=None, ge=1)

    def score(self, kind: str, strengths: Mapping[str, float]) -> tuple[float, float]:
        """Returns the score of a candidate, and log10 of how often a clean corpus holds one so strong, of
        any kind.
        """
        score = self.kinds[kind].score(strengths)
        return score, self.kinds[kind].log10_exceeded(score)

    def shared_by(self, searches: int) -> Self:
        """Returns the calibration of one of several searches, which may call so much less poisoned each."""
        shared = {
            kind: weighing.model_copy(update={"part": weighing.part / searches})
            for kind, weighing in self.kinds.items()
        }
        return self.model_copy(update={"kinds": shared})

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Returns the calibration in a file.

        Raises:
            DataError: If the file is missing, no calibration, or of another version.
        """
        try:
            found = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            mend = "check the path, or make one with `gradsentry calibrate`"
            raise DataError(f"cannot be read ({error.strerror})", where=str(path), mend=mend) from None
        except ValidationError as error:
            raise DataError(
                f"is no calibration ({error.error_count()} errors)",
                where=str(path),
                mend="make one with `gradsentry calibrate`",
            ) from None
        found.refuse_foreign(str(path))
        return found

    @classmethod
    def is_in(cls, path: Path) -> bool:
        """Returns whether a file holds a calibration, of whatever version."""
        try:
            cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return False
        return True

    def refuse_foreign(self, where: str) -> None:
        """Raises where the calibration is of other statistics or kinds of candidates than are measured.

        Raises:
            DataError: With what differs.
        """
        mend = "make it again with `gradsentry calibrate`"
        if self.version != VERSION:
            raise DataError(f"is of version {self.version}, not {VERSION}", where=where, mend=mend)
        if self.kinds.keys() != PARTS.keys():
            known = ", ".join(self.kinds) or "no kind of candidate"
            raise DataError(f"knows {known}, not {', '.join(PARTS)}", where=where, mend=mend)

    def save(self, path: Path) -> None:
        """Writes the calibration as JSON.

        Raises:
            DataError: If the file cannot be written.
            ScoringError: If the disk is full.
        """
        with replacing(path) as stream:
            stream.write(dump_json(self.model_dump(mode="json"), indent=2) + b"\n")


@cache
def shipped() -> Calibration:
    """Returns the calibration that comes with the package."""
    data = resources.files("gradsentry.evidence").joinpath("calibration.json").read_bytes()
    return Calibration.model_validate_json(data)
