"""`gradsentry report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradsentry.commands import stdout
from gradsentry.commands.options import FinishedRun


def report(
    run: FinishedRun,
    truth: Annotated[
        Path | None,
        typer.Option(help="What `gradsentry poison` wrote beside the data, or a JSON list of row numbers."),
    ] = None,
) -> None:
    """Write RUN/report.html again; with a truth, what was found of it and what was missed."""
    from gradsentry.opening import open_run
    from gradsentry.report.render import write_report
    from gradsentry.store import RunDirectory

    directory = RunDirectory.open(run)
    verdict, comparison = open_run(run), None
    if truth is not None:
        from gradsentry.bench.truth import compare

        comparison = compare(verdict, truth)
    with directory.locked():
        write_report(directory, verdict, comparison)
    stdout.say(run / "report.html")
    if comparison is not None:
        stdout.say(f"against the truth {comparison.line()}")
