"""Verdict -> what is said of its rows: a table of all of them, and lines of those that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from gradsentry.corpus import Sample
from gradsentry.corpus.lines import place_of

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision


def row_table(verdict: Decision) -> pa.Table:
    """Returns what was decided on every row and on what, in row order: the content of `rows.parquet`.

    `status` is flagged, review, clean or unscored; `mark` is what a person said of it: `poisoned` and `clean`
    decide, null is nothing. `expected`, `excess` and `deviation` are of the score, see `expectation.Signals`;
    `window` and `window_chars` are the costliest tokens of the response and their characters. A row that is
    not clean has a reason, and one that a person marked clean or that was cut to fit.
    """
    signals, scores = verdict.signals, verdict.scores
    marks = verdict.marked.given()
    named = verdict.is_flagged | verdict.needs_review | verdict.marked.clean
    reasons = scores["reason"].to_pylist()
    for number in np.flatnonzero(named).tolist():
        reasons[number] = verdict.reason(number)
    findings = [verdict.carried.get(number, ()) for number in range(len(scores))]
    return pa.table(
        {
            "number": scores["number"],
            "id": scores["id"],
            **({"split": scores["split"]} if verdict.corpus.splits else {}),
            "status": verdict.status,
            "mark": pa.array([marks.get(number) for number in range(len(scores))], pa.string()),
            "score": signals.measures.entropy,
            "expected": signals.expected,
            "excess": signals.residual,
            "deviation": signals.deviation,
            "anomaly": signals.measures.anomaly,
            "anomaly_deviation": signals.anomaly_deviation,
            "window": scores["window"],
            "window_chars": scores["window_chars"],
            "findings": pa.array(findings, pa.list_(pa.string())),
            "reason": pa.array(reasons, pa.string()),
        }
    )


def row_line(verdict: Decision, sample: Sample) -> dict[str, Any]:
    """Returns a row of the corpus as `flagged.jsonl` and `review.jsonl` hold it."""
    number = sample.number
    return {
        **called(sample),
        "score": _rounded(verdict.signals.measures.entropy[number]),
        "reason": verdict.reason(number),
        "findings": list(verdict.carried.get(number, ())),
        "row": sample.row,
    }


def called(sample: Sample) -> dict[str, Any]:
    """Returns what a row is called: its id, its split where there are several, and its place in its file."""
    known = {"split": sample.split, "line": place_of(sample)}
    return {"id": sample.id, **{name: value for name, value in known.items() if value}}


def _rounded(score: float) -> float | None:
    """Returns a score as JSON holds it; a row that a person marked can have none."""
    return None if np.isnan(score) else round(float(score), 6)
