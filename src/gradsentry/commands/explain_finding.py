"""What `gradsentry explain RUN FINDING` prints and keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from gradsentry.commands import stdout
from gradsentry.commands.console import Console
from gradsentry.commands.findings import sentence, shortened
from gradsentry.counts import rows
from gradsentry.errors import ModelError
from gradsentry.evidence import Finding
from gradsentry.explaining import model_of
from gradsentry.finetuning.moves import keep, moves
from gradsentry.models.loading import LoadedModel
from gradsentry.outcome import Verdict
from gradsentry.report.group_details import Apart, strength, taken_apart
from gradsentry.report.moves import said
from gradsentry.report.pieces import pieces, plain
from gradsentry.report.render import write_report
from gradsentry.report.words import finding_sentence
from gradsentry.store import RunDirectory

if TYPE_CHECKING:
    from gradsentry.store import Json

_EXCERPT = 200  # characters of a text of a group


def explain_finding(run: Path, verdict: Verdict, finding: Finding, *, no_model: bool, as_json: bool) -> None:
    """Prints one finding, and where its trigger can be moved keeps how far losses moved.

    Args:
        run: The run directory.
        verdict: Its verdict.
        finding: One of its findings.
        no_model: Whether the model stays unloaded, and no trigger is moved.
        as_json: Whether JSON is printed and nothing else.
    """
    value: Json = {"finding": finding.as_json(), "moves": None, "group": None}
    note = "It has no trigger in words, so there is none to move."
    if verdict.threshold is None:
        note = "How far its trigger moves losses is told of a run of `gradsentry scan`: no model was asked."
    elif finding.triggers and not no_model:
        try:
            value["moves"], note = _moved(run, verdict, finding, model_of(verdict)), ""
        except ModelError as error:
            note = f"No trigger was moved: {error.line()}"
    apart = taken_apart(finding, verdict) if finding.kind == "group" else None
    if apart is not None:
        value["group"] = apart.as_json()
    if as_json:
        stdout.write_json(value)
        return
    console = Console()
    is_finding = finding in verdict.evidence.findings
    sure = f"{finding.confidence} confidence" if is_finding else "stands out most, and is no finding"
    console.print(f"{finding.name}: {finding.kind}, {sure}, {rows(len(finding.carriers))}")
    console.print(sentence(finding_sentence(finding)))
    console.print(_shown(finding.reason))
    for line in said(value["moves"]) if value["moves"] else ():
        console.print(_shown(line))
    if apart is not None:
        _print_group(console, verdict, finding, apart)
    elif note and not no_model:
        console.print(_shown(note), style="dim")


def _moved(run: Path, verdict: Verdict, finding: Finding, loaded: LoadedModel) -> Json:
    """Returns how far losses move with a finding's trigger, and writes it into the run and its report."""
    directory = RunDirectory.open(run)
    with directory.locked():
        found = moves(verdict, finding, loaded)
        keep(directory, found, loaded.name)
        write_report(directory, verdict)
    return found.as_json()


def _print_group(console: Console, verdict: Verdict, finding: Finding, apart: Apart) -> None:
    """Prints what the rows of a group share, its strength, and rows of both kinds."""
    for name in ("prompts", "responses"):
        console.print(Text(f"\nwhat its {name} share", style="bold"))
        for clause in apart.said(name) or ["no string tells them from the nearest rows"]:
            console.print(_shown(clause))
    console.print(Text("\nstrength", style="bold"))
    for part in strength(finding):
        value = "" if part.value is None else f" {part.value:.1f}"
        console.print(_shown(f"{part.part}{value}: {part.said}"))
    for title, numbers in (("rows of the group", apart.typical), ("nearest rows outside", apart.neighbours)):
        console.print(Text(f"\n{title}", style="bold"))
        for number in numbers:
            (sample,) = verdict.corpus.take([number])
            texts = (shortened(text, _EXCERPT) for text in (sample.prompt, sample.response))
            console.print(_shown(f"{sample.id}: {' -> '.join(texts)}"))


def _shown(text: str) -> Text:
    """Returns a text whose invisible characters are spelt out, and that is no markup."""
    return Text(plain(pieces(text)))
