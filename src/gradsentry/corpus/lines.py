"""Rows -> the file and the line that they begin on, which a person can go to."""

from __future__ import annotations

from pathlib import Path

from gradsentry.corpus.ownfiles import KEPT, is_run
from gradsentry.corpus.sample import Sample

_LINES = (".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv")
"""Containers in which a row has a line of its own."""


def file_and_line(sample: Sample) -> tuple[str, int | None]:
    """Returns the file of a row, from the working directory where it lies in that, and its line, from 1.

    The file is empty for data in memory or a copy; the line is None in files without lines, in compressed
    ones, and in the first line of a JSON file, which may hold all of its rows.
    """
    name, colon, place = sample.origin.rpartition(":")
    path = Path(name)
    if not colon or not place.isdecimal() or not path.is_file() or _is_kept(path):
        return "", None
    suffix, line = path.suffix.lower(), int(place)
    return shown_path(path), line if suffix in _LINES or (suffix == ".json" and line > 1) else None


def _is_kept(path: Path) -> bool:
    """Returns whether a file is what a run keeps of data that lay in no file."""
    return path.stem == KEPT and is_run(path.parent)


def place_of(sample: Sample, *, short: bool = False) -> str:
    """Returns where a row stands: `a.jsonl:12`, `a.parquet, row 12`, or `a.jsonl.gz, line 12 of its text`.

    All count from 1, in that file. Nothing for data in memory, and where its file does not tell it, as one
    JSON list on a line.

    Args:
        sample: The row.
        short: Whether the file goes by its name alone.
    """
    file, line = file_and_line(sample)
    shown, place = Path(file).name if short else file, sample.origin.rpartition(":")[2]
    if line:
        return f"{shown}:{line}"
    suffixes = [suffix.lower() for suffix in Path(file).suffixes]
    if suffixes[-1:] == [".parquet"]:
        return f"{shown}, row {place}"
    return f"{shown}, line {place} of its text" if {*suffixes[-2:-1]} & {*_LINES} else ""


def shown_path(path: Path) -> str:
    """Returns how a file is named: from the working directory, where it lies in that."""
    is_in = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if is_in else path).as_posix()
