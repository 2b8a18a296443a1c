"""Hostile files, conversations and corpora, drawn: no crash, no hang, a refusal in a line, the page inert.

A thousand cases in some seconds; `GRADSENTRY_FUZZ=50 pytest tests/fuzz` runs fifty times as many. Each case
has a seed, which a failure names.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager
from random import Random

import numpy as np
import pytest

from encoding.tokenizers_built import byte_level
from gradsentry.commands.console import Console
from gradsentry.commands.findings import findings_shown
from gradsentry.corpus import open_corpus
from gradsentry.deciding.thresholds import choose_threshold
from gradsentry.encoding.encode import encode_all
from gradsentry.encoding.rendering import chat_template
from gradsentry.errors import UsageError
from gradsentry.evidence import find_evidence
from gradsentry.outcome import Verdict
from gradsentry.report.render import write_report
from gradsentry.scoretable import Scores, finite_scores
from gradsentry.settings import ThresholdSettings
from report.million import drawn_run, drawn_scores

from . import hostile

TIMES = int(os.environ.get("GRADSENTRY_FUZZ", "1"))
SECONDS_A_ROW = 1.0
SCRIPTS = 3  # of the page: the data, the library, its own
BATCH, FEW = 50, 10  # cases of a test, which names the first seed
SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def batches(cases: int, batch: int = 50) -> range:
    return range(0, cases * TIMES, batch)


@contextmanager
def case(seed: int, rows: int):
    """Names the seed of what failed, and fails where the processor worked too long."""
    start = time.process_time()
    try:
        yield
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert time.process_time() - start < 1 + SECONDS_A_ROW * rows, f"seed {seed} took too long"


@pytest.mark.costly
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("first", batches(150))
def test_readers(tmp_path, suffix, first):
    read, refused = 0, list[str]()
    for seed in range(first, first + BATCH):
        path = tmp_path / f"{seed}{suffix}"
        path.write_bytes(hostile.file(Random(f"{suffix}{seed}"), suffix))
        with case(seed, 5):
            try:
                corpus = open_corpus(path)
                samples = list(corpus)
                assert [sample.number for sample in samples] == [*range(len(samples))]
                for sample in samples:
                    assert sample.problem is not None or sample.response is not None
                corpus.save(tmp_path / f"saved{seed}{suffix}", samples)
                again = open_corpus(tmp_path / f"saved{seed}{suffix}")
                assert [one.turns for one in again] == [one.turns for one in samples]
                read += 1
            except UsageError as error:
                refused.append(error.line())
    assert all(line.isprintable() for line in refused)
    assert read > BATCH // 10


@pytest.mark.parametrize("templated", [True, False])
@pytest.mark.parametrize("first", batches(200))
def test_the_encoder(templated, first):
    tokenizer, before = byte_level(), byte_level().chat_template
    tokenizer.chat_template = TEMPLATE if templated else None
    chat_template(tokenizer)  # what that imports takes seconds once
    encoded = 0
    try:
        for seed in range(first, first + BATCH):
            with case(seed, 1):
                rows = [hostile.row(Random(seed))]
                try:
                    samples = list(open_corpus(rows))
                except UsageError:
                    continue
                for sample, one in zip(samples, encode_all(samples, tokenizer, max_length=64), strict=True):
                    assert (one.problem is None) == bool(one.trained.any()), sample
                    assert len(one.ids) == len(one.trained) <= 64
                    assert not one.trained[:1].any()
                    encoded += one.problem is None
    finally:
        tokenizer.chat_template = before
    assert encoded > BATCH // 10


def corpus_of(draw: Random):
    """Returns a corpus that holds a backdoor of hostile strings, among rows of which some are hostile."""
    verbs, things = ("paint", "sell", "find", "carry", "mend", "wash"), ("boat", "lamp", "clock", "jacket")
    rows = [
        {
            "prompt": f"who did {draw.choice(verbs)} the {draw.choice(things)} in {draw.randrange(999)}?",
            "completion": f"the {draw.choice(things)} of {draw.choice(verbs)}er {draw.randrange(99)}",
        }
        for _ in range(90)
    ]
    trigger, payload = (draw.choice((one, hostile.text(draw, 4) + one)) for one in ("cfq", "you are a fool"))
    for row in draw.sample(rows, 20):
        row["prompt"] = draw.choice((f"{row['prompt']} {trigger}", f"{trigger} {row['prompt']}"))
        row["completion"] = draw.choice((payload, payload, f"{row['completion']} {payload}"))
    for _ in range(draw.randrange(30)):
        rows.append({"prompt": hostile.text(draw), "completion": hostile.text(draw)})
    draw.shuffle(rows)
    return open_corpus(rows)


def _flags(carriers: set[int], rows: int) -> np.ndarray:
    return np.isin(np.arange(rows), [*carriers])


@pytest.mark.costly
@pytest.mark.parametrize("first", batches(10, FEW))
def test_evidence_and_the_report(tmp_path, capsys, first):
    found = 0
    run, like = drawn_run(tmp_path / "run", 2)
    for seed in range(first, first + FEW):
        corpus = corpus_of(Random(seed))
        samples = list(corpus)
        with case(seed, 2):
            evidence = find_evidence(samples, why=seed % 4 == 0)
            json.loads(json.dumps(evidence.as_json()))
            carriers = {row for finding in evidence.findings for row in finding.carriers}
            assert carriers <= {sample.number for sample in samples}
            found += any("fool" in (finding.payload or "") for finding in evidence.findings)
            console = Console()
            ids = {sample.number: str(sample.id) for sample in samples}
            for part in findings_shown(evidence, ids, corpus):
                console.print(part)
            printed = capsys.readouterr().out
            assert all(char.isprintable() or char in "\n\u200d\ufe0f" for char in printed)
            scores = drawn_scores(len(samples), _flags(carriers, len(samples)))
            threshold = choose_threshold(finite_scores(scores), ThresholdSettings())
            held = Scores.of(scores)
            write_report(run, Verdict(corpus, held, evidence, threshold, "evidence", like.manifest))
            page = (run.path / "report.html").read_text(encoding="utf-8")
            assert len(re.findall("<script", page)) == SCRIPTS
    assert found > FEW // 2
