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


def line_of(sample: Sample) -> str:
    """Returns the name of a row's file and its line in that, from 1; nothing where it has no line."""
    file, line = file_and_line(sample)
    return f"{Path(file).name}:{line}" if line else ""


def shown_path(path: Path) -> str:
    """Returns how a file is named: from the working directory, where it lies in that."""
    is_in = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if is_in else path).as_posix()
