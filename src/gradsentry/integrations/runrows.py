"""A run directory -> which of its rows stay, by their ids, for a pipeline that reads the data in parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from gradsentry.errors import DataError, RunError
from gradsentry.store import ROWS, RunDirectory

STAYS = ("clean", "review")


class RunRows:
    """What a run says of the rows of its data.

    Args:
        path: The run directory.

    Raises:
        RunError: If it is none, or holds no verdict.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        RunDirectory.open(self.path).finished_manifest()
        table = pq.read_table(self.path / ROWS, columns=["id", "status", "reason"])
        self._reasons: Mapping[str, str | None] = {
            row["id"]: None if row["status"] in STAYS else row["reason"] or row["status"]
            for row in table.to_pylist()
        }
        if len(self._reasons) < len(table):
            mend = "give the rows an `id`, and judge them again"
            raise RunError("several of its rows have one id", where=str(path), mend=mend)

    def why_dropped(self, row_id: object) -> str | None:
        """Returns why a row goes, or None where it stays.

        Raises:
            DataError: If the run has no row of that id: it was not judged.
        """
        name = str(row_id)
        if name not in self._reasons:
            mend = "judge the data that the pipeline reads, and give its rows an `id` that both read"
            raise DataError(f"no row has the id {name!r}", where=str(self.path), mend=mend)
        return self._reasons[name]
