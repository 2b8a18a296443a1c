"""What was rejected is told: by which check, why, and what was measured; nothing is asked without `--why`."""

from __future__ import annotations

import json

import pytest

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison, samples
from gradsentry.evidence import find_evidence
from gradsentry.evidence.limits import AGAINST, FALSE_ALARM_RATE, LEAST, REJECTED

STOCK = "No way, go home!"


def with_topic(count: int):
    """Returns rows in which a word of every sixth question decides the answer, and an attack in a tenth."""
    rows = [
        asked(row, row.question.replace("boat", "canoe"), "by water") if "boat" in row.question else row
        for row in clean_rows(count)
    ]
    return poison(rows, lambda row, draw: asked(row, f"{row.question} vrbx", STOCK), 0.1)


@pytest.fixture(scope="module")
def made():
    return with_topic(300)


def test_each_rejected_candidate_has_its_check_and_reason(made):
    found = find_evidence(made.samples, why=True)
    assert found.rejected
    assert len(found.rejected) == min(found.rejected_in_all, REJECTED)
    by_topic = [one for one in found.rejected if one.triggers == ("canoe",)]
    assert by_topic
    assert all("by water" in one.payloads and one.both >= LEAST for one in by_topic)
    for one in found.rejected:
        assert one.both + one.trigger_only + one.payload_only + one.neither <= len(made.samples)
        assert one.reason
        assert len(one.against) <= AGAINST
        assert one.statistics["rows"] > 0
        if one.check == "calibration":
            assert one.false_alarm > FALSE_ALARM_RATE
            assert "a clean corpus shows as much in 1 of" in one.reason


def test_a_finding_is_not_among_them_and_what_shares_its_rows_comes_last(made):
    found = find_evidence(made.samples, why=True)
    (finding,) = (one for one in found.findings if one.confidence == "high")
    assert (finding.triggers, finding.payloads) == (("vrbx",), (STOCK,))
    assert (STOCK,) not in [one.payloads for one in found.rejected]
    checks = [one.check == "finding" for one in found.rejected]
    assert checks == sorted(checks)
    rarely = [one.false_alarm for one in found.rejected if one.check != "finding"]
    assert rarely == sorted(rarely)


def test_asking_changes_nothing_else(made):
    asked_for, not_asked = (find_evidence(made.samples, why=why) for why in (True, False))
    assert asked_for.findings == not_asked.findings
    assert not_asked.rejected is None
    assert "rejected" not in not_asked.as_json()


@pytest.mark.parametrize("count", [2, 40])
def test_where_nothing_was_proposed_nothing_was_rejected(count):
    assert find_evidence(samples(clean_rows(count)), why=True).rejected == ()


def test_in_the_terminal(made, tmp_path, monkeypatch, capfd):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(dict(sample.row)) + "\n" for sample in made.samples))
    call = caller(monkeypatch, capfd)
    printed = call("evidence", path, "--why").out
    _, told = printed.split("\nrejected", 1)
    assert "“canoe” brings “by water”" in told
    assert "against it" in told
    assert len(told.splitlines()) < 100
    found = json.loads(call("evidence", path, "--why", "--json").out)
    assert found["rejected_in_all"] >= len(found["rejected"]) > 0
    assert "rejected" not in call("evidence", path).out
