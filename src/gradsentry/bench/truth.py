"""A verdict against a truth file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradsentry.attacks import Truth
from gradsentry.bench.metrics import Outcome, measure
from gradsentry.errors import DataError
from gradsentry.report.comparison import Comparison

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision


def compare(verdict: Decision, truth: Path) -> Comparison:
    """Returns how a verdict does against the truth.

    Args:
        verdict: The verdict.
        truth: What `gradsentry poison` writes, or a JSON list of the numbers of the poisoned rows.

    Raises:
        DataError: If the file cannot be read, or tells of other data.
        SettingsError: If a key of it is wrong.
    """
    poisoned = _poisoned_rows(truth, len(verdict.scores), verdict.corpus.sha256())
    is_poisoned = np.zeros(len(verdict.scores), np.bool_)
    is_poisoned[poisoned] = True
    flags = verdict.is_flagged
    outcome = Outcome(
        scores=verdict.scores["score"].to_numpy(),
        flags=flags,
        is_poisoned=is_poisoned,
        lengths=np.asarray(verdict.scores["n_response"], np.int64),
    )
    return Comparison(
        source=str(truth),
        is_poisoned=is_poisoned,
        metrics=measure(outcome),
        missed=tuple(np.flatnonzero(is_poisoned & ~flags).tolist()),
        wrong=tuple(np.flatnonzero(flags & ~is_poisoned).tolist()),
    )


def _poisoned_rows(path: Path, rows: int, sha256: str) -> list[int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = f"cannot be read as a truth file ({error})"
        mend = "give what `gradsentry poison` wrote beside the data, or a JSON list of row numbers"
        raise DataError(what, where=str(path), mend=mend) from None
    if isinstance(content, list):
        numbers = content
    else:
        truth = Truth.read_file(path)
        numbers = [row.row for row in truth.poisoned]
        if truth.rows != rows or truth.output_sha256 not in (None, sha256):
            raise DataError(
                f"is the truth of other data ({truth.rows} rows; the run has {rows})",
                where=str(path),
                mend="name the truth file that was written with the data",
            )
    if wrong := [one for one in numbers if type(one) is not int or not 0 <= one < rows]:
        raise DataError(
            f"{wrong[0]!r} is no row of the run, which has {rows}",
            where=str(path),
            mend="list the numbers of the poisoned rows, from 0",
        )
    return numbers
