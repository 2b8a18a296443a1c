"""What a scan looks like in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import rich.console
from rich.table import Table
from rich.text import Text

from gradsentry.commands.console import Console
from gradsentry.commands.findings import findings_shown, labelled, sentence, shortened
from gradsentry.corpus.lines import place_of
from gradsentry.counts import rows
from gradsentry.evidence import Outcome
from gradsentry.outcome import Verdict
from gradsentry.report.pieces import places
from gradsentry.report.words import Words, threshold_command, words
from gradsentry.scoretable import finite_scores
from gradsentry.searching import ids_of
from gradsentry.store import RunDirectory

_BINS, _BAR, _BESIDE = 20, 40, 24
"""Bars of the histogram, columns of the longest, and columns of what stands beside it."""
_SHOWN, _EXCERPT = 10, 100
_NAMED = 400  # characters of what was left out: names of files, which may be long
_COLOURS = {"clean": "green", "suspicious": "yellow", "poisoned": "red"}


def summary(verdict: Verdict, run: Path | None, console: rich.console.Console | None = None) -> None:
    """Prints the verdict in the words of the report: what was found, what is open, the files, what to do.

    Args:
        verdict: The verdict.
        run: Where its files are; None where there are none.
        console: Where to print.
    """
    console, said = console or Console(), words(verdict, RunDirectory(run or Path()))
    console.print(Text(f"\n{verdict.corpus.name}", style="dim"))
    if verdict.read:
        console.print(Text(verdict.read.line(), style="dim"))
    for clause in verdict.left_out:
        console.print(Text(f"not judged: {shortened(clause, _NAMED)}", style="yellow"))
    console.print(_headline(said.headline, verdict.outcome))
    console.print(sentence(said.what))
    console.print(Text(f"{said.unsure}\n", style="dim"))
    console.print(labelled(_counts(verdict)))
    if verdict.policy == "published" and verdict.threshold and len(finite_scores(verdict.scores.narrow)):
        console.print(_histogram(verdict, verdict.threshold.tau, console.width))
    if verdict.evidence.findings:
        console.print(Text("\nfindings", style="bold"))
        ids = ids_of(verdict.evidence, verdict.scores)
        found = replace(verdict.evidence, findings=verdict.findings)
        for part in findings_shown(found, ids, verdict.corpus, verdict.marked.given()):
            console.print(part)
    if verdict.is_flagged.any():
        for part in _flagged(verdict):
            console.print(part)
    if run is None:
        return
    console.print()
    for name, line in _next_steps(verdict, run, said).items():
        if line:
            console.print(f"{name:<17}{line}", soft_wrap=True)


def _headline(headline: str, outcome: Outcome) -> Text:
    name, colon, rest = headline.partition(":")
    return Text.assemble((name + colon, f"bold {_COLOURS[outcome]}"), (rest, "bold"))


def _counts(verdict: Verdict) -> dict[str, Text]:
    counts = verdict.counts
    reviewed = f", {counts['review']:,} of them to review" if counts["review"] else ""
    lines = {
        "rows": f"{counts['rows']}",
        "clean": f"{counts['clean']}, which stay{reviewed}",
        "flagged": f"{counts['flagged']}, to drop",
        "unscored": f"{counts['unscored']}{_why_unscored(verdict)}",
        "score": _what_the_score_did(verdict),
    }
    if verdict.singles and verdict.singles.is_unusual:
        lines["single rows"] = (
            f"{len(verdict.singles.rows)} are answered otherwise than their prompts ask for, some "
            f"{verdict.singles.too_many:.0f} more than the others let expect: verdict.json lists them"
        )
    if (group := verdict.evidence.stands_out) is not None:
        lines["stands out"] = (
            f"{rows(len(group.carriers))} most, and no finding, for clean corpora hold such groups: read "
            f"some of them where you do not trust the source, with gradsentry explain RUN {group.name}"
        )
    return {name: Text(line) for name, line in lines.items()}


def _why_unscored(verdict: Verdict) -> str:
    reasons = verdict.scores["reason"].filter(pa.array(verdict.is_unscored)).value_counts().to_pylist()
    reasons.sort(key=lambda each: -each["counts"])
    said = [f"{each['counts']} unscored: {shortened(each['values'], 160)}" for each in reasons[:5]]
    return "".join(f"\n{line}" for line in said)


def _what_the_score_did(verdict: Verdict) -> str:
    if verdict.threshold is None:
        return "none: no model was asked, the texts alone were read"
    if verdict.policy == "evidence":
        return "did not decide here: the findings did"
    above = f"{rows(int(verdict.is_above.sum()))} above tau {verdict.threshold.tau:.3f}"
    return f"decided: {above} ({verdict.threshold.reason})"


def _histogram(verdict: Verdict, tau: float, width: int) -> Table:
    scores = finite_scores(verdict.scores.narrow)
    counts, edges = np.histogram(scores, bins=_BINS, range=(0.0, 1.0))
    table = Table(
        title="rows by score: high where the clean model finds a row foreign, or a response is long"
    )
    table.title_justify, table.box, table.pad_edge, table.show_header = "left", None, False, False
    longest = max(min(_BAR, width - _BESIDE), 1)
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        columns = int(np.ceil(longest * count / counts.max()))
        style = "red" if low >= tau else "cyan"
        marker = f"  <- tau {tau:.3f}" if low <= tau < high or (high == 1.0 == tau) else ""
        table.add_row(f"{low:.2f}", Text("█" * columns, style=style) + Text(f" {count}{marker}"))
    return table


def _flagged(verdict: Verdict) -> Iterator[Text | Table]:
    """Yields the flagged rows, those with the highest scores first, one below the other."""
    count = verdict.counts["flagged"]
    shown = verdict.flagged.slice(0, _SHOWN)
    order = ", the highest scores first" if verdict.threshold else ""
    which = f", {len(shown)} of {count:,}{order}" if count > len(shown) else ""
    yield Text(f"\nflagged rows{which}", style="bold")
    samples = verdict.corpus.take(shown["number"].to_pylist())
    for sample, row in zip(samples, shown.to_pylist(), strict=True):
        score = _score(verdict, row["score"])
        of_split = f" of {sample.split}" if sample.split else ""
        mark = "a person marked it poisoned" if verdict.marked.poisoned[row["number"]] else ""
        known = ", ".join(filter(None, [score, mark, *row["evidence"]]))
        yield Text(f"row {shortened(str(sample.id), 40)}{of_split}: {known}")
        carried = [one for one in verdict.evidence.findings if one.name in row["evidence"]]
        prompt = _around(sample.prompt, [string for one in carried for string in one.triggers])
        response = _around(sample.response, [string for one in carried for string in one.payloads])
        place = place_of(sample)
        line = {"line": Text(place)} if place else {}
        yield labelled({**line, "prompt": Text(prompt), "response": Text(response)})


def _score(verdict: Verdict, score: float | None) -> str:
    if verdict.threshold is None:
        return ""
    return "unscored" if score is None else f"score {score:.3f}"


def _around(text: str, strings: Sequence[str]) -> str:
    """Returns a text in a line, of a long one what stands around the first of the strings."""
    found = [place for string in strings for place in places(text, string)]
    if not found:
        return shortened(text, _EXCERPT)
    first, last = min(found)
    most = _EXCERPT - 1  # the last character is an ellipsis where the text goes on
    begin = max(min(max(first - _EXCERPT // 3, last - most), first), 0) if last > most else 0
    return ("…" if begin else "") + shortened(text[begin:], _EXCERPT)


def _next_steps(verdict: Verdict, run: Path, said: Words) -> dict[str, object]:
    other = "published" if verdict.policy == "evidence" else "evidence"
    return {
        "rows that stay": said.clean,
        "flagged rows": run / "flagged.jsonl",
        "rows to review": run / "review.jsonl" if verdict.counts["review"] else "",
        "unscored rows": run / "unscored.jsonl" if verdict.counts["unscored"] else "",
        "report": run / "report.html",
        "what to do now": said.todo,
        "write it again": said.command,
        "decide otherwise": f"{threshold_command(RunDirectory(run))} --policy {other}"
        if verdict.threshold
        else "",
    }
