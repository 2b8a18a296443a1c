"""A decision -> the files of a run directory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gradsentry.corpus import Corpus
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import replacing
from gradsentry.deciding.decision import Decision
from gradsentry.deciding.rowtable import row_line, row_table
from gradsentry.report import write_report
from gradsentry.scoring import SHARD_ROWS
from gradsentry.store import EVIDENCE, MANIFEST, REFERENCE, ROWS, VERDICT, Json, RunDirectory


class Verdict(Decision):
    """What a scan found, which can be saved. See `Decision`."""

    def save(self, path: str | Path) -> RunDirectory:
        """Writes the run directory: manifest, scores, verdict and the rows, parted in three.

        Raises:
            RunError: If the path is a file or holds something else.
            ScoringError: If the disk is full.
        """
        run = RunDirectory.create_or_resume(Path(path), self.manifest["identity"])
        with run.locked():
            kept = run.shards()
            for shard, start in enumerate(range(0, len(self.scores), SHARD_ROWS)):
                if shard not in kept:
                    run.write_shard(shard, self.scores.slice(start, SHARD_ROWS))
            write_outcome(run, self)
        return run


def write_outcome(run: RunDirectory, verdict: Decision) -> None:
    """Writes all of a run directory but the scores."""
    corpus = verdict.corpus
    stays = verdict.is_scored & ~verdict.is_flagged
    corpus.save(run.path / "clean", compress(corpus, stays))
    for name, chosen in (("flagged", verdict.is_flagged), ("review", verdict.needs_review)):
        _write_lines(
            run.path / f"{name}.jsonl", (row_line(verdict, sample) for sample in compress(corpus, chosen))
        )
    write_unscored(run, corpus, verdict.scores)
    run.write_table(ROWS, row_table(verdict))
    if verdict.reference is None:
        (run.path / REFERENCE).unlink(missing_ok=True)
    else:
        run.write_json(REFERENCE, verdict.reference.as_json())
    run.write_json(EVIDENCE, verdict.evidence.as_json())
    run.write_json(VERDICT, verdict.as_json())
    run.write_json(MANIFEST, verdict.manifest)
    write_report(run, verdict)


def write_unscored(run: RunDirectory, corpus: Corpus, scores: pa.Table) -> None:
    """Writes the rows that have no score, each with its reason."""
    reason = scores["reason"]
    _write_lines(
        run.path / "unscored.jsonl",
        (
            {"id": sample.id, "reason": reason[sample.number].as_py(), "row": sample.row}
            for sample in compress(corpus, pc.equal(scores["status"], "unscored").to_pylist())
        ),
    )


def _write_lines(path: Path, rows: Iterable[Json]) -> None:
    with replacing(path) as stream:
        for row in rows:
            stream.write(dump_json(row) + b"\n")
