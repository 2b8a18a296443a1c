"""Runs on both answers of preferences, side by side: what neither flags lies in the folder that holds them.

Each knows of the other by its manifest. Whatever decides one of them again writes both, and then the rows
that neither flags: a file that is behind the runs is made again by the next decision, one that is ahead of
them would be trained on and stand in no verdict.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.streams import make_folder
from gradsentry.deciding.beside import Beside, beside_in
from gradsentry.deciding.decision import Decision
from gradsentry.earlier import differing, keep_earlier, take_place
from gradsentry.errors import RunError
from gradsentry.opening import open_run
from gradsentry.outcome import Verdict, write_outcome
from gradsentry.report.both import both_page
from gradsentry.report.render import REPORT
from gradsentry.report.words import outcome_words
from gradsentry.settings import Answers
from gradsentry.store import MANIFEST, Json, RunDirectory

SIDES: tuple[Answers, Answers] = ("chosen", "rejected")
_STAGED = ".next-of-both"

Mask = NDArray[np.bool_]


def is_clean(chosen: Decision, rejected: Decision) -> Mask:
    """Returns which rows both verdicts keep, by row number: no flagged one, none that one could not read."""
    clean: Mask = chosen.is_kept & rejected.is_kept
    return clean


def save_pair(folder: Path, chosen: Verdict, rejected: Verdict) -> Path:
    """Writes each verdict as a run, `chosen` and `rejected`, and returns where what neither flags lies.

    What a person decided of rows there stays decided.

    Raises:
        RunError: If the folder holds something else, or another process writes there.
        DataError: If marks that it holds are broken.
        ScoringError: If the disk is full.
    """
    verdicts: dict[Answers, Verdict] = {"chosen": chosen, "rejected": rejected}
    # One that holds other data is refused before the other one is made.
    by_age = sorted(verdicts, key=lambda one: not (folder / one / MANIFEST).is_file())
    made = {
        one: RunDirectory.create_or_resume(folder / one, verdicts[one].manifest["identity"]) for one in by_age
    }
    with made["chosen"].locked(), made["rejected"].locked():
        marked = {one: verdict.with_marks_in(made[one]) for one, verdict in verdicts.items()}
        for one, verdict in marked.items():
            verdict.write_scores(made[one])
        _write(folder, made, marked)
    return folder / _clean_name(chosen)


def refuse_parted(run: RunDirectory) -> Beside | None:
    """Returns what a run says of the one on the other answers, where that lies beside it.

    Raises:
        RunError: If that one is gone: what neither flags lies there still.
    """
    beside = beside_in(run.manifest())
    if beside is None or not beside.is_there(run.path):
        return None
    if not (beside.folder(run.path) / beside.answers / MANIFEST).is_file():
        raise _not_beside(beside, run, "is gone")
    return beside


def write_decided(run: RunDirectory, verdict: Verdict) -> tuple[Verdict, Path | None]:
    """Writes a run that is decided; of one of two on the answers of preferences both, and what neither flags.

    Args:
        run: The run, held for one writer.
        verdict: What is decided of it.

    Returns:
        The verdict, which knows of the other one, and where the files are kept that it replaced.

    Raises:
        RunError: If the run on the other answers is gone, of other data, or being written to; nothing is
            written then.
    """
    beside = refuse_parted(run)
    if beside is None:
        alone = verdict.with_beside(None)
        return alone, write_outcome(run, alone)
    other = RunDirectory(beside.folder(run.path) / beside.answers)
    with other.locked():
        try:
            theirs = open_run(other.path)
        except RunError as error:
            raise _not_beside(beside, run, f"cannot be opened ({error.line()})") from None
        if _data(theirs) != _data(verdict) or theirs.answers != beside.answers:
            raise _not_beside(beside, run, "is of other data")
        own: Answers = "rejected" if beside.answers == "chosen" else "chosen"
        told, kept = _write(
            beside.folder(run.path), {own: run, beside.answers: other}, {own: verdict, beside.answers: theirs}
        )
    return told[own], kept[own]


def _write(
    folder: Path, runs: Mapping[Answers, RunDirectory], verdicts: Mapping[Answers, Verdict]
) -> tuple[dict[Answers, Verdict], dict[Answers, Path | None]]:
    """Writes two runs and then what neither flags; returns the verdicts, and where what they replaced is."""
    chosen, rejected = verdicts["chosen"], verdicts["rejected"]
    stay, name = is_clean(chosen, rejected), _clean_name(chosen)
    staged = runs["chosen"].path / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        make_folder(staged)
        chosen.corpus.save(staged / "clean", compress(chosen.corpus, stay))
        told = {
            one: verdicts[one].with_beside(
                Beside(other, outcome_words(verdicts[other]), name, int(stay.sum()))
            )
            for one, other in (SIDES, reversed(SIDES))
        }
        # No file of the name holds a row that the other verdict flags.
        kept = {one: write_outcome(runs[one], verdict, stay) for one, verdict in told.items()}
        changed = differing(folder, staged, [name])
        if changed and (folder / name).exists():
            keep_earlier(folder, [name])
        take_place(folder, staged, changed)
        RunDirectory(folder).write_bytes(REPORT, both_page(folder, told, name, int(stay.sum())))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return told, kept


def _clean_name(verdict: Verdict) -> str:
    return verdict.corpus.target(Path("clean")).name


def _data(verdict: Verdict) -> Json:
    """Returns what tells the data from others, whichever answers are judged."""
    data: Json = verdict.manifest["identity"]["data"]
    return data | {"reading": {**data["reading"], "answers": None}}


def _not_beside(beside: Beside, run: RunDirectory, what: str) -> RunError:
    return RunError(
        f"the run on the {beside.answers} answers, which lay beside it, {what}",
        where=str(run.path),
        mend=f"bring it back, or take this one to another folder: {beside.path(run.path)} is of both",
    )
