"""A clean reference corpus -> what its rows show: from a run that is there already, or scored now."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradsentry.corpus import Corpus, open_corpus
from gradsentry.deciding.expectation import Expectation
from gradsentry.engines import Engine
from gradsentry.errors import DataError, RunError
from gradsentry.models.loading import ModelFacts
from gradsentry.progress import Amount, OnProgress, watching
from gradsentry.scoretable import SCHEMA, Scores
from gradsentry.scoring import gathered
from gradsentry.settings import DataSettings, ScoreSettings
from gradsentry.store import MANIFEST, Json, RunDirectory, data_identity, differences

FOLDER = "reference"  # of a run directory: the scores of its reference, where these were computed for it


def identity_of(corpus: Corpus, model: ModelFacts, scoring: ScoreSettings) -> Json:
    """Returns what scores depend on; a run with another identity is another run."""
    return {
        "data": data_identity(corpus),
        **_scored_with(model, scoring),
        "groups": scoring.groups,
        "columns": SCHEMA.names,
    }


@dataclass(frozen=True)
class Reference:
    """A clean corpus that can be had.

    Attributes:
        name: The path, the Hub id, or what kind of object it is.
        data: The corpus, or the score table of a run of it.
    """

    name: str
    data: Corpus | Scores


def open_reference(
    given: object, model: ModelFacts, reading: DataSettings, scoring: ScoreSettings
) -> Reference:
    """Returns a reference: the directory of a run, or data in any form that `scan` takes.

    Raises:
        RunError: If the run was scored with another model or settings.
        DataError: If a row cannot be read.
    """
    if isinstance(given, str | Path) and (Path(given) / MANIFEST).is_file():
        return Reference(str(given), _scores_of_run(Path(given), model, scoring))
    # Its splits and configurations are its own, whichever of the data are meant.
    corpus = open_corpus(given, _own_reading(reading))
    deque(corpus, maxlen=0)  # a broken row shows now, not after hours of scoring
    return Reference(corpus.name, corpus)


def _own_reading(reading: DataSettings) -> DataSettings:
    """Returns how a reference is read: as the data, but for which split and configuration of the data is."""
    return reading.model_copy(update={"split": None, "subset": None})


def expectation_of(
    reference: Reference,
    engine: Engine,
    scoring: ScoreSettings,
    *,
    out: Path | None,
    progress: bool | OnProgress,
) -> Expectation:
    """Returns what the rows of a reference show; data is scored first.

    Args:
        reference: The reference.
        engine: Where data is scored.
        scoring: The settings of the scan.
        out: The run directory of the scan: the scores are kept in it, and resumed.
        progress: See `screening.scan`.

    Raises:
        DataError: If none of its rows can be scored.
    """
    scores = reference.data
    if isinstance(scores, Corpus):
        identity = identity_of(scores, engine.model, scoring)
        scores = _scores(scores, identity, engine, scoring, out, progress)
    found = Expectation.of(scores.narrow, np.ones(len(scores), np.bool_), reference.name)
    if found is None:
        raise DataError(
            "no row of the reference can be scored",
            where=reference.name,
            mend="give clean rows like the data",
        )
    return found


def _scored_with(model: ModelFacts, scoring: ScoreSettings) -> Json:
    """Returns what a run and its reference must have in common."""
    return {
        "model": {"fingerprint": model.fingerprint, "dtype": model.dtype},
        "score": scoring.model_dump(include={"crop", "k", "max_length"}),
    }


def _scores_of_run(path: Path, model: ModelFacts, scoring: ScoreSettings) -> Scores:
    run = RunDirectory.open(path)
    known: Mapping[str, Any] = run.manifest().get("identity", {})
    wanted = _scored_with(model, scoring)
    if other := differences({key: known.get(key, {}) for key in wanted}, wanted):
        raise RunError(
            f"was scored otherwise: {'; '.join(other)}",
            where=str(path),
            mend="give the clean data itself as --reference",
        )
    return run.scores()


def _scores(
    corpus: Corpus,
    identity: Json,
    engine: Engine,
    scoring: ScoreSettings,
    out: Path | None,
    progress: bool | OnProgress,
) -> Scores:
    amount = Amount(scoring.max_length)
    for sample in corpus:
        amount = amount.plus(sample)
    run = None if out is None else RunDirectory.create_or_resume(out / FOLDER, identity)
    with nullcontext() if run is None else run.locked():
        files = None if run is None else run.score_files()
        if files is not None:
            files.resume()
        with watching("rows of the reference", amount, progress) as on_row:
            return gathered(engine.tables(corpus, scoring, files or (), on_row), files)
