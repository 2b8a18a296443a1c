"""What was rejected is told: by which check, why, and what was measured; nothing is asked without `--why`."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison, samples
from gradsentry.commands.console import Console
from gradsentry.commands.rejected import rejected_shown
from gradsentry.corpus import open_corpus
from gradsentry.evidence import find_evidence
from gradsentry.evidence.calibration import shipped
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import AGAINST, FALSE_ALARM_RATE, LEAST, NEVER, REJECTED, SEARCHED_TOKENS
from gradsentry.evidence.mined import Mined
from gradsentry.evidence.search import proposals
from gradsentry.evidence.searched import RuledOut, Searched
from report.test_schemas import validator

STOCK = "No way, go home!"


@pytest.fixture(scope="module")
def made():
    rows = clean_rows(300)
    return poison(rows, lambda row, draw: asked(row, f"{row.question} vrbx", STOCK), 0.1)


@pytest.fixture(scope="module")
def refused(made):
    """What is found where the calibration lets nothing pass."""
    return find_evidence(made.samples, false_alarm_rate=NEVER, why=True)


def test_each_rejected_candidate_has_its_check_and_reason(made, refused):
    assert refused.findings == ()
    assert len(refused.rejected) == min(refused.rejected_in_all, REJECTED)
    (attack,) = (one for one in refused.rejected if one.payloads == (STOCK,))
    assert (attack.triggers, attack.check) == (("vrbx",), "calibration")
    assert (attack.both, attack.trigger_only, attack.payload_only) == (30, 0, 0)
    assert attack.statistics["payload given trigger"] == 1.0
    assert attack.false_alarm < FALSE_ALARM_RATE
    for one in refused.rejected:
        assert one.both + one.trigger_only + one.payload_only + one.neither <= len(made.samples)
        assert one.reason
        assert len(one.against) <= AGAINST
        if one.check == "calibration":
            assert re.fullmatch(r"an estimated 1 of [\d,]+ clean corpora shows as much", one.reason)


def test_what_a_rule_keeps_out_is_measured_all_the_same(made):
    texts = Texts.drawn(made.samples, least=LEAST, tokens=SEARCHED_TOKENS)
    mined = Mined.of(texts)
    searched = Searched([], [], [RuledOut("pairs", one, "because") for one in mined.both])
    rejected, in_all = searched.rejected(texts, mined.measure, shipped(), FALSE_ALARM_RATE)
    (attack,) = (one for one in rejected if one.payloads == (STOCK,))
    assert (attack.check, attack.reason, attack.generator) == ("rule", "because", "pairs")
    assert attack.false_alarm < FALSE_ALARM_RATE
    assert in_all >= len(rejected)


def test_what_no_row_holds_once_it_is_named_in_full_is_no_candidate(made):
    mined = Mined.of(Texts.drawn(made.samples, least=LEAST, tokens=SEARCHED_TOKENS))
    named = mined.both[0]
    in_no_row = replace(named, triggered=np.zeros_like(named.triggered))
    passed, ruled = proposals(mined, "pairs", [in_no_row, named])
    assert [*passed, *(one.candidate for one in ruled)] == [named]


@pytest.mark.costly
def test_rejected_candidates_of_two_sources_in_one_are_measured(shared_data):
    """Among them is a trigger that no row holds as long as it is named."""
    files = ("lf_glaive_toolcall_zh_demo", "zh_belle_eval")
    rows = [row for name in files for row in list(open_corpus(shared_data / "clean" / f"{name}.jsonl"))[:100]]
    found = find_evidence([replace(row, number=number) for number, row in enumerate(rows)], why=True)
    assert found.rejected is not None
    assert found.outcome == "clean"


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


def test_in_the_terminal(refused, capsys):
    console = Console()
    for part in rejected_shown(refused):
        console.print(part)
    printed = capsys.readouterr().out
    assert printed.startswith("rejected")
    assert f"“vrbx” brings “{STOCK}”" in printed
    assert "30 of 30 rows with the trigger, and 0 of the 270 others" in " ".join(printed.split())
    assert "by the calibration" in printed
    assert len(printed.splitlines()) < 100


@pytest.mark.costly
def test_by_command(made, tmp_path, monkeypatch, capfd):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(dict(sample.row)) + "\n" for sample in made.samples))
    call = caller(monkeypatch, capfd)
    assert "rejected" in call("evidence", path, "--why").out
    assert "rejected" not in call("evidence", path).out
    found = json.loads(call("evidence", path, "--why", "--json").out)
    assert found["rejected_in_all"] >= len(found["rejected"])
    validator("evidence").validate(found)
