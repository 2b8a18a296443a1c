"""`gradsentry verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands.options import FinishedRun

if TYPE_CHECKING:
    from gradsentry.store import Json

Flag = typer.Option


def verify(
    run: FinishedRun,
    steps: Annotated[
        int | None,
        Flag(min=1, help="Steps of each of the two trainings, of 2 rows each. [default: 200 a finding]"),
    ] = None,
    json_: Annotated[bool, Flag("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Train briefly on RUN's rows: do the findings' payloads become likelier after their triggers?

    Two adapters of the model that RUN was scored with are trained, on a part of the rows as they came and on
    one without the rows of the findings. It says before how long that takes, and writes RUN/verify.json and
    the report.
    """
    from gradsentry.commands import stdout
    from gradsentry.extras import require
    from gradsentry.finetuning.verifying import VerifySettings, save
    from gradsentry.finetuning.verifying import verify as train_and_ask
    from gradsentry.models.loading import quiet_libraries
    from gradsentry.opening import open_run
    from gradsentry.progress import counting
    from gradsentry.report.render import write_report
    from gradsentry.store import RunDirectory

    require("scan", "finetune")
    quiet_libraries()
    directory = RunDirectory.open(run)

    def on_estimate(seconds: float) -> None:
        if not json_:
            typer.echo(f"two trainings take about {_time(seconds)}")

    with directory.locked():
        verdict = open_run(run)
        with counting("steps", shown=not json_) as on_step:
            result = train_and_ask(
                verdict, VerifySettings(steps=steps), on_estimate=on_estimate, on_step=on_step
            )
        value = save(directory, result)
        write_report(directory, verdict)
    if json_:
        stdout.write_json(value)
    else:
        _print(value, run)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} seconds"
    return f"{round(seconds / 60)} minutes"


def _print(value: Json, run: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from gradsentry.commands.console import Console
    from gradsentry.report.proof import COLUMNS, said, table_row
    from gradsentry.store import VERIFY

    console = Console()
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if place in (1, 3, 4) else "left")
    for one in value["findings"]:
        for row in table_row(one):
            table.add_row(*row)
    console.print(Text("mean log-probability of a payload's token, in nats", style="dim"))
    console.print(table)
    for one in value["findings"]:
        console.print(said(one))
    if value["left_out"]:
        console.print(f"not verified, because there are many: {', '.join(value['left_out'])}")
    console.print(f"{value['seconds']:.0f} seconds; {run / VERIFY}", soft_wrap=True)
