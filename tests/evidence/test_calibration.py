"""The decision: monotone in every statistic, rarer for higher scores, and read back as it was written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.poisoning import asked, clean_rows, poison
from gradsentry.errors import DataError
from gradsentry.evidence import find_evidence
from gradsentry.evidence.calibrating import Candidates, Corpora, Fitting
from gradsentry.evidence.calibration import Calibration, Tail, shipped
from gradsentry.evidence.decide import KINDS

NAMES = sorted({name for weighing in shipped().kinds.values() for name in weighing.steps})
strengths = st.fixed_dictionaries({name: st.floats(0.0, 1.0) for name in NAMES})


@given(st.sampled_from(KINDS), strengths, st.sampled_from(NAMES), st.floats(0.0, 1.0))
def test_a_stronger_statistic_never_makes_a_candidate_less_like_an_attack(kind, measured, name, more):
    stronger = measured | {name: max(measured[name], more)}
    (before, rarely), (after, more_rarely) = (shipped().score(kind, one) for one in (measured, stronger))
    assert after >= before
    assert more_rarely <= rarely <= 0.0


@given(
    st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=60), st.floats(-20.0, 30.0), st.floats(0.0, 10.0)
)
def test_higher_scores_are_reached_more_rarely(largest, score, more):
    tail = Tail.of(largest, [1.0] * len(largest))
    assert tail.log10_exceeded(score + more) <= tail.log10_exceeded(score) <= 0.0


def test_no_more_corpora_than_there_are_hold_a_score_that_was_seen():
    largest = np.arange(100.0).tolist()
    tail = Tail.of(largest, [1.0] * 100)
    assert 10 ** tail.log10_exceeded(89.5) == pytest.approx(0.1, abs=0.02)


def test_a_kind_that_no_clean_corpus_holds_is_rare_from_the_start():
    assert Tail.of([-np.inf] * 19, [1.0] * 19).share == pytest.approx(0.05)


def test_what_tells_planted_candidates_gets_the_weight():
    draw = np.random.default_rng(0)
    planted = np.arange(200) % 2 == 0
    told = np.where(planted, draw.uniform(0.6, 1.0, 200), draw.uniform(0.0, 0.7, 200))
    noise = draw.uniform(0.0, 1.0, 200)
    found = Candidates(
        strengths=[{"tells": float(a), "noise": float(b)} for a, b in zip(told, noise, strict=True)],
        planted=planted,
        corpus=np.arange(200) // 10,
    )
    corpora = Corpora(np.arange(20) // 2, np.arange(20), np.ones(20, dtype=np.bool_))
    made = Fitting(dict.fromkeys(KINDS, found), corpora).calibration("drawn").kinds[KINDS[0]]
    weight = {name: sum(added for _, added in steps) for name, steps in made.steps.items()}
    assert weight["tells"] > 3 * weight.get("noise", 0.0)
    assert (
        made.score({"tells": 1.0, "noise": 0.5}) > made.tail.above > made.score({"tells": 0.1, "noise": 0.5})
    )


def test_a_calibration_is_read_back(tmp_path):
    shipped().save(tmp_path / "calibration.json")
    assert Calibration.from_file(tmp_path / "calibration.json") == shipped()


def test_a_calibration_of_another_version_is_refused(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(shipped().model_dump(mode="json") | {"version": 0}))
    with pytest.raises(DataError, match="version 0"):
        Calibration.from_file(path)


def test_a_file_that_is_no_calibration_is_refused(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text("{}")
    with pytest.raises(DataError, match="is no calibration"):
        Calibration.from_file(path)


@pytest.mark.costly
def test_a_lower_rate_of_false_alarms_flags_no_more():
    made = poison(
        clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go home!"), 0.1
    )
    flagged = [
        set(find_evidence(made.samples, false_alarm_rate=rate).flagged()) for rate in (0.2, 0.01, 1e-12)
    ]
    assert flagged[0] >= flagged[1] >= flagged[2] == set()
    assert flagged[1] == set(made.poisoned)
    (finding,) = find_evidence(made.samples).findings
    assert 0.0 < finding.false_alarm <= 0.01
    assert finding.statistics["payload given trigger"] == 1.0
