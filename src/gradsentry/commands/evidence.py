"""`gradsentry evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands.gate import (
    CroissantFile,
    CycloneDxFile,
    FailOn,
    FailOnFindings,
    Gate,
    InTotoFile,
    JUnitFile,
    MaxFlagged,
    PassWithoutData,
    Reports,
    SarifFile,
    Strict,
)
from gradsentry.commands.named import Dataset, Tokenizer, named_entry, write_entry
from gradsentry.commands.options import (
    AcceptFile,
    AnswersJudged,
    CalibrationFile,
    Columns,
    Data,
    FalseAlarmRate,
    Format,
    Limit,
    MaxBytes,
    MaxRowBytes,
    ResponseMarker,
    Split,
    Subset,
    reading_settings,
)
from gradsentry.commands.plugged import Plugins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradsentry.corpus import Corpus
    from gradsentry.corpus.overview import Overview
    from gradsentry.deciding.gate import Judged
    from gradsentry.evidence import Evidence, Finding
    from gradsentry.outcome import Verdict
    from gradsentry.searching import Ids
    from gradsentry.settings import DataSettings

Flag = typer.Option


def evidence(
    data: Data,
    format: Format = None,
    response_marker: ResponseMarker = None,
    split: Split = None,
    subset: Subset = None,
    columns: Columns = None,
    answers: AnswersJudged = None,
    by_format: Annotated[
        bool,
        Flag(
            "--by-format",
            help="Judge each format's files by themselves and all together; leave out what holds no rows.",
        ),
    ] = False,
    tokenizer: Tokenizer = None,
    dataset: Dataset = None,
    limit: Limit = None,
    max_bytes: MaxBytes = None,
    max_row_bytes: MaxRowBytes = None,
    false_alarm_rate: FalseAlarmRate = None,
    calibration: CalibrationFile = None,
    accept: AcceptFile = None,
    plugin: Plugins = None,
    out: Annotated[
        Path | None,
        Flag("--out", "-o", help="A directory for the rows that stay, the flagged ones and the report."),
    ] = None,
    why: Annotated[
        bool, Flag("--why", help="Also tell what was rejected, and by which check.", show_default=False)
    ] = False,
    fail_on_findings: FailOnFindings = False,
    strict: Strict = False,
    pass_without_data: PassWithoutData = False,
    fail_on: FailOn = None,
    max_flagged: MaxFlagged = None,
    sarif: SarifFile = None,
    junit: JUnitFile = None,
    in_toto: InTotoFile = None,
    cyclonedx: CycloneDxFile = None,
    croissant: CroissantFile = None,
    json_: Annotated[bool, Flag("--json", help="Print the evidence as JSON and nothing else.")] = False,
) -> None:
    """Name triggers and payloads in DATA, and the rows that carry them; needs no model."""
    from gradsentry.deciding.gate import Judged
    from gradsentry.errors import SettingsError
    from gradsentry.evidence.judging import given_judging

    reading = reading_settings(
        format=format,
        response_marker=response_marker,
        split=split,
        subset=subset,
        columns=columns,
        tokenizer=tokenizer,
        answers=answers,
        limit=limit,
        max_bytes=max_bytes,
        max_row_bytes=max_row_bytes,
    )
    if (entry := named_entry(data, dataset, reading, out)) is not None:
        data, reading = [entry.data] if isinstance(entry.data, str) else entry.data, entry.reading
    reports = Reports(sarif, junit, in_toto, cyclonedx, croissant)
    gate = Gate.of(
        fail_on,
        max_flagged,
        reports,
        fail_on_findings=fail_on_findings,
        strict=strict,
        may_be_nothing=pass_without_data,
    )
    if by_format:
        _refuse_of_one_corpus(reports, as_json=json_, of_entry=entry is not None)
    elif pass_without_data:
        mend = "add --by-format, or leave it out"
        raise SettingsError("is for files of any kind", where="--pass-without-data", mend=mend)
    gate.prepare(data, run=out)
    given = given_judging(
        false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept, plugins=plugin or ()
    )
    verdicts: list[Verdict] = []
    left_out: tuple[str, ...] = ()
    groups: list[tuple[list[str], Path | None, Sequence[Finding]]] = [(data, out, ())]
    if by_format:
        found, left_out = _parted(data, reading)
        files, runs = list(map(list, found.values())), [out and out / name for name in found]
        groups = list(zip(files, runs, _in_all_formats(files, runs, reading, given), strict=True))
    parts: list[Judged] = []
    for group, run, more in groups:
        if run is None and not gate.needs_rows:
            parts.append(_printed(group, reading, given, more, why=why, as_json=json_))
        else:
            verdicts.append(_judged(group, run, reading, given, more, why=why, as_json=json_))
            parts.append(Judged.of(verdicts[-1]))
    if entry is not None and out is not None:
        write_entry(entry, out)
    judged = Judged.together(parts, left_out)
    gate.write(verdicts, judged, out, quiet=json_)
    gate.end(judged, quiet=json_, has_run=out is not None)


_OF_SEVERAL = {"--sarif", "--junit"}
"""The reports that can tell of several corpora."""


def _refuse_of_one_corpus(reports: Reports, *, as_json: bool, of_entry: bool) -> None:
    """Refuses what tells of one corpus beside `--by-format`, which judges several."""
    from gradsentry.errors import SettingsError

    if as_json or of_entry or set(reports.named) - _OF_SEVERAL:
        what = f"judges several corpora, of which {', '.join(sorted(_OF_SEVERAL))} and --out alone tell"
        mend = "leave out one of the two, in a --config too, and name the files of each format by themselves"
        raise SettingsError(what, where="--by-format", mend=mend)


def _parted(data: list[str], reading: DataSettings) -> tuple[Mapping[str, Sequence[str]], tuple[str, ...]]:
    """Returns the data files of each format and what else there is, which it prints."""
    from gradsentry.commands import stdout
    from gradsentry.corpus.byformat import by_format

    parted = by_format(data, reading)
    for clause in parted.left_out:
        stdout.say(f"not read: {clause}")
    if not parted.groups:
        stdout.say("none of these files is data")
    return parted.groups, parted.left_out


def _in_all_formats(
    groups: Sequence[list[str]],
    runs: Sequence[Path | None],
    reading: DataSettings,
    given: dict[str, object],
) -> list[tuple[Finding, ...]]:
    """Returns of the files of each format what those of all formats show together, and says that it looks."""
    from gradsentry.commands import stdout
    from gradsentry.corpus import open_corpus
    from gradsentry.opening import judging_at
    from gradsentry.searching import search_together

    if len(groups) > 1:
        stdout.say(f"judged: the files of {len(groups)} formats, each format by itself and all together")
    corpora = [open_corpus(files, reading) for files in groups]
    return search_together(corpora, judging_at(next(iter(runs), None)).with_given(given))


def _printed(
    data: list[str],
    reading: DataSettings,
    given: dict[str, object],
    more: Sequence[Finding],
    *,
    why: bool,
    as_json: bool,
) -> Judged:
    """Prints what was found, and returns what a gate hears of it."""
    from gradsentry.commands import stdout
    from gradsentry.corpus import open_corpus
    from gradsentry.deciding.gate import Judged
    from gradsentry.evidence.judging import Judging
    from gradsentry.searching import evidence_json, search

    corpus = open_corpus(data, reading)
    searched = search(corpus, Judging().with_given(given), why=why, more=more)
    found, read = searched.evidence, searched.read
    not_read = [*corpus.left_out, *read.not_read()]
    if as_json:
        stdout.write_json(evidence_json(found, searched.ids) | {"left_out": not_read})
    else:
        _show(corpus, found, searched.ids, read, not_read, why=why)
    return Judged.of_evidence(found, read, not_read)


def _judged(
    data: list[str],
    out: Path | None,
    reading: DataSettings,
    given: dict[str, object],
    more: Sequence[Finding],
    *,
    why: bool,
    as_json: bool,
) -> Verdict:
    """Prints what was found, and returns the verdict; its run directory is written where one is named."""
    from gradsentry.commands import display, stdout
    from gradsentry.commands.console import Console
    from gradsentry.commands.rejected import rejected_shown
    from gradsentry.searching import evidence_json, ids_of
    from gradsentry.textual import screen_texts

    named = data[0] if len(data) == 1 else data
    verdict = screen_texts(named, reading=reading, given=given, out=out, why=why, more=more)
    found, ids = verdict.evidence, ids_of(verdict.evidence, verdict.scores)
    if as_json:
        stdout.write_json(evidence_json(found, ids) | {"left_out": list(verdict.left_out)})
    elif out is None:
        assert verdict.read is not None
        _show(verdict.corpus, found, ids, verdict.read, verdict.left_out, why=why)
    else:
        display.summary(verdict, out)
        for part in rejected_shown(found) if why else ():
            Console().print(part)
    return verdict


def _show(
    corpus: Corpus, found: Evidence, ids: Ids, read: Overview, not_read: Sequence[str], *, why: bool
) -> None:
    """Prints what was found, where nothing but reports is written."""
    from gradsentry.commands.console import Console
    from gradsentry.commands.findings import findings_shown, shortened
    from gradsentry.commands.rejected import rejected_shown
    from gradsentry.corpus.unread import left_out

    console = Console()
    console.print(corpus.name, markup=False, soft_wrap=True, style="dim")
    console.print(read.line())
    for clause in not_read:
        console.print(f"not read: {shortened(clause, 400)}", markup=False)
    console.print(_headline(found))
    if found.unread:
        first = f"; the first is {read.unread_at}" if read.unread_at else ""
        console.print(f"{shortened(left_out(found.rows, found.unread), 400)}{first}", markup=False)
    for part in findings_shown(found, ids, corpus) if found.findings else ():
        console.print(part)
    for part in rejected_shown(found) if why else ():
        console.print(part)


def _headline(found: Evidence) -> str:
    from gradsentry.report.words import headline

    carriers = found.flagged() or found.named()
    return headline(found, len(carriers), found.rows, found.rows - sum(found.unread.values()))
