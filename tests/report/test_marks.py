"""Marks of a person: read, turned into tau, and what `threshold --labels` says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.command import refused
from gradsentry.deciding.marks import Marks, agreement, threshold_of_marks
from gradsentry.errors import SettingsError
from gradsentry.opening import open_run
from gradsentry.settings import ThresholdSettings
from report.pages import counts, set_tau
from report.test_schemas import validator

pytestmark = pytest.mark.costly


def marks_of(kinds: list[bool | None]) -> Marks:
    return Marks(
        np.array([kind is True for kind in kinds]),
        np.array([kind is False for kind in kinds]),
        np.array([kind is None for kind in kinds]),
    )


def gain(scores: list[float], kinds: list[bool | None], tau: float) -> float:
    """Returns the share of the poisoned above tau less that of the clean, counted one by one."""
    above = {True: [], False: []}
    for score, kind in zip(scores, kinds, strict=True):
        if kind is not None:
            above[kind].append(score > tau)
    return np.mean(above[True]) - np.mean(above[False])


rows = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([True, False, None])), min_size=2, max_size=12)


@given(rows)
def test_no_tau_parts_the_marked_better(drawn):
    scores, kinds = [score / 20 for score, _ in drawn], [kind for _, kind in drawn]
    best = (
        max((gain(scores, kinds, tau) for tau in np.arange(-1, 42) / 40), default=0)
        if {True, False} <= {*kinds}
        else 0
    )
    if best <= 0:
        with pytest.raises(SettingsError):
            threshold_of_marks(np.array(scores), marks_of(kinds))
        return
    found = threshold_of_marks(np.array(scores), marks_of(kinds))
    assert gain(scores, kinds, found.tau) == pytest.approx(best)
    assert found.tau not in [score for score, kind in zip(scores, kinds, strict=True) if kind is not None]


def test_tau_lies_in_the_middle_of_the_widest_gap_and_rows_without_a_score_do_not_count():
    scores = np.array([0.1, 0.3, 0.5, 0.9, np.nan])
    found = threshold_of_marks(scores, marks_of([False, False, None, True, True]))
    assert found.tau == pytest.approx(0.6)
    assert found.reason == "it parts 3 of 3 marked rows as they are marked"


def test_precision_among_the_marked():
    found = agreement(np.array([True, True, True, False, True]), marks_of([True, True, False, True, None]))
    assert found.precision == pytest.approx(2 / 3)
    assert found.as_json()["flagged_clean"] == 1
    assert agreement(np.zeros(2, np.bool_), marks_of([True, False])).precision is None


@pytest.fixture
def marked(run, tmp_path):
    """A file of marks: five poisoned rows, and the five clean rows that score least."""
    verdict = open_run(run)
    ids, score = verdict.scores["id"].to_pylist(), verdict.scores["score"].to_numpy()
    poisoned = np.flatnonzero(verdict.is_flagged)[:5]
    clean = [row for row in np.argsort(score) if not verdict.is_flagged[row]][:5]
    path = tmp_path / "marks.jsonl"
    lines = [{"id": ids[row], "mark": "poisoned"} for row in poisoned]
    lines += [{"id": ids[row], "mark": "clean"} for row in clean]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_where_the_score_decides_labels_fit_tau_and_tell_the_precision(run, marked, call):
    ended = call("threshold", run, "--labels", marked, "--policy", "published", "--json")
    assert (ended.code, ended.error) == (0, "")
    told = json.loads(ended.out)
    validator("verdict").validate(told)
    verdict = open_run(run)
    assert (told["tau_method"], told["policy"]) == ("labels", "published")
    assert verdict.threshold.tau == told["tau"]
    above = verdict.scores["score"].to_numpy() > told["tau"]
    expected = (above & ~verdict.marked.clean) | verdict.marked.poisoned
    assert verdict.is_flagged.tolist() == expected.tolist()
    assert told["marked"]["poisoned"] == told["marked"]["clean"] == 5
    flagged = told["marked"]["flagged_poisoned"], told["marked"]["flagged_clean"]
    assert told["marked"]["precision"] == flagged[0] / sum(flagged)
    ended = call("threshold", run, "--labels", marked)
    assert re.search(
        r"\nbefore your marks count: \d rows? both flagged and marked poisoned or clean, \d of them poisoned "
        r"\(precision [01]\.\d+\); 5 rows marked poisoned, \d of them not flagged",
        ended.out,
    )


def test_labels_keep_the_policy(run, marked, call):
    before = json.loads((run / "verdict.json").read_text())
    told = json.loads(call("threshold", run, "--labels", marked, "--json").out)
    assert told["policy"] == before["policy"] == "evidence"
    assert told["tau"] == before["tau"]
    assert told["marked"]["precision"] == 1.0
    assert told["counts"] == before["counts"]  # what was marked is what the findings say


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b'{"id": "nobody", "mark": "clean"}\n',
            r":1: 'nobody' is the id of no row of the run; use the marks .+",
        ),
        (
            b'\n{"id": 1}\n',
            r':2: is no mark: {"id": 1}; write {"id": \.\.\., "mark": one of poisoned, clean, .+',
        ),
        (b'{"id": "x", "mark": "bad"}\n', r":1: is no mark: .+"),
        (b"what\n", r":1: is no JSON \(.+\); mend or remove the line"),
        (b"\xff\n", r":1: .+UTF-8.+"),
    ],
)
def test_a_broken_file_of_marks(run, call, tmp_path, content, said):
    before = (run / "verdict.json").read_bytes()
    (tmp_path / "broken.jsonl").write_bytes(content)
    line = refused(call("threshold", run, "--labels", tmp_path / "broken.jsonl"))
    assert re.fullmatch(re.escape(str(tmp_path / "broken.jsonl")) + said, line), line
    assert (run / "verdict.json").read_bytes() == before


def test_marks_that_cannot_be_fitted(run, marked, call, tmp_path):
    lines = marked.read_text().splitlines(keepends=True)
    (tmp_path / "twice.jsonl").write_text(lines[0] * 2)
    assert "is marked twice" in refused(call("threshold", run, "--labels", tmp_path / "twice.jsonl"))
    assert "exclude each other" in refused(call("threshold", run, "--labels", marked, "--tau", 0.5))
    assert "cannot be read" in refused(call("threshold", run, "--labels", tmp_path / "none.jsonl"))
    assert not (run / "earlier").exists()


def test_marks_of_one_kind_count_and_leave_tau(run, marked, call, tmp_path):
    lines = marked.read_text().splitlines(keepends=True)
    (tmp_path / "one.jsonl").write_text("".join(lines[5:]))
    tau = open_run(run).threshold.tau
    ended = call("threshold", run, "--labels", tmp_path / "one.jsonl", "--policy", "published")
    assert f"tau stays {tau:.3f}: no scored row is marked poisoned" in ended.out
    verdict = open_run(run)
    assert verdict.threshold.tau == tau
    assert not verdict.is_flagged[verdict.marked.clean].any()


def test_the_page_knows_what_a_person_decided(run, marked, call, tmp_path, open_page):
    verdict = open_run(run)
    flagged = np.flatnonzero(verdict.is_flagged).tolist()
    other = next(row for row in range(len(verdict.scores)) if row not in flagged)
    ids = verdict.scores["id"].to_pylist()
    lines = [{"id": ids[row], "mark": "clean"} for row in flagged[:3]] + [
        {"id": ids[other], "mark": "poisoned"}
    ]
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert call("threshold", run, "--labels", path, "-q").code == 0
    verdict = open_run(run)
    page = open_page(run)
    assert counts(page)["flagged"] == len(flagged) - 3 + 1 == verdict.counts["flagged"]
    assert "4 rows marked: 1 poisoned, 3 clean" in page.locator("#marks-count").inner_text()
    said = call("threshold", run, "--labels", path).out
    assert f"drop its {len(flagged)} rows but the 3 that a person marked clean" in " ".join(said.split())
    assert "3 marked clean by a person" in page.locator("#finding-F1 .top").inner_text()
    for tau in (0.2, 0.5, 0.8):
        set_tau(page, tau)
        expected = verdict.decide(ThresholdSettings(method="fixed", tau=tau)).counts
        assert counts(page) == {name: expected[name] for name in ("clean", "flagged")}
