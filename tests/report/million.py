"""A run of as many rows as one likes, synthesised: drawn scores, real corpus, real evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from gradsentry.corpus import Corpus, open_corpus
from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.evidence import Evidence, Finding
from gradsentry.outcome import Verdict
from gradsentry.scoretable import SCHEMA, Scores, finite_scores
from gradsentry.settings import ThresholdSettings
from gradsentry.store import RunDirectory

DISTINCT = 1000


def drawn_corpus(rows: int) -> Corpus:
    """Returns a corpus in memory that repeats a thousand rows of 200 words."""
    some = [
        {"prompt": f"row {number} " + "word " * 100, "completion": "answer " * 100}
        for number in range(DISTINCT)
    ]
    return open_corpus([some[number % DISTINCT] for number in range(rows)])


def drawn_scores(rows: int, poisoned: np.ndarray) -> pa.Table:
    """Returns a score table: entropy rises with length and with poison; a few windows cost much."""
    draw = np.random.default_rng(0)
    lengths = np.minimum(1 + draw.geometric(0.02, rows), 2000).astype(np.int32)
    scores = 0.15 + 0.09 * np.log(lengths) + 0.2 * poisoned + draw.normal(0, 0.04, rows)
    spectrum = np.tile(np.geomspace(1, 0.01, 16, dtype=np.float32), rows)
    columns = {
        "number": np.arange(rows),
        "id": pa.array(np.arange(rows)).cast(pa.string()),
        "status": pa.repeat(pa.scalar("scored"), rows),
        "reason": pa.repeat(pa.scalar(""), rows),
        "n_prompt": np.full(rows, 100, np.int32),
        "n_response": lengths,
        "loss": draw.gamma(2.0, 1.0, rows).astype(np.float32),
        "score": np.clip(scores, 0.0, 1.0),
        "window_loss": (draw.normal(4.0, 0.5, rows) + 6.0 * (np.arange(rows) % 1001 == 1)).astype(np.float32),
        "window": pa.repeat(pa.scalar([0, 1], pa.list_(pa.int32())), rows),
        "window_chars": pa.repeat(pa.scalar([0, 6], pa.list_(pa.int32())), rows),
        "window_entropy": np.full(rows, 0.5, np.float32),
        "spectrum": pa.ListArray.from_arrays(
            np.arange(0, 16 * rows + 1, 16, dtype=np.int32), pa.array(spectrum)
        ),
    }
    absent = {field.name: pa.nulls(rows, field.type) for field in SCHEMA if field.name not in columns}
    return pa.table({**columns, **absent}).select(SCHEMA.names).cast(SCHEMA)


def drawn_run(path: Path, rows: int) -> tuple[RunDirectory, Verdict]:
    """Returns a run directory that holds its manifest alone, and the verdict whose page it is to hold."""
    is_poisoned = np.arange(rows) % 20 == 0
    scores = drawn_scores(rows, is_poisoned)
    carriers = tuple(np.flatnonzero(is_poisoned).tolist())
    finding = Finding(
        name="F1",
        kind="association",
        triggers=("row",),
        combine="any",
        payload="answer",
        both=len(carriers),
        trigger_only=0,
        payload_only=0,
        neither=rows - len(carriers),
        log10_p=-99.0,
        false_alarm=0.0001,
        statistics={},
        surprise=None,
        carriers=carriers,
        confidence="high",
        reason="drawn",
        payloads=("answer",),
    )
    manifest = {
        "identity": {
            "data": {"format": "prompt", "sha256": "0" * 64, "reading": {}},
            "model": {"fingerprint": "0" * 64, "dtype": "float32"},
            "score": {"crop": 8, "k": 16, "max_length": 2048},
        },
        "source": {"name": "drawn", "data": ""},
        "model": {"name": "none", "device": "cpu", "tied_embeddings": True},
        "started": "2026-01-01T00:00:00Z",
        "seconds": 1000.0,
        "rows_resumed": 0,
        "versions": {},
    }
    settings = ThresholdSettings()
    verdict = Verdict(
        corpus=drawn_corpus(rows),
        scores=Scores.of(scores),
        evidence=Evidence((finding,), rows),
        threshold=choose_threshold(finite_scores(scores), settings),
        policy="evidence",
        manifest=manifest,
    )
    return RunDirectory.create_or_resume(path, manifest["identity"]), verdict
