"""What GradSentry itself wrote and is no data, though it lies among it: truth files, runs, marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gradsentry.errors import DataError

TRUTH = ".truth.json"
"""What the name of a truth file ends with, in place of the suffix of the data that it is about."""
MANIFEST = "manifest.json"
_CLEAN = "clean"
"""What the name of the rows that stay begins with in a run: these are data again."""
_OF_LINES = (".jsonl", ".ndjson")
_LINES: dict[str, tuple[set[str], set[str]]] = {
    "a file of accepted findings": (
        {"version", "kind", "triggers", "payloads", "why"},
        {"combine", "change"},
    ),
    "a file of marks": ({"id", "mark"}, set()),
    "a file of rows that a run parted from its data": (
        {"id", "reason", "row"},
        {"split", "score", "findings"},
    ),
}
"""Files of ours that go by themselves, by the keys of their lines: those that all have, and some have."""
_OTHERS = {"rows", "of"}
_LINE = 1 << 26  # bytes of a line that are read at once, as many as a row of data may have


def own_kind(path: Path) -> str:
    """Returns what a file or folder of ours is; nothing for what may be data."""
    if path.is_dir():
        return "a run directory" if is_run(path) else ""
    if path.name.endswith(TRUTH):
        return "the truth about data that was poisoned"
    if any(is_run(folder) and not _is_clean(path, folder) for folder in path.absolute().parents):
        return "a file of a run directory"
    return _own_lines(path)


def is_run(folder: Path) -> bool:
    """Returns whether a folder is the directory of a run, finished or not."""
    values = _json_in(folder / MANIFEST)
    return isinstance(values, dict) and isinstance(values.get("identity"), dict)


def refuse_own(path: Path) -> None:
    """Raises a `DataError` where what is named as data is ours."""
    if kind := own_kind(path):
        of_run = "run directory" in kind
        mend = "name the file of it that is meant, such as its clean one" if of_run else "name the data"
        raise DataError(f"is {kind}, and no data", where=str(path), mend=mend)


def _is_clean(path: Path, run: Path) -> bool:
    """Returns whether a file of a run is of the rows that stay."""
    return any(part.startswith(_CLEAN) for part in path.absolute().relative_to(run).parts)


def _own_lines(path: Path) -> str:
    """Returns what a file is whose lines are all ours; nothing where one is not: rows may hide behind one."""
    if path.suffix.lower() not in _OF_LINES:
        return ""
    try:
        with path.open("rb") as stream:
            kinds = (_kind_of(line) for line in iter(lambda: stream.readline(_LINE), b"") if line.strip())
            kind = next(kinds, "")
            return kind if kind and all(other == kind for other in kinds) else ""
    except OSError:
        return ""


def _kind_of(line: bytes) -> str:
    """Returns what a line is of, by its keys; nothing where it is no line of ours."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    keys = set(row) if isinstance(row, dict) else set()
    return next(
        (kind for kind, (all_have, some) in _LINES.items() if all_have <= keys <= all_have | some | _OTHERS),
        "",
    )


def _json_in(path: Path) -> Any:  # noqa: ANN401  (whatever it holds)
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
