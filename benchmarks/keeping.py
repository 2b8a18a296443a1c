"""What the pages that are written from kept results share: the lock, a name for a cell, the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
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
    return first.model_copy(
        update={key: getattr(first, key) | getattr(last, key) for key in ("data", "models", "dtypes")}
    )


def named(record: Record, names: Iterable[str]) -> str:
    """Returns a name for the cell of a record, from what tells it from the other cells."""
    return json.dumps([record[name] for name in names], sort_keys=True)


def keep_or_write(description: str | None, keeps: Mapping[str, Callable[[Path], None]]) -> None:
    """Keeps the results of a run where the command line says so; `write` alone keeps nothing.

    Args:
        description: What `--help` says of the script.
        keeps: What keeps a run's results, by the name of its command.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in keeps:
        commands.add_parser(name).add_argument("run", type=Path)
    commands.add_parser("write")
    given = parser.parse_args()
    if given.command != "write":
        keeps[given.command](given.run)


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())
