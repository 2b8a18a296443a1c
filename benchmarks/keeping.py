"""What the pages that are written from kept results have in common: the lock, and what names a cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from gradsentry.bench.cells import Record
from gradsentry.bench.results import LOCK
from gradsentry.bench.spec import Lock, Spec


def merged_lock(kept: Path, run: Path) -> Lock:
    """Returns what the kept results and those of a run were made with.

    Raises:
        SystemExit: If that was other data, models or versions of libraries.
    """
    last = Spec.read_yaml(run / LOCK).locked or Lock()
    first = (Spec.read_yaml(kept / LOCK).locked or Lock()) if (kept / LOCK).is_file() else last
    alike = _agree(first.data, last.data) and _agree(first.models, last.models)
    if first.versions != last.versions or not alike:
        raise SystemExit(f"{run} was run on other data, models or versions than {kept}; run all of it anew")
    return Lock(data=first.data | last.data, models=first.models | last.models, versions=first.versions)


def named(record: Record, names: Iterable[str]) -> str:
    """Returns a name for the cell of a record, from what tells it from the other cells."""
    return json.dumps([record[name] for name in names], sort_keys=True)


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())
