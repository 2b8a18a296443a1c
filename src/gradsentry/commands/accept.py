"""`gradsentry accept`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.counts import rows

if TYPE_CHECKING:
    from gradsentry.evidence.accepting import Accepted

Flag = typer.Option
FILE = Path("gradsentry-accepted.jsonl")
_WHOLE = 1000  # characters of a string: who accepts it has to read it


def accept(
    run: Annotated[
        Path,
        typer.Argument(help="The directory of a scan, its evidence.json, or what evidence --json printed."),
    ],
    findings: Annotated[list[str], typer.Argument(help="The names of the findings, such as F3.")],
    why: Annotated[str, Flag("--why", help="Why it is no attack, in a line.")],
    to: Annotated[Path, Flag("--to", help="The file, to which it is added.", show_default=str(FILE))] = FILE,
) -> None:
    """Accept findings of RUN: scan and evidence list them with your reason, and flag nothing for them.

    They do so where the file is given as --accept, until its trigger or its payload changes, or its share of
    the rows grows by more than half. RUN itself is not decided again: judge the data again, for beside what
    is accepted other findings can show.
    """
    from gradsentry.commands.console import Console
    from gradsentry.commands.findings import sentence
    from gradsentry.errors import DataError
    from gradsentry.evidence.accepting import Accepted, percent, read_evidence, write_accepted
    from gradsentry.report.words import finding_sentence

    found = read_evidence(run)
    named = {one.name: one for one in found.findings}
    if missing := [one for one in findings if one not in named]:
        known = f"it has {', '.join(named)}" if named else "it has none"
        raise DataError(f"has no finding `{missing[0]}`", where=str(run), mend=known)
    console = Console()
    # All are made before one is written, so that a wrong reason accepts none.
    chosen = [named[name] for name in dict.fromkeys(findings)]
    made = [(one, Accepted.of_finding(one, found.rows_read, why, found.answers)) for one in chosen]
    reads = "evidence --answers rejected reads" if found.answers == "rejected" else "scan and evidence read"
    for one, accepted in made:
        again = _again(write_accepted(to, accepted), accepted)
        console.print(f"{one.name} is accepted in {to}{again}", soft_wrap=True)
        console.print(sentence(finding_sentence(one, limit=_WHOLE)))
        limit = f"up to {percent(accepted.most)} of the rows that they judge"
        console.print(f"{reads} it with --accept {to}, in Python with accept=, {limit}", soft_wrap=True)
    console.print("judge the data again: beside what is accepted other findings can show", soft_wrap=True)


def _again(before: Accepted | None, now: Accepted) -> str:
    """Returns what changed where the same finding was accepted before: the share of the rows, the reason."""
    if before is None:
        return ""
    changed = []
    if (before.rows, before.of) != (now.rows, now.of):
        changed.append(f"in {now.rows:,} of {rows(now.of)}, before in {before.rows:,} of {before.of:,}")
    if before.why != now.why:
        changed.append(f"no longer because of: {before.why}")
    return f", {', '.join(changed) or 'as it was before'}"
