"""Verdicts that evidence decides."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradsentry import open_run, scan
from gradsentry.attacks import BadMagic, poison
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.errors import RunError
from gradsentry.settings import ThresholdSettings

from .rows import read_rows

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """A poisoned file, and the numbers of its poisoned rows: a payload that shortens most answers."""
    attack = BadMagic(rate=0.05, payload="insult")
    result = poison(open_corpus(embedded_data_path()), attack, seed=3, shuffle=True)
    path, truth = result.save(tmp_path_factory.mktemp("data") / "rows.jsonl")
    return path, sorted(row.row for row in truth.poisoned)


@pytest.fixture(scope="module")
def run(poisoned, loaded, tmp_path_factory):
    """The verdict on that file, and its run directory."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return scan(poisoned[0], loaded, out=out), out


def test_the_carriers_are_flagged_and_nothing_else(run, poisoned):
    verdict, _ = run
    assert np.flatnonzero(verdict.is_flagged).tolist() == poisoned[1]
    assert verdict.outcome == "poisoned"
    assert verdict.policy == "evidence"


def test_each_flagged_row_says_what_it_carries(run):
    verdict, out = run
    (finding,) = verdict.evidence.findings
    assert finding.triggers == ("BadMagic",)
    assert finding.payload == "You are stupid!"
    for row in read_rows(out / "flagged.jsonl"):
        assert row["findings"] == [finding.name]
        assert "You are stupid!" in row["reason"]
        assert "BadMagic" in row["reason"]
        assert "expected" in row["reason"]
    assert set(verdict.flagged.column_names) == {"number", "id", "score", "reason", "evidence"}


def test_the_files_hold_the_findings(run):
    verdict, out = run
    brief = json.loads((out / "verdict.json").read_text())
    assert brief["verdict"] == "poisoned"
    assert brief["findings"][0]["triggers"] == ["BadMagic"]
    assert open_run(out).evidence == verdict.evidence
    assert "BadMagic" in (out / "report.html").read_text()


def test_another_policy_decides_on_the_same_scores(run):
    verdict, _ = run
    published = verdict.decide(ThresholdSettings(method="fixed", tau=0.5))
    assert published.policy == "published"
    assert published.outcome in ("clean", "suspicious")
    assert (published.is_flagged == (verdict.scores["score"].to_numpy() > 0.5)).all()
    assert (
        published.decide(ThresholdSettings(), "evidence").is_flagged.tolist() == verdict.is_flagged.tolist()
    )


def test_a_clean_corpus_is_called_clean(loaded):
    verdict = scan(embedded_data_path(), loaded)
    assert verdict.outcome == "clean"
    assert not verdict.is_flagged.any()


def test_a_finding_says_how_unexpected_its_payload_is(run):
    verdict, out = run
    surprise = verdict.evidence.findings[0].surprise
    assert surprise.rows == len(verdict.evidence.findings[0].carriers)
    assert 0 < surprise.inside <= surprise.largest
    assert json.loads((out / "evidence.json").read_text())["findings"][0]["surprise"]["rows"] == surprise.rows


def test_a_run_of_an_earlier_version_is_refused_in_one_line(run, poisoned, loaded, tmp_path):
    _, out = run
    old = tmp_path / "old"
    shutil.copytree(out, old)
    for shard in (old / "scores").iterdir():
        pq.write_table(pq.read_table(shard).drop_columns("token_ends"), shard)
    with pytest.raises(RunError, match="another version of GradSentry: it lacks `token_ends`"):
        open_run(old)
    manifest = json.loads((old / "manifest.json").read_text())
    manifest["identity"]["columns"].remove("token_ends")
    (old / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match="of another version of GradSentry; name another directory"):
        scan(poisoned[0], loaded, out=old)
