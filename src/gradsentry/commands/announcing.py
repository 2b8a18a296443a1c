"""How a command that made a verdict ends: what it prints and writes of it, and its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsentry.commands import stdout

if TYPE_CHECKING:
    from gradsentry.commands.gate import Gate
    from gradsentry.deciding.marks import Agreement
    from gradsentry.outcome import Verdict


def announce(
    verdict: Verdict,
    run: Path,
    *,
    as_json: bool,
    quiet: bool,
    gate: Gate,
    marked: Agreement | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Prints a verdict as the options ask, and exits with 1 where the gate does not let it through.

    Args:
        verdict: The verdict.
        run: The run directory that it was written to.
        as_json: Whether as JSON alone.
        quiet: Whether to print nothing.
        gate: What a CI job asks of it.
        marked: What the policy makes of the rows that a person marked, where that was asked for.
        changes: What the decision changed, where it came after another.
    """
    from gradsentry.commands import display
    from gradsentry.deciding.gate import Judged

    if as_json:
        more = {"marked": marked.as_json()} if marked else {}
        more |= {"changes": changes} if changes else {}
        stdout.write_json(verdict.as_json() | more)
    elif not quiet:
        display.summary(verdict, run)
        if marked is not None:
            stdout.say(f"before your marks count: {marked.line()}")
    judged = Judged.of(verdict)
    gate.write([verdict], judged, run, quiet=quiet or as_json)
    gate.end(judged, quiet=quiet or as_json)
