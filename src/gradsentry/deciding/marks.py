"""The marks of a person on rows of a run: read, kept, turned into tau, and held against a verdict.

A mark says what someone who looked thinks: `poisoned`, `clean` or `unsure`. The report exports them. A row
marked poisoned goes and one marked clean stays, whatever else is decided; `unsure` leaves that to the policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.ownfiles import MARKS
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import lines_by_hand
from gradsentry.counts import rows
from gradsentry.deciding.thresholds import Scores, Threshold
from gradsentry.errors import DataError, SettingsError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Marks:
    """Who was marked as what, by row number; a row has one mark at most.

    Attributes:
        poisoned: Rows marked poisoned.  # [rows]
        clean: Rows marked clean.  # [rows]
        unsure: Rows marked unsure.  # [rows]
    """

    poisoned: Mask
    clean: Mask
    unsure: Mask

    @classmethod
    def of(cls, found: Mapping[int, str], rows: int) -> Self:
        """Returns the marks of so many rows, given by row number."""
        return cls(*(np.array([found.get(row) == mark for row in range(rows)], np.bool_) for mark in MARKS))

    @classmethod
    def none(cls, rows: int) -> Self:
        """Returns the marks where no row has one."""
        return cls(*(np.zeros(rows, np.bool_) for _ in MARKS))

    def given(self) -> dict[int, str]:
        """Returns the mark of each row that has one, by row number, ascending."""
        masks = (self.poisoned, self.clean, self.unsure)
        found = {
            row: mark
            for mask, mark in zip(masks, MARKS, strict=True)
            for row in np.flatnonzero(mask).tolist()
        }
        return dict(sorted(found.items()))

    def with_later(self, later: Marks) -> Marks:
        """Returns these marks and later ones; where a row has both, the later one counts."""
        return Marks.of({**self.given(), **later.given()}, len(self.poisoned))

    def as_json(self) -> dict[str, list[int]]:
        """Returns the row numbers of each kind of mark."""
        masks = (self.poisoned, self.clean, self.unsure)
        return {mark: np.flatnonzero(mask).tolist() for mark, mask in zip(MARKS, masks, strict=True)}

    def lines(self, ids: Sequence[str]) -> bytes:
        """Returns the marks as the JSON Lines that `read_marks` reads.

        Args:
            ids: The id of each row, in order.
        """
        return b"".join(
            dump_json({"id": ids[row], "mark": mark}) + b"\n" for row, mark in self.given().items()
        )


@dataclass(frozen=True)
class Agreement:
    """What a policy makes of the marked rows, before the marks override it.

    Attributes:
        poisoned: Rows marked poisoned.
        clean: Rows marked clean.
        unsure: Rows marked unsure.
        flagged_poisoned: Rows marked poisoned that the policy flags.
        flagged_clean: Rows marked clean that the policy flags.
    """

    poisoned: int
    clean: int
    unsure: int
    flagged_poisoned: int
    flagged_clean: int

    @property
    def precision(self) -> float | None:
        """The share that is marked poisoned among the flagged rows marked poisoned or clean; None of none."""
        flagged = self.flagged_poisoned + self.flagged_clean
        return self.flagged_poisoned / flagged if flagged else None

    def as_json(self) -> dict[str, Any]:
        """Returns the counts and the precision."""
        return {**self.__dict__, "precision": self.precision}

    def line(self) -> str:
        """Returns the same in words."""
        flagged = rows(self.flagged_poisoned + self.flagged_clean)
        precision = "not defined" if self.precision is None else f"{self.precision:.3f}"
        missed = self.poisoned - self.flagged_poisoned
        return (
            f"{flagged} both flagged and marked poisoned or clean, {self.flagged_poisoned} of them poisoned "
            f"(precision {precision}); {rows(self.poisoned)} marked poisoned, {missed} of them not flagged"
        )


def read_marks(path: Path, ids: Sequence[str]) -> Marks:
    """Returns the marks in a JSON Lines file of `id` and `mark`.

    Args:
        path: The file.
        ids: The id of each row of the run, in order.

    Raises:
        DataError: If the file cannot be read, a line of it is something else, or its id is that of no row, of
            several, or of a line before.
    """
    numbers: dict[str, int] = {}
    twice: set[str] = set()
    for number, one in enumerate(ids):
        if one in numbers:
            twice.add(one)
        numbers[one] = number
    found: dict[int, str] = {}
    for text, place in lines_by_hand(path):
        name, mark = _parsed(text, place)
        if name not in numbers or name in twice:
            what = "several rows" if name in twice else "no row"
            raise DataError(
                f"{name!r} is the id of {what} of the run",
                where=place,
                mend="use the marks that this run's report exported",
            )
        if numbers[name] in found:
            raise DataError(f"{name!r} is marked twice", where=place, mend="leave one of the marks")
        found[numbers[name]] = mark
    return Marks.of(found, len(ids))


def threshold_of_marks(scores: Scores, marks: Marks) -> Threshold:
    """Returns the tau that parts rows marked poisoned from those marked clean best.

    Both kinds weigh the same, however many each has: tau maximises the share of the poisoned above it less
    the share of the clean above it (Youden, 1950). It lies in the middle of the widest gap between marked
    scores of those that do so equally well.

    Args:
        scores: The score of each row, NaN where it has none, [rows].
        marks: The marks.

    Raises:
        SettingsError: If a kind is missing among the scored rows, or the poisoned do not score higher.
    """
    kinds = {"poisoned": scores[marks.poisoned], "clean": scores[marks.clean]}
    kinds = {name: np.sort(values[np.isfinite(values)]) for name, values in kinds.items()}
    if missing := [name for name, values in kinds.items() if not len(values)]:
        raise SettingsError(
            f"no scored row is marked {missing[0]}",
            where="--labels",
            mend="mark some rows poisoned and some clean: tau is fitted between them",
        )
    every = np.unique(np.concatenate(list(kinds.values())))
    gaps, middles = np.diff(every), (every[1:] + every[:-1]) / 2
    above = {
        name: 1 - np.searchsorted(values, middles, side="right") / len(values)
        for name, values in kinds.items()
    }
    gain = above["poisoned"] - above["clean"]
    if not len(gain) or gain.max() <= 0:
        raise SettingsError(
            "the rows marked poisoned do not score above those marked clean, so no tau parts them",
            where="--labels",
            mend="let the findings decide: --policy evidence without --labels",
        )
    best = max(np.flatnonzero(gain >= gain.max() - 1e-12), key=lambda gap: gaps[gap])
    tau = float(middles[best])
    right = int((kinds["poisoned"] > tau).sum() + (kinds["clean"] <= tau).sum())
    return Threshold(
        tau,
        "labels",
        False,
        f"it parts {right} of {sum(map(len, kinds.values()))} marked rows as they are marked",
    )


def agreement(flagged: Mask, marks: Marks) -> Agreement:
    """Returns what a policy makes of the marked rows.

    Args:
        flagged: Which rows the policy flags, marks left aside, [rows].
        marks: The marks.
    """
    return Agreement(
        poisoned=int(marks.poisoned.sum()),
        clean=int(marks.clean.sum()),
        unsure=int(marks.unsure.sum()),
        flagged_poisoned=int((flagged & marks.poisoned).sum()),
        flagged_clean=int((flagged & marks.clean).sum()),
    )


def _parsed(line: str, where: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"is no JSON ({error})", where=where, mend="mend or remove the line") from None
    if not isinstance(value, dict) or value.keys() != {"id", "mark"} or value["mark"] not in MARKS:
        raise DataError(
            f"is no mark: {line[:60]}",
            where=where,
            mend=f'write {{"id": ..., "mark": one of {", ".join(MARKS)}}}',
        )
    return str(value["id"]).encode("utf-8", "backslashreplace").decode(), value["mark"]
