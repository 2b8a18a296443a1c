"""A run in which a group was found, as a model would show it: its mean states are planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from gradsentry.corpus import open_corpus
from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.evidence import Evidence
from gradsentry.groups import with_groups
from gradsentry.outcome import Verdict
from gradsentry.report.render import write_report
from gradsentry.scoretable import SCHEMA, Scores, finite_scores
from gradsentry.settings import ThresholdSettings
from gradsentry.store import RunDirectory
from groups.test_findings import GROUP, ROWS, scanned
from report.million import drawn_run


def grouped_verdict(folder: Path, more: int = 0, cost: float = 4.0) -> Verdict:
    """Returns a verdict on rows of which the first `GROUP` stand together.

    Args:
        folder: Where another run's manifest may be made.
        more: Rows that are added, of which nothing is said.
        cost: What the responses of the group cost more than others; with less it is no finding.
    """
    samples, table = scanned(cost=cost)
    lines = [
        {**line, "score": 0.3 + 0.001 * row, "token_losses": [1.0], "token_ends": [1], "window": [0, 1]}
        for row, line in enumerate(table.table().to_pylist())
    ]
    evidence = with_groups(Evidence(findings=(), rows=ROWS), samples, scores_of(lines))
    rows = [{"prompt": one.prompt, "completion": one.response} for one in samples]
    lines += [{**lines[ROWS - 1 - n % 99], "number": ROWS + n, "id": str(ROWS + n)} for n in range(more)]
    rows += [{"prompt": f"w1 w{n} more", "completion": f"w2 w{n}"} for n in range(more)]
    scores = scores_of(lines)
    settings = ThresholdSettings()
    return Verdict(
        corpus=open_corpus(rows),
        scores=scores,
        evidence=evidence,
        threshold=choose_threshold(finite_scores(scores.narrow), settings),
        policy="evidence",
        manifest=drawn_run(folder / "drawn", 100)[1].manifest,
    )


def scores_of(lines: list[dict[str, Any]]) -> Scores:
    return Scores.of(pa.Table.from_pylist(lines, SCHEMA))


def grouped_run(folder: Path, more: int = 0, cost: float = 4.0) -> tuple[Path, Verdict]:
    """Returns a directory that holds the manifest and the page of such a verdict, and the verdict."""
    verdict = grouped_verdict(folder, more, cost)
    run = RunDirectory.create_or_resume(folder / "run", verdict.manifest["identity"])
    write_report(run, verdict)
    return run.path, verdict


__all__ = ["GROUP", "ROWS", "grouped_run", "grouped_verdict"]
