"""The command line: which commands there are, what an error looks like, and what a command ends with."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import typer
from typer.main import get_command

from gradsentry.about import VERSION
from gradsentry.commands import (
    accept,
    bench,
    calibrate,
    demo,
    doctor,
    evaluate,
    evidence,
    explain,
    finetune,
    poison,
    report,
    scan,
    stdout,
    threshold,
    verify,
)
from gradsentry.commands.configured import configured
from gradsentry.errors import DONE, INTERRUPTED, MISUSED, UNREAD, SettingsError, UsageError, meant

_DEBUG = "--debug"
_RESUMED = ("scan", "demo", "bench")
"""Commands that go on where they were stopped."""


app = typer.Typer(
    name="gradsentry",
    help="Finds backdoor poison in fine-tuning data before training.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_COMPLETE = "_GRADSENTRY_COMPLETE"
"""What a shell sets when it asks what could be typed next."""

app.command("demo")(configured(demo.demo))
app.command("doctor")(doctor.doctor)
app.command("scan")(configured(scan.scan))
app.command("threshold")(configured(threshold.threshold))
app.command("report")(configured(report.report))
app.command("poison")(configured(poison.poison))
app.command("evidence")(configured(evidence.evidence))
app.command("accept")(configured(accept.accept))
app.command("calibrate")(configured(calibrate.calibrate))
app.command("explain")(configured(explain.explain))
app.command("verify")(configured(verify.verify))
app.command("bench")(configured(bench.bench))
app.command("finetune")(configured(finetune.finetune))
app.command("evaluate")(configured(evaluate.evaluate))


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", "-V", help="Print the version and stop."),
    debug: bool = typer.Option(False, _DEBUG, help="With any command: show the traceback of an error."),
) -> None:
    """Finds backdoor poison in fine-tuning data before training.

    Exit codes: 0 done; 1 --fail-on or --max-flagged did not let it through; 2 the input, an option or the
    place to write is wrong; 3 it failed otherwise; 130 interrupted; 141 whoever read the output has gone.
    """
    if version:
        typer.echo(f"gradsentry {VERSION}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(MISUSED)


_COMMANDS = get_command(app)


def main() -> NoReturn:
    """Runs the command line and exits; an error is one line on stderr. See `errors` for the exit codes."""
    # It may stand behind the command, as any other option of it.
    if _COMPLETE in os.environ:
        app(prog_name="gradsentry")
    arguments = [one for one in sys.argv[1:] if one != _DEBUG]
    code, line = _run(arguments, debug=len(arguments) < len(sys.argv) - 1)
    stdout.settle()
    if line:
        print(f"gradsentry: {line}", file=sys.stderr)
    sys.exit(code)


def _run(arguments: list[str], *, debug: bool) -> tuple[int, str]:
    """Runs a command; returns its exit code, and what is to be said of it on stderr."""
    command = ""
    try:
        stdout.prepare()
        _refuse_names_of_files(arguments)
        # Typer's own way to run it ends a broken pipe with 1, which means findings here.
        with _COMMANDS.make_context("gradsentry", arguments) as context:
            try:
                _COMMANDS.invoke(context)
            finally:
                command = context.invoked_subcommand or ""
        sys.stdout.flush()
        return DONE, ""
    except typer.Exit as ended:
        return ended.exit_code, ""
    except KeyboardInterrupt:
        goes_on = "; the same command with the same --out goes on from here"
        return INTERRUPTED, f"stopped{goes_on if command in _RESUMED else ''}"
    except typer.TyperException as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "gradsentry")
        return MISUSED, _mistyped(error.format_message(), f"{path} --help").line()
    except Exception as error:
        if isinstance(error, BrokenPipeError) and stdout.is_unread():
            return UNREAD, ""
        if debug:
            traceback.print_exc()
        from gradsentry.plugins import blamed

        known = _lacking(error) or blamed(error) or meant(error)
        return known.exit_code, known.line()


def _refuse_names_of_files(arguments: list[str]) -> None:
    """Refuses an option that a file is called by: the shell, or a hook, may have filled in its name.

    Raises:
        UsageError: If there is one before `--`.
    """
    for one in arguments[: arguments.index("--") if "--" in arguments else None]:
        if one.startswith("-") and one != "-" and os.path.lexists(one):
            mend = "write -- before the names of files, or rename the file"
            raise UsageError("is an option, and a file is called so", where=one, mend=mend)


def _mistyped(message: str, help_line: str) -> UsageError:
    """Returns what typer says of a wrong command or option, with its guess as part of the mend."""
    message = message.replace(": Value error, ", ": ")  # of the library beneath, which is no news to a reader
    what, _, guess = message.replace(" (Possible options: ", ". Did you mean ").partition(". Did you mean ")
    asked = (
        f"did you mean {' or '.join(guess.rstrip('?)').replace(chr(39), '').split(', '))}? " if guess else ""
    )
    return UsageError(what.rstrip("."), mend=f"{asked}see {help_line}")


def _lacking(error: Exception) -> SettingsError | None:
    """Returns what to install where an optional package is missing."""
    from gradsentry.extras import missing_module

    return missing_module(error) if isinstance(error, ModuleNotFoundError) else None


if __name__ == "__main__":
    main()
