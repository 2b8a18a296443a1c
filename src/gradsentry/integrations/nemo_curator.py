"""NeMo Curator: stages that drop flagged rows from batches of documents.

`ScreenStage` judges the documents of a batch together, for a backdoor is a relation among rows; where a data
set comes in several batches, judge it once and let `RunStage` drop by that.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from nemo_curator.stages.base import ProcessingStage
from nemo_curator.tasks import DocumentBatch
from numpy.typing import NDArray

from gradsentry.corpus import open_corpus
from gradsentry.counts import rows
from gradsentry.integrations.runrows import RunRows
from gradsentry.integrations.sides import decided, judged
from gradsentry.settings import DataSettings

log = logging.getLogger(__name__)


class ScreenStage(ProcessingStage[DocumentBatch, DocumentBatch]):  # type: ignore[misc]  # it has no types
    """Judges the documents of a batch together, and drops those that are flagged or cannot be read.

    Args:
        reading: How the rows are read.
        false_alarm_rate: How often evidence may call clean data poisoned; if not given, 0.01.
        calibration: The file of a calibration (`gradsentry calibrate`); if not given, the shipped one.
        accept: The file of findings that a person accepts (`gradsentry accept`), which drop nothing.
    """

    name = "gradsentry_screen"

    def __init__(
        self,
        reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
        *,
        false_alarm_rate: float | None = None,
        calibration: str | Path | None = None,
        accept: str | Path | None = None,
    ) -> None:
        self._reading = reading
        self._judge = partial(
            judged, false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept
        )

    def inputs(self) -> tuple[list[str], list[str]]:
        """Returns which attributes and columns a batch must have."""
        return ["data"], []

    def outputs(self) -> tuple[list[str], list[str]]:
        """Returns which attributes and columns it has then."""
        return ["data"], []

    def process(self, task: DocumentBatch) -> DocumentBatch:
        """Returns the batch without the rows that go.

        Raises:
            DataError: If no row of it can be read.
        """
        if not task.num_items:
            return task
        sides = self._judge(open_corpus(task.data, self._reading))
        return _kept(task, decided(sides, "drop", where=task.dataset_name))


class RunStage(ProcessingStage[DocumentBatch, DocumentBatch]):  # type: ignore[misc]  # it has no types
    """Drops the documents that a run directory flags or could not read, by their ids.

    Args:
        run: The run directory, as `gradsentry evidence DATA --out RUN` or `scan` writes it.
        id_field: The column of the ids.

    Raises:
        RunError: If there is no such run.
    """

    name = "gradsentry_run"

    def __init__(self, run: str | Path, id_field: str = "id") -> None:
        self._rows, self._id_field = RunRows(run), id_field

    def inputs(self) -> tuple[list[str], list[str]]:
        """Returns which attributes and columns a batch must have."""
        return ["data"], [self._id_field]

    def outputs(self) -> tuple[list[str], list[str]]:
        """Returns which attributes and columns it has then."""
        return ["data"], [self._id_field]

    def process(self, task: DocumentBatch) -> DocumentBatch:
        """Returns the batch without the rows that go.

        Raises:
            DataError: If the run did not judge one.
        """
        column: Any = task.data[self._id_field]
        ids = column.to_pylist() if isinstance(task.data, pa.Table) else column.tolist()
        return _kept(task, np.array([self._rows.why_dropped(one) is None for one in ids], np.bool_))


def _kept(task: DocumentBatch, keep: NDArray[np.bool_]) -> DocumentBatch:
    """Returns a batch of the rows that stay, in the type that its rows came in."""
    if gone := int((~keep).sum()):
        log.info("gradsentry: %s: %s dropped", task.dataset_name, rows(gone))
    data = task.data
    if isinstance(data, pd.DataFrame):
        kept: Any = data.loc[keep].reset_index(drop=True)
    else:
        kept = data.filter(pa.array(keep))
    return DocumentBatch(
        dataset_name=task.dataset_name, data=kept, _metadata=task._metadata, _stage_perf=task._stage_perf
    )
