"""A decision -> the files of a run directory; what they replace is kept beside them.

All files are written into a folder of their own first. Where one of them says something else than the one
in its place, all that lay there is kept (`earlier.py`), and then the new ones take their places. So a
decision is there whole, and none that was there before is lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus import Corpus, Sample
from gradsentry.corpus.keeping import keep_rows
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import replacing
from gradsentry.deciding.beside import beside_in
from gradsentry.deciding.decision import Decision
from gradsentry.deciding.marks import Marks, read_marks
from gradsentry.deciding.rowtable import called, row_line, row_table
from gradsentry.deciding.verdictfile import verdict_json
from gradsentry.earlier import differing, keep_earlier, take_place
from gradsentry.errors import RunError
from gradsentry.extras import require
from gradsentry.report.brief import cell, line, plot
from gradsentry.report.render import REPORT, write_report
from gradsentry.scorefiles import SHARD_ROWS
from gradsentry.scoretable import Scores
from gradsentry.searching import evidence_json, ids_of
from gradsentry.store import EVIDENCE, MANIFEST, REFERENCE, ROWS, VERDICT, Json, RunDirectory

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

MARKS = "marks.jsonl"
FILES = "files.json"
_STAGED = ".next"
# Beside `clean`, whose suffix is that of the data. The verdict comes last: with it the others are there.
_DECIDED = ("flagged.jsonl", "review.jsonl", "unscored.jsonl", ROWS, REFERENCE, MARKS, EVIDENCE, VERDICT)


class Verdict(Decision):
    """What a scan found, which can be saved. See `Decision`."""

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return cell(self)

    def __bool__(self) -> bool:
        """Raises `TypeError`: whether a true verdict were a clean one or a sure one would be a guess."""
        raise TypeError("a verdict is neither true nor false: compare verdict.outcome with 'clean'")

    def as_json(self) -> Json:
        """Returns the content of `verdict.json`."""
        return verdict_json(self)

    def to_pandas(self) -> pandas.DataFrame:
        """Returns what was decided on every row and on what, in row order: `rows.parquet` (docs/columns.md).

        Raises:
            SettingsError: If pandas is not installed.
        """
        require("pandas")
        return row_table(self).to_pandas()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Returns axes with the scores and tau; where no model scored the rows, with the findings' rows.

        Raises:
            SettingsError: If matplotlib is not installed.
        """
        return plot(self, ax)

    def save(self, path: str | Path) -> RunDirectory:
        """Writes the run directory: manifest, scores, verdict and the rows, parted in three.

        What a person decided of rows there stays decided, where this verdict does not say otherwise.

        Raises:
            RunError: If the path is a file, holds something else, or is one of two runs on the answers of
                preferences, of which neither is written by itself.
            DataError: If the marks that it holds are broken.
            ScoringError: If the disk is full.
        """
        run = RunDirectory.create_or_resume(Path(path), self.manifest["identity"])
        beside = beside_in(run.manifest())
        if beside is not None and beside.is_there(run.path):
            what = f"lies beside the run on the {beside.answers} answers, with which it is decided"
            mend = "use `gradsentry threshold`, or save into another directory"
            raise RunError(what, where=str(path), mend=mend)
        with run.locked():
            self.write_scores(run)
            write_outcome(run, self.with_beside(None).with_marks_in(run))
        return run

    def with_marks_in(self, run: RunDirectory) -> Self:
        """Returns the verdict with what a person decided of the rows there, where it does not say otherwise.

        Raises:
            DataError: If the marks are broken.
        """
        return replace(self, marks=marks_of(run, self.scores).with_later(self.marked))

    def write_scores(self, run: RunDirectory) -> None:
        """Writes the shards of scores that a run lacks; where no model scored the rows, none.

        Raises:
            ScoringError: If the disk is full.
        """
        if self.threshold is None:
            return
        files = run.score_files()
        files.resume()
        for shard, start in enumerate(range(0, len(self.scores), SHARD_ROWS)):
            if shard not in files.shards():
                rows = np.arange(start, min(start + SHARD_ROWS, len(self.scores)))
                files.write_shard(shard, self.scores.take(rows))


@dataclass(frozen=True)
class Change:
    """What a decision does to the rows that stay by the one before it.

    Attributes:
        before: How many rows stay by the one before.
        leave: How many of these go.
        come: How many others stay now.
    """

    before: int
    leave: int
    come: int

    @classmethod
    def between(cls, old: Decision, new: Decision) -> Self:
        """Returns the change from one decision on the same rows to another."""
        leave, come = old.is_kept & ~new.is_kept, new.is_kept & ~old.is_kept
        return cls(int(old.is_kept.sum()), int(leave.sum()), int(come.sum()))

    def as_json(self) -> Json:
        """Returns the counts."""
        return dict(self.__dict__)

    def line(self) -> str:
        """Returns the same in words."""
        after = self.before - self.leave + self.come
        if not (self.leave or self.come):
            return f"the same {self.before:,} rows stay"
        return f"{self.before:,} rows stayed, {after:,} will: {self.leave:,} go, {self.come:,} come back"


def marks_of(run: RunDirectory, scores: Scores) -> Marks:
    """Returns what a person decided of the rows of a run.

    Raises:
        DataError: If the file is broken.
    """
    path = run.path / MARKS
    return read_marks(path, scores["id"].to_pylist()) if path.is_file() else Marks.none(len(scores))


def write_outcome(run: RunDirectory, verdict: Decision, stay: NDArray[np.bool_] | None = None) -> Path | None:
    """Writes all of a run directory but the scores; returns where the files are kept that it replaced.

    That is None where there was no verdict yet, or where every file says what it said before. Rows that lie
    in no file are kept in the directory, so that the run can be opened again.

    Args:
        run: The run directory.
        verdict: What was decided.
        stay: Which rows are written as the clean ones; if not given, those that the verdict keeps.
    """
    if not verdict.manifest["source"]["data"]:
        keep_rows(verdict.corpus, run.path)
    staged = RunDirectory(run.path / _STAGED)
    shutil.rmtree(staged.path, ignore_errors=True)
    try:
        clean = _stage(staged, verdict, verdict.is_kept if stay is None else stay)
        changed = differing(run.path, staged.path, (clean, *_DECIDED))
        kept = None
        if changed and (run.path / VERDICT).is_file():
            kept = keep_earlier(run.path, (clean, *_DECIDED, MANIFEST, REPORT))
        take_place(run.path, staged.path, changed)
    finally:
        shutil.rmtree(staged.path, ignore_errors=True)
    run.write_json(MANIFEST, verdict.manifest)
    run.write_json(FILES, _files(run, verdict.corpus))
    write_report(run, verdict)
    return kept


def _files(run: RunDirectory, corpus: Corpus) -> Json:
    """Returns each file of the data, and where in the run those of its rows lie that stay; None if none."""
    files = [
        {"file": str(file), "clean": clean.as_posix() if (run.path / clean).exists() else None}
        for file, clean in corpus.files_in(Path("clean"))
    ]
    return {"files": files}


def _stage(run: RunDirectory, verdict: Decision, stay: NDArray[np.bool_]) -> str:
    """Writes what was decided into a folder, and returns the name of the rows that stay."""
    corpus = verdict.corpus
    clean = corpus.save(run.path / "clean", compress(corpus, stay))
    for name, chosen in (("flagged", verdict.is_flagged), ("review", verdict.needs_review)):
        _write_lines(
            run.path / f"{name}.jsonl", (row_line(verdict, sample) for sample in _chosen(corpus, chosen))
        )
    write_unscored(run, corpus, verdict.scores, verdict.is_unscored)
    run.write_table(ROWS, row_table(verdict))
    if verdict.reference is not None:
        run.write_json(REFERENCE, verdict.reference.as_json())
    if verdict.marked.given():
        run.write_bytes(MARKS, verdict.marked.lines(verdict.scores["id"].to_pylist()))
    run.write_json(EVIDENCE, evidence_json(verdict.evidence, ids_of(verdict.evidence, verdict.scores)))
    run.write_json(VERDICT, verdict_json(verdict))
    return clean.name


def write_unscored(run: RunDirectory, corpus: Corpus, scores: Scores, rows: NDArray[np.bool_]) -> None:
    """Writes rows that nobody judged, each with its reason."""
    reason = scores["reason"]
    _write_lines(
        run.path / "unscored.jsonl",
        (
            {**called(sample), "reason": reason[sample.number].as_py(), "row": sample.row}
            for sample in _chosen(corpus, rows)
        ),
    )


def _chosen(corpus: Corpus, rows: NDArray[np.bool_]) -> Iterable[Sample]:
    """Returns some rows of a corpus, which is not read for none."""
    return compress(corpus, rows) if rows.any() else ()


def _write_lines(path: Path, rows: Iterable[Json]) -> None:
    with replacing(path) as stream:
        for row in rows:
            stream.write(dump_json(row) + b"\n")
