"""The façade: a corpus in, a verdict out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from gradsentry.corpus import Corpus, Sample, open_corpus
from gradsentry.corpus.overview import Overview
from gradsentry.corpus.unread import by_frequency, left_out, refuse_if_all
from gradsentry.deciding.marks import Marks
from gradsentry.deciding.references import expectation_of, identity_of, open_reference
from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.engines import opened_engine
from gradsentry.errors import DataError
from gradsentry.evidence import Evidence, TokenLosses, find_evidence
from gradsentry.evidence.accepting import of_answers
from gradsentry.evidence.judging import Judging, given_judging
from gradsentry.extras import require_module
from gradsentry.groups import with_groups
from gradsentry.models.loading import LoadedModel, ModelFacts
from gradsentry.opening import decided_of, judging_of, manifest, refuse_place, source_of
from gradsentry.outcome import Verdict, marks_of, write_unscored
from gradsentry.pairs import refuse_parted, write_decided
from gradsentry.progress import Amount, OnProgress, watching
from gradsentry.scoretable import Scores, finite_scores
from gradsentry.scoring import gathered
from gradsentry.settings import (
    DataSettings,
    EngineSettings,
    Policy,
    ScoreSettings,
    ThresholdSettings,
    meant_policy,
)
from gradsentry.store import Json, RunDirectory

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def scan(
    data: object,
    model: str | PreTrainedModel | LoadedModel = "smollm2",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    out: str | Path | None = None,
    reading: DataSettings = DataSettings(),  # noqa: B008
    scoring: ScoreSettings = ScoreSettings(),  # noqa: B008
    deciding: ThresholdSettings = ThresholdSettings(),  # noqa: B008
    policy: Policy | None = None,
    reference: object | None = None,
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    plugins: Sequence[str] = (),
    engine: EngineSettings = EngineSettings(),  # noqa: B008
    progress: bool | OnProgress = True,
) -> Verdict:
    """Returns the verdict on a data set, and writes the run directory where one is named.

    Args:
        data: A path or several, a Hub id, a list of dicts, a `datasets.Dataset` or `DatasetDict`.
        model: The clean base model: `smollm2` (embedded), a path, a Hub id, or a loaded model.
        tokenizer: Of a loaded model.
        out: The run directory. If it holds a run of the same data, model and settings, the rows that were
            scored are not scored again, what a person marked stays decided, and so does what flags a row and
            how evidence is judged, unless the arguments for it say otherwise; files that are replaced are
            kept under `earlier`.
        reading: How the rows are read.
        scoring: What is computed; its `model` gives way to the argument.
        deciding: How tau is chosen.
        policy: What flags a row: `evidence`, or `published`, a score above tau; if not named, `published`
            where `deciding` is, else `evidence`.
        reference: A clean corpus like the data, or the directory of a run of it, which tells what is expected
            of a row; if not given, the rest of the data does.
        false_alarm_rate: How often evidence may call a clean corpus poisoned; if not given, 0.01.
        calibration: The file of a calibration of evidence, or `shipped`, which is taken if not given.
        accept: The file of findings that a person accepts, which flag nothing; if not given, none.
        plugins: Files or modules with checks and generators of one's own, which take part in the search for
            evidence; their code runs.
        engine: Where rows are scored: in this process, in several of this machine, or on a Ray cluster; the
            result does not depend on it, and a run that was begun with one goes on with another.
        progress: Whether to show how far it is, on stderr: as a bar, or where that is no terminal as a line
            now and then; or a function that is told instead. The rows of the reference come first.

    Raises:
        UsageError: If the data, the model, an option or the directory is wrong; also where no row at all can
            be read or scored.
        ScoringError: If the disk is full.
    """
    started = time.time()
    # What is missing, and a wrong file, show before anything is read or scored.
    if scoring.groups:
        require_module("sklearn")
    given = given_judging(
        false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept, plugins=plugins
    )
    meant = policy is not None or deciding != ThresholdSettings()
    corpus = data if isinstance(data, Corpus) else open_corpus(data, reading)
    if out is not None:
        refuse_place(Path(out), corpus)
    # A first pass over the data: a broken row shows now, not after an hour of scoring.
    amount, read = _read_through(corpus, scoring.max_length)
    source = source_of(data, corpus, read)
    with opened_engine(model, tokenizer, scoring, engine) as running:
        facts = running.model
        identity = identity_of(corpus, facts, scoring)
        opened = None if reference is None else open_reference(reference, facts, reading, scoring)
        run = None if out is None else RunDirectory.create_or_resume(Path(out), identity)
        if run is not None:
            refuse_parted(run)
        with nullcontext() if run is None else run.locked():
            expectation = None
            if opened is not None:
                place = None if run is None else run.path
                expectation = expectation_of(opened, running, scoring, out=place, progress=progress)
            files = None if run is None else run.score_files()
            kept = 0 if files is None else files.resume()
            with watching("rows", amount, progress) as on_row:
                scores = gathered(running.tables(corpus, scoring, files or (), on_row), files)
            _refuse_unscored(corpus, scores, run)
            judging = (Judging() if run is None else judging_of(run)).with_given(given)
            evidence = _evidence(corpus, scores, judging)
            marks = Marks.none(len(scores)) if run is None else marks_of(run, scores)
            decided = None if meant or run is None else decided_of(run)
            threshold = (
                decided.threshold if decided else choose_threshold(finite_scores(scores.narrow), deciding)
            )
            policy = decided.policy if decided else meant_policy(policy, deciding)
            told = manifest(identity, source, started, judging, model=_told(facts), resumed=kept)
            verdict = Verdict(corpus, scores, evidence, threshold, policy, told, expectation, marks)
            if run is not None:
                verdict, _ = write_decided(run, verdict)
    return verdict


def _read_through(corpus: Corpus, max_length: int) -> tuple[Amount, Overview]:
    """Returns how much there is to do, and how it was read; refuses a corpus of which no row can be read."""
    amount, problems = Amount(max_length), Counter[str]()

    def passing() -> Iterator[Sample]:
        nonlocal amount
        for sample in corpus:
            amount = amount.plus(sample)
            if sample.problem is not None:
                problems[sample.problem] += 1
            yield sample

    overview = Overview.of(corpus, passing())
    mend = "mend the rows, or name another format"
    refuse_if_all(amount.rows, dict(problems.most_common()), where=corpus.name, mend=mend)
    return amount, overview


def _refuse_unscored(corpus: Corpus, scores: Scores, run: RunDirectory | None) -> None:
    """Refuses a corpus of which no row has a score; the run then holds why, and no verdict."""
    if pc.any(pc.equal(scores["status"], "scored")).as_py():
        return
    if run is not None:
        write_unscored(run, corpus, scores, np.ones(len(scores), np.bool_))
    raise DataError(
        left_out(len(scores), by_frequency(scores["reason"].to_pylist()), "scored"),
        where=corpus.name,
        mend="mend the rows, or take another model",
    )


def _told(model: ModelFacts) -> Json:
    return {"name": model.name, "device": model.device, "tied_embeddings": model.tied}


def _evidence(corpus: Corpus, scores: Scores, judging: Judging) -> Evidence:
    """Returns strings and groups in a corpus."""
    accepted = of_answers(judging.accepted, corpus.reading.answers)
    found = find_evidence(
        corpus,
        TokenLosses.of_scores(scores),
        calibration=judging.calibration,
        false_alarm_rate=judging.false_alarm_rate,
        accepted=accepted,
        answers=corpus.reading.answers or "chosen",
        own=judging.own,
    )
    return with_groups(found, corpus, scores, accepted)
