"""What a scan looks like in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from gradsentry.commands.console import Console
from gradsentry.commands.findings import findings_table, shortened
from gradsentry.corpus import Sample
from gradsentry.evidence import Outcome
from gradsentry.outcome import Verdict
from gradsentry.report.words import Sentence, Words, threshold_command, words
from gradsentry.scoring import finite_scores
from gradsentry.store import RunDirectory

console = Console()

_BINS, _BAR, _SHOWN = 20, 40, 10
_COLOURS = {"clean": "green", "suspicious": "yellow", "poisoned": "red"}


class _Rate(ProgressColumn):
    """Things a second."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} {self._what}/s" if task.speed else f"- {self._what}/s")


@contextmanager
def progress(what: str = "rows", *, silent: bool) -> Iterator[Callable[[int, int], None]]:
    """Yields a function of (things done, things in all) that moves a bar, where stdout is a terminal."""
    if silent or not sys.stdout.isatty():
        yield lambda done, total: None
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(what),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def summary(verdict: Verdict, run: Path) -> None:
    """Prints the verdict in the words of the report: what was found, how sure, the files, what to do."""
    said = words(verdict, RunDirectory(run))
    console.print(Text(f"\n{verdict.corpus.name}", style="dim"))
    console.print(_headline(said.headline, verdict.outcome))
    console.print(_sentence(said.what))
    console.print(Text(f"{said.sure}\n", style="dim"))
    console.print(_counts(verdict))
    if verdict.evidence.findings:
        console.print(findings_table(verdict.evidence))
    if len(finite_scores(verdict.scores)):
        console.print(_histogram(verdict))
    if verdict.is_flagged.any():
        console.print(_most_suspicious(verdict))
    _next_steps(verdict, run, said)


def _headline(headline: str, outcome: Outcome) -> Text:
    name, colon, rest = headline.partition(":")
    return Text.assemble((name + colon, f"bold {_COLOURS[outcome]}"), (rest, "bold"))


def _sentence(pieces: Sentence) -> Text:
    styles = {"trigger": "yellow", "payload": "magenta", "ghost": "reverse"}
    return Text.assemble(
        *((text, " ".join(styles.get(kind, "dim") for kind in kinds.split())) for text, kinds in pieces)
    )


def _counts(verdict: Verdict) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, count in verdict.counts.items():
        table.add_row(name, f"{count}")
    reasons = verdict.scores.filter(verdict.is_unscored)["reason"].value_counts().to_pylist()
    for reason in sorted(reasons, key=lambda each: -each["counts"])[:5]:
        table.add_row(
            "", Text(f"{reason['counts']} unscored: {shortened(reason['values'], 160)}", style="dim")
        )
    above = f"{verdict.is_above.sum()} rows are above"
    table.add_row("tau", f"{verdict.threshold.tau:.3f} ({verdict.threshold.reason}); {above}")
    return table


def _histogram(verdict: Verdict) -> Table:
    scores = finite_scores(verdict.scores)
    counts, edges = np.histogram(scores, bins=_BINS, range=(0.0, 1.0))
    table = Table(title="score (higher is more suspicious)", title_justify="left", box=None, pad_edge=False)
    for _ in range(3):
        table.add_column()
    tau = verdict.threshold.tau
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        width = int(np.ceil(_BAR * count / counts.max()))
        style = "red" if low >= tau else "cyan"
        marker = f"  <- tau {tau:.3f}" if low <= tau < high or (high == 1.0 == tau) else ""
        table.add_row(f"{low:.2f}", Text("█" * width, style=style) + Text(f" {count}{marker}"), "")
    return table


def _most_suspicious(verdict: Verdict) -> Table:
    flagged = verdict.flagged.slice(0, _SHOWN)
    table = Table(title=f"the {len(flagged)} most suspicious rows", title_justify="left")
    for name in ("id", "score", "prompt", "response"):
        table.add_column(name, overflow="fold")
    for sample, score in zip(
        verdict.corpus.take(flagged["number"].to_pylist()), flagged["score"].to_pylist(), strict=True
    ):
        prompt, response = _texts(sample)
        table.add_row(Text(shortened(str(sample.id), 40)), f"{score:.3f}", Text(prompt), Text(response))
    return table


def _texts(sample: Sample) -> tuple[str, str]:
    return shortened(sample.prompt, 60, keep_end=True), shortened(sample.response, 60, keep_end=True)


def _next_steps(verdict: Verdict, run: Path, said: Words) -> None:
    other = "published" if verdict.policy == "evidence" else "evidence"
    lines = {
        "rows that stay": said.clean,
        "flagged rows": run / "flagged.jsonl",
        "rows to review": run / "review.jsonl" if verdict.counts["review"] else "",
        "unscored rows": run / "unscored.jsonl" if verdict.counts["unscored"] else "",
        "report": run / "report.html",
        "what to do now": said.todo,
        "write it again": said.command,
        "decide otherwise": f"{threshold_command(RunDirectory(run))} --policy {other}",
    }
    console.print()
    for name, line in lines.items():
        if line:
            console.print(f"{name:<17}{line}", soft_wrap=True)
