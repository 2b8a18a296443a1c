"""What an engine is, and what each of its workers does: hold a model and score windows of rows.

An engine brings windows to workers and their score tables back. It knows nothing of how a row is scored, and
a worker nothing of where it runs: all engines call `scoring.score_window`, so all give the same bytes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from gradsentry.corpus import Corpus, Sample
from gradsentry.errors import ModelError
from gradsentry.models.loading import LoadedModel, ModelFacts, load_model, quiet_libraries
from gradsentry.scoring import OnRow, score_window
from gradsentry.settings import DType, ScoreSettings

_CHARACTERS = "characters"
"""A column that a worker adds: how much text each row has."""


class Engine(Protocol):
    """Where scoring runs.

    Attributes:
        model: What the model is that its workers hold.
    """

    @property
    def model(self) -> ModelFacts: ...

    def tables(
        self, corpus: Corpus, settings: ScoreSettings, done: Container[int], on_row: OnRow
    ) -> Iterator[pa.Table]:
        """Yields score tables, each of rows of one window, in no order.

        Args:
            corpus: The rows.
            settings: The settings.
            done: The numbers of rows whose scores are there, and that are left out.
            on_row: Told of each row.

        Raises:
            GradSentryError: If a row cannot be read, or a worker fails.
        """
        ...


@dataclass(frozen=True)
class ModelSpec:
    """A model that a worker can load by itself.

    Attributes:
        name: `smollm2`, a path, or a Hub id.
        dtype: Of its weights.
        device: Where they go.
        trust_remote_code: Whether code that comes with it may run.
    """

    name: str
    dtype: DType
    device: str
    trust_remote_code: bool

    def loaded(self) -> LoadedModel:
        """Returns the model, on this machine.

        Raises:
            ModelError: If it cannot be loaded.
        """
        quiet_libraries()
        return load_model(
            self.name, dtype=self.dtype, device=self.device, trust_remote_code=self.trust_remote_code
        )


class Worker:
    """A model, and what scores windows with it.

    Args:
        loaded: The model.
        expected: What the model of the run is; None where this one tells.

    Raises:
        ModelError: If it is not the same.
    """

    def __init__(self, loaded: LoadedModel, expected: ModelFacts | None = None) -> None:
        mine = loaded.facts
        if expected and (mine.fingerprint, mine.dtype) != (expected.fingerprint, expected.dtype):
            raise ModelError(
                f"one worker has it as {mine.dtype}, {mine.fingerprint[:12]}, "
                f"another as {expected.dtype}, {expected.fingerprint[:12]}",
                where=loaded.name,
                mend="give all machines the same files, and name --dtype",
            )
        self.loaded = loaded

    def score(self, window: Sequence[Sample], settings: ScoreSettings, done: Container[int]) -> pa.Table:
        """Returns the scores of the rows of a window that are not done, one at least, for `delivered`."""
        table = pa.concat_tables(score_window(window, self.loaded, settings, done))
        first = window[0].number
        texts = [window[number - first].characters for number in table["number"].to_pylist()]
        return table.append_column(_CHARACTERS, pa.array(texts))


def delivered(table: pa.Table, on_row: OnRow) -> pa.Table:
    """Returns the score table that a worker made, and tells of its rows."""
    columns = [table[name].to_pylist() for name in (_CHARACTERS, "status", "n_prompt", "n_response")]
    for characters, status, prompt, response in zip(*columns, strict=True):
        on_row(characters, prompt + response if status == "scored" else 0)
    return table.drop_columns(_CHARACTERS)
