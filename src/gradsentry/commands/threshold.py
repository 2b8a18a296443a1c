"""`gradsentry threshold`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands import stdout
from gradsentry.commands.announcing import announce
from gradsentry.commands.gate import (
    CroissantFile,
    CycloneDxFile,
    FailOn,
    FailOnFindings,
    Gate,
    InTotoFile,
    JUnitFile,
    MaxFlagged,
    Reports,
    SarifFile,
    Strict,
)
from gradsentry.commands.options import (
    FinishedRun,
    Json,
    MethodOption,
    PolicyOption,
    Quantile,
    Quiet,
    Tau,
    threshold_settings,
)

if TYPE_CHECKING:
    from gradsentry.deciding.marks import Agreement
    from gradsentry.outcome import Verdict


def threshold(
    run: FinishedRun,
    policy: PolicyOption = None,
    method: MethodOption = None,
    tau: Tau = None,
    quantile: Quantile = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Marks that the report exported: rows marked poisoned go, rows marked clean stay."),
    ] = None,
    fail_on_findings: FailOnFindings = False,
    strict: Strict = False,
    fail_on: FailOn = None,
    max_flagged: MaxFlagged = None,
    sarif: SarifFile = None,
    junit: JUnitFile = None,
    in_toto: InTotoFile = None,
    cyclonedx: CycloneDxFile = None,
    croissant: CroissantFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide again on the scores of RUN, without scoring again; its files are written again.

    What is not named stays as it was decided, marks too. Files that are replaced are kept in RUN/earlier.
    """
    from gradsentry.counts import rows
    from gradsentry.errors import SettingsError
    from gradsentry.opening import open_run
    from gradsentry.outcome import Change
    from gradsentry.pairs import write_decided
    from gradsentry.store import RunDirectory

    named = (method, tau, quantile) != (None, None, None)
    if labels is not None and named:
        raise SettingsError(
            "--labels and --method, --tau or --quantile exclude each other", where="options", mend="give one"
        )
    settings = threshold_settings(method, tau, quantile)
    reports = Reports(sarif, junit, in_toto, cyclonedx, croissant)
    gate = Gate.of(fail_on, max_flagged, reports, fail_on_findings=fail_on_findings, strict=strict)
    gate.prepare(run=run)
    directory = RunDirectory.open(run)
    with directory.locked():
        before = open_run(run)
        verdict, agreed, note = before, None, ""
        if named:
            verdict = before.decide(settings, policy or "published")
        elif policy is not None:
            verdict = before.with_threshold(before.threshold, policy)
        if labels is not None:
            verdict, agreed, note = _labelled(verdict, labels)
        change = Change.between(before, verdict)
        if not (json_ or quiet):
            stdout.say(f"{run}: {change.line()}")
        verdict, kept = write_decided(directory, verdict)
    changes = change.as_json() | {"earlier": str(kept) if kept else None}
    lines = [f"the files that were there are kept in {kept}"] if kept else []
    if before.beside and verdict.beside:
        file, was, now = str(verdict.beside.path(run)), before.beside.rows, verdict.beside.rows
        changes |= {"both": {"clean": file, "before": was, "rows": now}}
        lines.append(f"{file}: {rows(now)} that neither verdict flags, {was:,} before")
    if not (json_ or quiet):
        for line in (*lines, *([note] if note else [])):
            stdout.say(line)
    announce(
        verdict,
        run,
        as_json=json_,
        quiet=quiet,
        gate=gate,
        marked=agreed,
        changes=changes,
    )


def _labelled(verdict: Verdict, labels: Path) -> tuple[Verdict, Agreement, str]:
    """Returns a verdict with marks added, what its policy makes of them, and what is to be said of tau."""
    from gradsentry.deciding.marks import agreement, read_marks, threshold_of_marks
    from gradsentry.errors import SettingsError

    marks = verdict.marked.with_later(read_marks(labels, verdict.scores["id"].to_pylist()))
    note = ""
    tau = verdict.threshold
    if verdict.policy == "published" and tau is not None:
        try:
            fitted = threshold_of_marks(verdict.scores["score"].to_numpy(), marks)
            verdict = verdict.with_threshold(fitted, "published")
        except SettingsError as error:
            note = f"tau stays {tau.tau:.3f}: {error.what}"
    verdict = replace(verdict, marks=marks)
    return verdict, agreement(verdict.is_flagged_by_policy, marks), note
