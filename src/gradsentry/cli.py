"""The command line: which commands there are, and what an error looks like."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from gradsentry.commands import (
    bench,
    demo,
    evaluate,
    evidence,
    explain,
    finetune,
    poison,
    report,
    scan,
    threshold,
)
from gradsentry.errors import GradSentryError, UsageError

_INTERRUPTED = 130

app = typer.Typer(
    name="gradsentry",
    help="Finds backdoor poison in fine-tuning data before training.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("scan")(scan.scan)
app.command("threshold")(threshold.threshold)
app.command("report")(report.report)
app.command("poison")(poison.poison)
app.command("evidence")(evidence.evidence)
app.command("explain")(explain.explain)
app.command("bench")(bench.bench)
app.command("finetune")(finetune.finetune)
app.command("evaluate")(evaluate.evaluate)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Finds backdoor poison in fine-tuning data before training."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"gradsentry {installed('gradsentry')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> NoReturn:
    """Runs the command line; errors made on purpose become one line on stderr and exit code 2."""
    try:
        code = app(standalone_mode=False, prog_name="gradsentry") or 0
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "gradsentry")
        wrong = UsageError(error.format_message().rstrip("."), mend=f"see {command} --help")
        _stop(wrong.line(), 2)
    except GradSentryError as error:
        _stop(error.line(), 2)
    if code == _INTERRUPTED:
        _stop("stopped; the same command with the same --out goes on from here", code)
    sys.exit(code)


def _stop(line: str, code: int) -> NoReturn:
    print(f"gradsentry: {line}", file=sys.stderr)
    sys.exit(code)
