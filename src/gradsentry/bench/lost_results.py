"""What an earlier run of a benchmark measured and this one did not, since its cells fail now: it is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gradsentry.bench.cells import Record
from gradsentry.bench.results import FINETUNING_FILES, GRID_FILES, read_finetuning, read_records
from gradsentry.earlier import keep_earlier
from gradsentry.errors import RunError

_CELL = ("study", "data", "attack", "model", "rate", "seed", "method", "defence")
"""What tells the cells of a run apart, of the grid or of the fine-tunings."""


def keep_lost_grid(out: Path, now: Sequence[Record]) -> Path | None:
    """Returns where the grid's files in a directory are kept now; None where nothing in them would be lost.

    Args:
        out: The directory, whose files are of an earlier run.
        now: The records that are to take their place.
    """
    return keep_earlier(out, GRID_FILES) if _loses(_earlier(out, read_records), now) else None


@contextmanager
def keeping_finetuning(out: Path) -> Iterator[Callable[[Sequence[Record]], Path | None]]:
    """Keeps the files of the fine-tunings, which are written again cell by cell.

    Yields a function of the records of the whole run: it returns where the earlier files are kept, or lets
    them go where nothing in them was lost, and returns None. A run that is stopped leaves them there.
    """
    before = _earlier(out, read_finetuning)
    kept = keep_earlier(out, FINETUNING_FILES) if before else None

    def settled(now: Sequence[Record]) -> Path | None:
        if kept is not None and not _loses(before, now):
            shutil.rmtree(kept, ignore_errors=True)
            return None
        return kept

    yield settled


def _earlier(out: Path, read: Callable[[Path], list[Record]]) -> list[Record]:
    try:
        return read(out)
    except RunError:
        return []


def _loses(before: Sequence[Record], now: Sequence[Record]) -> bool:
    """Returns whether a cell that had a result failed."""
    failed = {_cell(record) for record in now if record["status"] == "failed"}
    return any(record["status"] == "done" and _cell(record) in failed for record in before)


def _cell(record: Record) -> tuple[object, ...]:
    return tuple(record.get(name) for name in _CELL)
