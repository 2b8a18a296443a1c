"""A corpus in, a verdict out: by its texts alone, in seconds and without a model; or by a scan with one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from gradsentry.corpus import Corpus, open_corpus
from gradsentry.deciding.marks import Marks
from gradsentry.evidence import Evidence, Finding
from gradsentry.evidence.judging import Judging, given_judging
from gradsentry.opening import judging_of, manifest, refuse_place, source_of
from gradsentry.outcome import Verdict, marks_of
from gradsentry.pairs import refuse_parted, write_decided
from gradsentry.scoretable import SCHEMA, read_table
from gradsentry.searching import search
from gradsentry.settings import DataSettings
from gradsentry.store import RunDirectory, data_identity

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from gradsentry.models.loading import LoadedModel


def find_evidence(
    data: object,
    *,
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    plugins: Sequence[str] = (),
    why: bool = False,
) -> Evidence:
    """Returns triggers, payloads and the rows that carry them, from the texts of a data set alone.

    Args:
        data: As `scan` takes it.
        reading: How the rows are read.
        false_alarm_rate: How often a clean corpus may be called poisoned; if not given, 0.01.
        calibration: The file of a calibration; if not given, the shipped one.
        accept: The file of findings that a person accepts.
        plugins: Files or modules with checks and generators of one's own; their code runs.
        why: Whether what was rejected is told too.

    Raises:
        UsageError: If the data or an option is wrong; also where no row can be read.
    """
    given = given_judging(
        false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept, plugins=plugins
    )
    corpus = data if isinstance(data, Corpus) else open_corpus(data, reading)
    return search(corpus, Judging().with_given(given), why=why).evidence


def screen(
    data: object,
    model: str | PreTrainedModel | LoadedModel | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    out: str | Path | None = None,
    reading: DataSettings = DataSettings(),  # noqa: B008  (frozen)
    false_alarm_rate: float | None = None,
    calibration: str | Path | None = None,
    accept: str | Path | None = None,
    plugins: Sequence[str] = (),
) -> Verdict:
    """Returns the verdict on a data set: by its texts alone, or with a model by a scan.

    Args:
        data: As `scan` takes it.
        model: The clean base model, as `scan` takes it; None to read the texts alone.
        tokenizer: Of a loaded model.
        out: The run directory, which is written as `scan` writes it; without a model it holds no scores.
        reading: How the rows are read.
        false_alarm_rate: How often evidence may call a clean corpus poisoned; if not given, 0.01.
        calibration: The file of a calibration; if not given, the shipped one.
        accept: The file of findings that a person accepts.
        plugins: Files or modules with checks and generators of one's own; their code runs.

    Raises:
        UsageError: If the data, the model, an option or the directory is wrong.
        ScoringError: If the disk is full.
    """
    if model is not None:
        from gradsentry.screening import scan

        return scan(
            data,
            model,
            tokenizer=tokenizer,
            out=out,
            reading=reading,
            false_alarm_rate=false_alarm_rate,
            calibration=calibration,
            accept=accept,
            plugins=plugins,
        )
    given = given_judging(
        false_alarm_rate=false_alarm_rate, calibration=calibration, accept=accept, plugins=plugins
    )
    return screen_texts(data, reading=reading, given=given, out=None if out is None else Path(out))


def screen_texts(
    data: object,
    *,
    reading: DataSettings,
    given: Mapping[str, object],
    out: Path | None,
    why: bool = False,
    more: Sequence[Finding] = (),
) -> Verdict:
    """Returns the verdict by the texts, and writes the run where one is named.

    Args:
        data: As `scan` takes it.
        reading: How the rows are read.
        given: What `given_judging` returns; the rest is as the run has it, else as shipped.
        out: The run directory, or None.
        why: Whether what was rejected is told too.
        more: What was found in the data set and others together.
    """
    started = time.time()
    corpus = data if isinstance(data, Corpus) else open_corpus(data, reading)
    if out is not None:
        refuse_place(out, corpus)
    identity = {"data": data_identity(corpus), "columns": SCHEMA.names}
    run = None if out is None else RunDirectory.create_or_resume(out, identity)
    if run is not None:
        refuse_parted(run)
    with nullcontext() if run is None else run.locked():
        judging = (Judging() if run is None else judging_of(run)).with_given(given)
        found = search(corpus, judging, why=why, more=more)
        source = source_of(data, corpus, found.read)
        told = manifest(identity, source, started, judging)
        scores = read_table(corpus)
        marks = Marks.none(len(scores)) if run is None else marks_of(run, scores)
        verdict = Verdict(corpus, scores, found.evidence, None, "evidence", told, marks=marks)
        if run is not None:
            verdict, _ = write_decided(run, verdict)
    return verdict
