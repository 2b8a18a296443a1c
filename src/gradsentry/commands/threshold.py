"""`gradsentry threshold`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradsentry.commands.scan import (
    FailOnFindings,
    Json,
    MethodOption,
    PolicyOption,
    Quantile,
    Quiet,
    Tau,
    announce,
    threshold_settings,
)


def threshold(
    run: Annotated[Path, typer.Argument(help="The run directory of a finished scan.")],
    policy: PolicyOption = None,
    method: MethodOption = None,
    tau: Tau = None,
    quantile: Quantile = None,
    labels: Annotated[
        Path | None, typer.Option(help="Marks that the report exported: tau is fitted to them.")
    ] = None,
    fail_on_findings: FailOnFindings = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide again on the scores of RUN, without scoring again, and write its files again."""
    from gradsentry.deciding.marks import agreement, read_marks, threshold_of_marks
    from gradsentry.errors import SettingsError
    from gradsentry.outcome import write_outcome
    from gradsentry.screening import open_run
    from gradsentry.store import RunDirectory

    if labels is not None and (method, tau, quantile) != (None, None, None):
        raise SettingsError(
            "--labels and --method, --tau or --quantile exclude each other", where="options", mend="give one"
        )
    settings = threshold_settings(method, tau, quantile)
    verdict, agreed = open_run(run), None
    if labels is None:
        verdict = verdict.decide(settings, policy)
    else:
        marks = read_marks(labels, verdict.scores["id"].to_pylist())
        fitted = threshold_of_marks(verdict.scores["score"].to_numpy(), marks)
        verdict = verdict.with_threshold(fitted, policy or "published")
        agreed = agreement(verdict.is_flagged, marks)
    directory = RunDirectory.open(run)
    with directory.locked():
        write_outcome(directory, verdict)
    announce(verdict, run, as_json=json_, quiet=quiet, fail_on_findings=fail_on_findings, marked=agreed)
