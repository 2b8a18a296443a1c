"""Rows -> where they stand in their files, as a code scanner names places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradsentry.corpus import Sample

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

_LINES = (".jsonl", ".ndjson", ".csv", ".tsv")
"""Containers in which a row has a line of its own, which a person can go to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands that is flagged or carries an open finding.

    Attributes:
        sample: The row.
        file: Its file, from the working directory where it lies in that; empty for data in memory.
        line: The line that it begins on, from 1; None in files without lines, and in compressed ones.
        flagged: Whether it is flagged; else a person should review it.
        reason: Why.
        findings: The findings that it carries.
    """

    sample: Sample
    file: str
    line: int | None
    flagged: bool
    reason: str
    findings: tuple[str, ...]


def named_places(verdict: Decision, limit: int) -> list[Place]:
    """Returns where rows stand that are flagged or carry an open finding, at most so many, flagged first."""
    flagged = set(verdict.flagged["number"].to_pylist())
    numbers = [*sorted(flagged), *sorted(set(verdict.evidence.named()) - flagged)][:limit]
    return [_place(verdict, sample) for sample in verdict.corpus.take(numbers)]


def _place(verdict: Decision, sample: Sample) -> Place:
    file, line = _file_and_line(sample)
    number = sample.number
    is_flagged = bool(verdict.is_flagged[number])
    findings = verdict.carried.get(number, ())
    return Place(sample, file, line, is_flagged, verdict.reason(number), findings)


def _file_and_line(sample: Sample) -> tuple[str, int | None]:
    name, colon, place = sample.origin.rpartition(":")
    path = Path(name)
    if not colon or not place.isdecimal() or not path.is_file():  # rows in memory, or copied to be read
        return "", None
    return shown_path(path), int(place) if path.suffix.lower() in _LINES else None


def shown_path(path: Path) -> str:
    """Returns how a file is named: from the working directory, where it lies in that."""
    is_in = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if is_in else path).as_posix()
