"""`gradsentry calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands.plugged import Plugins

if TYPE_CHECKING:
    from gradsentry.corpus import Sample

Flag = typer.Option


def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Clean corpora: each file, and each folder in it, is one."),
    ],
    out: Annotated[Path, Flag("--out", "-o", help="The file of the calibration.")],
    alone: Annotated[
        bool, Flag("--alone", help="Leave out the clean corpora that the shipped calibration knows.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Learn from clean data of your own how often evidence would take such data for poisoned.

    evidence and scan decide by it where it is given as --calibration. Each corpus should be of a source of
    its own, and be known to be clean: what it holds is never flagged in data like it.
    """
    from gradsentry.commands.console import Console
    from gradsentry.errors import DataError
    from gradsentry.evidence.calibration import Calibration, shipped
    from gradsentry.evidence.judging import Judging, given_judging
    from gradsentry.evidence.limits import FALSE_ALARM_RATE
    from gradsentry.evidence.reasons import share_in_words
    from gradsentry.evidence.recalibrating import recalibrated

    if out.is_file() and not Calibration.is_in(out):
        mend = "name another file: only a calibration is replaced"
        raise DataError("is there, and is no calibration", where=str(out), mend=mend)
    own = Judging().with_given(given_judging(plugins=plugin or ())).own
    corpora, left_out = _corpora(folder)
    try:
        made = recalibrated(corpora, shipped(), alone=alone, own=own)
    except DataError as error:
        raise DataError(error.what, where=str(folder), mend=error.mend) from None
    made.calibration.save(out)
    console = Console()
    for name in left_out:
        console.print(f"left out: {name}: no data", soft_wrap=True)
    for name, rows in made.small.items():
        console.print(f"left out: {name}: {rows} different rows are too few", soft_wrap=True)
    console.print("what in each corpus is most like an attack, and how many clean corpora hold as much")
    quiet = 0
    for one in made.natural:
        before, after = one.rarest(shipped()), one.rarest(made.calibration)
        if before == after == 0.0:
            quiet += 1
            continue
        console.print(f"  {one.name}: {one.strongest}", soft_wrap=True)
        said = f"{share_in_words(before)} by the shipped calibration, {share_in_words(after)} by this one"
        console.print(f"    {said}", soft_wrap=True)
    console.print(f"  {quiet} of {len(made.natural)} corpora: nothing that is like an attack")
    allowed = (
        f"data with a share under --false-alarm-rate ({FALSE_ALARM_RATE}, or 1 of {1 / FALSE_ALARM_RATE:.0f})"
    )
    console.print(f"{allowed} is called poisoned", soft_wrap=True)
    console.print(f"made from {made.calibration.source}", soft_wrap=True)
    unmeasured = (
        f"{made.least:.2g} and more are shares that so many corpora measure; smaller ones are extrapolated"
    )
    console.print(unmeasured, soft_wrap=True)
    console.print(f"to decide by it: gradsentry evidence DATA --calibration {out}", soft_wrap=True)


def _corpora(folder: Path) -> tuple[dict[str, list[Sample]], list[str]]:
    """Returns the rows of each corpus in a folder, by its name, and what is none.

    Raises:
        DataError: If there is none, or one cannot be read.
    """
    from gradsentry.corpus import open_corpus
    from gradsentry.corpus.containers import data_suffix
    from gradsentry.corpus.unread import refuse_if_all, unread
    from gradsentry.errors import DataError

    mend = "give a folder of clean corpora, each a file or a folder"
    if not folder.is_dir():
        raise DataError("is no folder", where=str(folder), mend=mend)
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    chosen = [entry for entry in entries if entry.is_dir() or data_suffix(entry)]
    if not chosen:
        raise DataError("holds no corpus", where=str(folder), mend=mend)
    corpora = {}
    for entry in chosen:
        samples = list(open_corpus(entry))
        refuse_if_all(len(samples), unread(samples), where=str(entry), mend="mend it, or take it out")
        corpora[entry.name] = [sample for sample in samples if sample.problem is None]
    return corpora, [entry.name for entry in entries if entry not in chosen]
