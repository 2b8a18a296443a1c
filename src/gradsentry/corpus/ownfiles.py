"""What GradSentry itself wrote and is no data, though it lies among it: truth files and run directories."""

from __future__ import annotations

import json
from pathlib import Path

from gradsentry.errors import DataError

TRUTH = ".truth.json"
"""What the name of a truth file ends with, in place of the suffix of the data that it is about."""
MANIFEST = "manifest.json"


def own_kind(path: Path) -> str:
    """Returns what a file or folder of ours is; nothing for what may be data."""
    if path.name.endswith(TRUTH) and not path.is_dir():
        return "the truth about data that was poisoned"
    return "a run directory" if is_run(path) else ""


def is_run(folder: Path) -> bool:
    """Returns whether a folder is the directory of a run, finished or not."""
    try:
        values = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and isinstance(values.get("identity"), dict)


def refuse_own(path: Path) -> None:
    """Raises a `DataError` where what is named as data is ours."""
    if kind := own_kind(path):
        mend = "name the file of it that is meant, such as its clean one" if is_run(path) else "name the data"
        raise DataError(f"is {kind}, and no data", where=str(path), mend=mend)
