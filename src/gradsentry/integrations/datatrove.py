"""datatrove: filters that drop flagged rows with a reason, and hand them to an exclusion writer.

A backdoor is a relation among rows, which no row shows by itself. So `ScreenFilter` judges all documents of a
task together; where a data set is read by several tasks, judge it once and let `RunFilter` drop by that.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datatrove.pipeline.filters.base_filter import BaseFilter

from gradsentry.corpus import open_corpus
from gradsentry.integrations.runrows import RunRows
from gradsentry.integrations.sides import decided, judged
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datatrove.data import Document
    from datatrove.pipeline.writers.disk_base import DiskWriter

Kept = bool | tuple[bool, str]


class ScreenFilter(BaseFilter):  # type: ignore[misc]  # datatrove has no types
    """Judges the documents of a task together, and drops those that are flagged or cannot be read.

    A document is a row with its metadata as columns, and its text as one more.

    Args:
        text_key: The column that the text is of, as the reader has it.
        reading: How the rows are read.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which drop nothing.
        exclusion_writer: Where dropped documents go, their reason in `metadata["filter_reason"]`.
    """

    name = "GradSentry"

    def __init__(
        self,
        *,
        text_key: str = "text",
        reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
        false_alarm_rate: float | None = None,
        calibration: str | Path | None = None,
        accept: str | Path | None = None,
        exclusion_writer: DiskWriter | None = None,
    ) -> None:
        super().__init__(exclusion_writer, batch_size=sys.maxsize)
        self._text_key, self._reading = text_key, reading
        self._judge = partial(
            judged, false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept
        )

    def filter(self, doc: Document) -> Kept:
        """Returns whether a document by itself stays, and why not."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[Kept]:
        """Returns whether each document stays, and why not.

        Raises:
            DataError: If no document can be read.
        """
        rows = [{**doc.metadata, "id": doc.id, self._text_key: doc.text} for doc in batch]
        sides = self._judge(open_corpus(rows, self._reading))
        keep = decided(sides, "drop", where="the documents of a task")
        return [bool(stays) or (False, sides.reason(number)) for number, stays in enumerate(keep)]


class RunFilter(BaseFilter):  # type: ignore[misc]  # datatrove has no types
    """Drops the documents that a run directory flags or could not read, by their ids, one at a time.

    Args:
        run: The run directory, as `gradsentry evidence DATA --out RUN` or `scan` writes it.
        exclusion_writer: Where dropped documents go, their reason in `metadata["filter_reason"]`.

    Raises:
        RunError: If there is no such run.
    """

    name = "GradSentry run"

    def __init__(self, run: str | Path, *, exclusion_writer: DiskWriter | None = None) -> None:
        super().__init__(exclusion_writer)
        self._rows = RunRows(run)

    def filter(self, doc: Document) -> Kept:
        """Returns whether a document stays, and why not.

        Raises:
            DataError: If the run did not judge it.
        """
        reason = self._rows.why_dropped(doc.id)
        return True if reason is None else (False, reason)
