"""What GradSentry itself wrote and is no data, though it lies among it: truth, runs, marks, attestations.

Whoever writes data can write what looks like ours beside it. So a file is told by its content, all of it. Of
a run directory a manifest is all that tells, and what it covers nobody read: no gate lets that through.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gradsentry.corpus.formats import format_of
from gradsentry.errors import DataError

TRUTH = ".truth.json"
"""What the name of a truth file ends with, in place of the suffix of the data that it is about."""
MANIFEST = "manifest.json"
MARKS = ("poisoned", "clean", "unsure")
"""What a person marks a row as."""
RUN, OF_RUN, OUTSIDE = "a run directory", "a file of a run directory", "links out of the folder"
UNKNOWN = "records of no known format"
UNNAMED = "rows under a name that no data has"
ANOTHER = "another response than the one that is read"
UNREAD = "texts that no row of this format is read from"
ANOTHER_CHOSEN = "another response than the one of the format that is named"
_NO_RUN = "name the data, not the run, and keep runs elsewhere"
_UNSEEN = {
    RUN: _NO_RUN,
    OF_RUN: _NO_RUN,
    OUTSIDE: "name what the links lead to, or remove them",
    UNKNOWN: "write the records as rows of a known format, or keep them elsewhere",
    UNNAMED: "let its name end with .jsonl, .json or .csv, or keep it elsewhere",
    ANOTHER: "name the format that you train on (--format), or take the other column away",
}
"""What is left out and may be data all the same, for nobody looked into it; and the mend."""
KEPT = "data"
"""What the name of the rows begins with that a run keeps where these lay in no file."""
_CLEAN = "clean"
"""What the name of the rows that stay begins with in a run: these are data again."""
_OF_LINES = (".jsonl", ".ndjson", ".jsonlines")
_LINES: dict[str, tuple[set[str], set[str]]] = {
    "a file of accepted findings": (
        {"version", "kind", "triggers", "payloads", "why"},
        {"combine", "change", "answers", "rows_sha256", "also"},
    ),
    "a file of marks": ({"id", "mark"}, set()),
    "a file of rows that a run parted from its data": (
        {"id", "reason", "row"},
        {"split", "line", "score", "findings"},
    ),
}
"""Files of ours that go by themselves, by the keys of their lines: those that all have, and some have."""
_OTHERS = {"rows", "of"}
_LINE = 1 << 26  # bytes of a line that are read at once, as many as a row of data may have
_OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "the truth about data that was poisoned": (
        {"attack", "parameters", "seed", "rows", "poisoned", "decoys", "natural", "skipped", "output_sha256"},
        {"id", "row", "source"},
    ),
    "what was found in data": (
        {"outcome", "rows", "unread", "false_alarm_rate", "calibration", "flagged", "findings"},
        {"name", "kind", "triggers", "payloads", "carriers"},
    ),
    "a verdict": (
        {"schema_version", "tool", "data_sha256", "verdict", "policy", "counts", "left_out", "findings"},
        {"name", "kind", "triggers", "payloads", "rows"},
    ),
    "an in-toto statement": ({"_type", "subject", "predicateType", "predicate"}, {"name", "digest"}),
    "a CycloneDX document": ({"bomFormat", "specVersion", "metadata", "declarations"}, {"type", "name"}),
}
"""Files of ours that are one object: the keys that it has, and those of each object in a list under them."""


def own_kind(path: Path) -> str:
    """Returns what a file or folder of ours is; nothing for what may be data."""
    if path.is_dir():
        return RUN if is_run(path) else ""
    if kind := _own_lines(path) or _own_object(path):
        return kind
    covered = any(is_run(folder) and not _is_clean(path, folder) for folder in path.absolute().parents)
    return OF_RUN if covered else ""


def unseen_mend(clause: str) -> str | None:
    """Returns what to do about files that nobody looked into; None where a clause tells of others.

    A clause of what is left out ends with what the files in it are.
    """
    return next((mend for kind, mend in _UNSEEN.items() if clause.endswith(f": {kind}")), None)


def is_run(folder: Path) -> bool:
    """Returns whether a folder is the directory of a run, finished or not."""
    values = _json_in(folder / MANIFEST)
    return isinstance(values, dict) and isinstance(values.get("identity"), dict)


def refuse_own(path: Path) -> None:
    """Raises a `DataError` where what is named as data is ours."""
    if kind := own_kind(path):
        of_run = kind in (RUN, OF_RUN)
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
    if "mark" in keys and row["mark"] not in MARKS:
        return ""
    return next(
        (kind for kind, (all_have, some) in _LINES.items() if all_have <= keys <= all_have | some | _OTHERS),
        "",
    )


def _own_object(path: Path) -> str:
    """Returns what a file is that is one object of ours, or row numbers; nothing where it may hold rows."""
    if path.suffix.lower() != ".json" or not path.is_file() or path.stat().st_size > _LINE:
        return ""
    value = _json_in(path)
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        return "a list of row numbers"
    keys = set(value) if isinstance(value, dict) else set()
    for kind, (all_have, items_have) in _OBJECTS.items():
        if all_have <= keys:
            lists = [one for one in value.values() if isinstance(one, list)]
            items = [item for one in lists for item in one if isinstance(item, dict)]
            inner = [value, *items, *(one for one in value.values() if isinstance(one, dict))]
            is_ours = all(items_have <= set(item) for item in items)
            return kind if is_ours and not any(map(format_of, inner)) else ""
    return ""


def _json_in(path: Path) -> Any:  # noqa: ANN401  (whatever it holds)
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
