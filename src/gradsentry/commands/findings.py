"""Findings in the terminal: one below the other, so that no width hides a trigger or a payload."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from rich.table import Table
from rich.text import Text

from gradsentry.corpus import Corpus
from gradsentry.corpus.lines import place_of
from gradsentry.counts import rows
from gradsentry.evidence import Evidence, Finding
from gradsentry.evidence.wording import OPEN, accident, counted
from gradsentry.report.pieces import quoted
from gradsentry.report.words import Sentence
from gradsentry.searching import Ids

_SHOWN, _STRING, _NAMED = 20, 200, 8
_PLACE = re.compile(r"(.*?)(:|, row |, line )(\d+(?: of its text)?)$", re.DOTALL)
_ADVICE = {"high": "drop its", "low": "review its"}
_STYLES = {"trigger": "yellow", "payload": "magenta", "ghost": "reverse"}


def findings_shown(
    evidence: Evidence, ids: Ids, corpus: Corpus, marks: Mapping[int, str] = MappingProxyType({})
) -> Iterator[Text | Table]:
    """Yields the findings, the strongest first: trigger, payload, what is certain, what is not, which rows.

    Args:
        evidence: The findings.
        ids: What the rows that they name are called.
        corpus: The rows, which say on which lines they stand.
        marks: What a person marked rows as, by row number.
    """
    places = _places(evidence, corpus)
    for finding in evidence.findings[:_SHOWN]:
        yield Text.assemble((finding.name, "bold"), f"  {_advice(finding, marks)}")
        yield labelled(_lines(finding) | _which(finding, ids, places))
    if len(evidence.findings) > _SHOWN:
        yield Text(f"and {len(evidence.findings) - _SHOWN} more findings, which evidence.json or --json has")
    yield Text(f"certain is what was counted; a small chance rejects accident, not an honest cause. {OPEN}.")


def _places(evidence: Evidence, corpus: Corpus) -> dict[int, str]:
    """Returns the places in their files of the rows that findings are shown with."""
    rows = sorted({row for finding in evidence.findings[:_SHOWN] for row in finding.carriers[:_NAMED]})
    return {row: place_of(one) for row, one in zip(rows, corpus.take(rows), strict=True)} if rows else {}


def _which(finding: Finding, ids: Ids, places: Mapping[int, str]) -> dict[str, Text]:
    """Returns which rows carry a finding, the first of them: their places, and names where they have any.

    A row without an id goes by its number, from 0, which is no help beside its line, from 1.
    """
    first, more = finding.carriers[:_NAMED], len(finding.carriers) - _NAMED
    rest = f" and {more:,} more" if more > 0 else ""
    lines, before = [], ""
    for place in filter(None, map(places.__getitem__, first)):
        file, mark, number = _PLACE.match(place).groups()  # type: ignore[union-attr]  # each has a number
        lines.append(f"{mark}{number}".lstrip(", ") if file == before else place)
        before = file
    has_lines = all(one.rpartition(":")[2].isdecimal() for one in lines)
    said = {"lines" if has_lines else "where": ", ".join(lines) + rest} if lines else {}
    if not lines or any(ids[row] != str(row) for row in first):
        said["rows"] = ", ".join(shortened(ids[row], 40) for row in first) + rest
    return {name: Text(text) for name, text in said.items()}


def _advice(finding: Finding, marks: Mapping[int, str]) -> str:
    carriers = rows(len(finding.carriers))
    if finding.accepted is not None:
        return f"accepted by a person: nothing is flagged for it in its {carriers}"
    found = Counter(marks.get(row) for row in finding.carriers)
    if found["clean"] == len(finding.carriers):
        return f"nothing is flagged for it: a person marked its {carriers} clean"
    if finding.confidence == "low" and found["poisoned"] == len(finding.carriers):
        return f"low confidence: its {carriers} go, which a person marked poisoned"
    # A sure finding drops what is marked poisoned anyway.
    decided = ("clean",) if finding.confidence == "high" else ("poisoned", "clean")
    said = " and ".join(f"the {found[mark]:,} that a person marked {mark}" for mark in decided if found[mark])
    advice = f"{finding.confidence} confidence: {_ADVICE[finding.confidence]} {carriers}"
    return f"{advice} but {said}" if said else advice


def _lines(finding: Finding) -> dict[str, Text]:
    joint = " and " if finding.combine == "all" else " or "
    triggers = Text(joint).join([_quoted(one, "trigger") for one in finding.triggers])
    strings = finding.payloads or tuple(filter(None, [finding.payload]))
    payloads = Text(" or ").join([_quoted(one, "payload") for one in strings])
    said = {"accepted": finding.accepted, "flagged again": finding.returned}
    return {
        **{name: Text(value) for name, value in said.items() if value},
        "trigger": triggers or Text("none in words", style="dim"),
        "payload": payloads or Text("no fixed text", style="dim"),
        "certain": Text(counted(finding)),
        **_stays(finding),
        "chance": Text(accident(finding)),
        "why": sentence([(finding.reason, "")]),
    }


def _stays(finding: Finding) -> dict[str, Text]:
    """Returns what is said of rows with the trigger but no payload, which are not dropped with the others."""
    is_elsewhere = finding.together is not None  # the rows that were counted may be of other files
    if finding.confidence == "low" or len(finding.payloads) != 1 or not finding.trigger_only or is_elsewhere:
        return {}
    return {
        "stays": Text(
            f"{rows(finding.trigger_only)} with the trigger and without the payload: look there too"
        )
    }


def labelled(lines: dict[str, Text]) -> Table:
    """Returns names and texts beside each other; long texts fold."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(f"  {name}", text)
    return table


def _quoted(text: str, kind: str) -> Text:
    return sentence(quoted(text, kind, limit=_STRING))


def sentence(pieces: Sentence) -> Text:
    """Returns a sentence in which what comes from the data has its colour."""
    return Text.assemble(
        *((text, " ".join(_STYLES.get(kind, "dim") for kind in kinds.split())) for text, kinds in pieces)
    )


def shortened(text: str, width: int, *, keep_end: bool = False) -> str:
    """Returns a text in one line of at most that width, control and other invisible characters replaced."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    if len(line) <= width:
        return line
    return f"…{line[1 - width :]}" if keep_end else f"{line[: width - 1]}…"
