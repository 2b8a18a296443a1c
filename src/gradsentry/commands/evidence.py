"""`gradsentry evidence`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands.scan import (
    AcceptFile,
    CalibrationFile,
    Data,
    FalseAlarmRate,
    MaxBytes,
    MaxRowBytes,
    limits,
)

if TYPE_CHECKING:
    from gradsentry.evidence import Evidence

Flag = typer.Option


def evidence(
    data: Data,
    format: Annotated[str | None, Flag("--format", help="The row format, if not told by columns.")] = None,
    response_marker: Annotated[
        str | None, Flag(help="Text before the response, in rows of one text.")
    ] = None,
    split: Annotated[str | None, Flag(help="Which split.", show_default="all of them")] = None,
    config: Annotated[str | None, Flag(help="Which configuration, where there are several.")] = None,
    max_bytes: MaxBytes = None,
    max_row_bytes: MaxRowBytes = None,
    false_alarm_rate: FalseAlarmRate = None,
    calibration: CalibrationFile = None,
    accept: AcceptFile = None,
    why: Annotated[
        bool, Flag("--why", help="Also tell what was rejected, and by which check.", show_default=False)
    ] = False,
    fail_on_findings: Annotated[
        bool, Flag("--fail-on-findings", help="Exit with 1 if anything was found.")
    ] = False,
    json_: Annotated[bool, Flag("--json", help="Print the evidence as JSON and nothing else.")] = False,
) -> None:
    """Name triggers and payloads in DATA, and the rows that carry them; needs no model."""
    from gradsentry.commands import stdout
    from gradsentry.commands.console import Console
    from gradsentry.commands.findings import findings_shown, shortened
    from gradsentry.commands.rejected import rejected_shown
    from gradsentry.corpus import open_corpus
    from gradsentry.corpus.overview import Overview
    from gradsentry.corpus.unread import left_out, refuse_if_all, unread
    from gradsentry.errors import FOUND
    from gradsentry.evidence import find_evidence
    from gradsentry.evidence.judging import Judging, given_judging
    from gradsentry.settings import DataSettings

    reading = DataSettings.read(
        {
            "format": format,
            "response_marker": response_marker,
            "split": split,
            "config": config,
            **limits(max_bytes, max_row_bytes),
        },
        where="options",
    )
    judging = Judging().with_given(
        given_judging(false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept)
    )
    corpus = open_corpus(data, reading)
    samples = list(corpus)
    refuse_if_all(
        len(samples), unread(samples), where=corpus.name, mend="mend the rows, or name another --format"
    )
    found = find_evidence(
        samples,
        calibration=judging.calibration,
        false_alarm_rate=judging.false_alarm_rate,
        accepted=judging.accepted,
        why=why,
    )
    read = Overview.of(corpus, samples)
    not_read = [*corpus.left_out, *read.not_read()]
    if json_:
        stdout.write_json(found.as_json() | {"left_out": not_read})
    else:
        console = Console()
        console.print(read.line())
        for clause in not_read:
            console.print(f"not read: {shortened(clause, 400)}", markup=False)
        console.print(_headline(found))
        if found.unread:
            console.print(shortened(left_out(found.rows, found.unread), 160))
        for part in findings_shown(found) if found.findings else ():
            console.print(part)
        for part in rejected_shown(found) if why else ():
            console.print(part)
    if fail_on_findings and found.outcome != "clean":
        raise typer.Exit(FOUND)


def _headline(found: Evidence) -> str:
    from gradsentry.report.words import headline

    carriers = found.flagged() or found.named()
    return headline(found, len(carriers), found.rows, found.rows - sum(found.unread.values()))
