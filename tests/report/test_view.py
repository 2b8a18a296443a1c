"""What a page is made of: counts that equal the library's, the rows that are held, the words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradsentry.evidence.wording import chance
from gradsentry.opening import open_run
from gradsentry.report.distribution import POINTS, STEPS, beside_length, counts_above, curve, expected_at
from gradsentry.report.rowdata import _fair_limit
from gradsentry.report.selection import FLAGGED, SHOWN, select
from gradsentry.report.view import view
from gradsentry.settings import ThresholdSettings
from gradsentry.store import RunDirectory
from report.million import drawn_run

scores = st.lists(
    st.one_of(st.floats(0, 1), st.integers(0, STEPS).map(lambda step: step / STEPS)), max_size=40
).map(np.array)


@given(scores)
def test_counts_are_those_of_a_comparison_at_every_step(drawn):
    assert counts_above(drawn) == [int((drawn > step / STEPS).sum()) for step in range(STEPS + 1)]


def test_the_curve_is_the_density_that_tau_is_found_on():
    drawn = np.random.default_rng(0).beta(3, 5, 4000)
    points = np.array(curve(drawn))
    assert (np.diff(points[:, 0]) > 0).all()
    assert points[:, 1].mean() == pytest.approx(1.0, abs=0.01)
    assert curve(np.array([])) == curve(np.full(5, 0.5)) == []


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_cells_hold_every_row_once(longest, seed):
    draw = np.random.default_rng(seed)
    rows = POINTS + 1
    lengths, drawn, flagged = draw.integers(1, longest + 1, rows), draw.random(rows), draw.random(rows) < 0.1
    made = beside_length(drawn, lengths, flagged)
    assert sum(cell[2] for cell in made["cells"]) == rows
    assert sum(cell[3] for cell in made["cells"]) == flagged.sum()
    edges = [*made["across"], longest + 2]
    for column, level, count, _ in made["cells"]:
        inside = (lengths >= edges[column]) & (lengths < edges[column + 1])
        high = (drawn * made["up"]).astype(int) == level
        assert (inside & high).sum() == count


def test_few_rows_are_points():
    made = beside_length(np.array([0.123456, 1.0]), np.array([3, 1]), np.array([True, False]))
    assert made == {"points": [[3, 0.1235, 1], [1, 1.0, 0]]}
    assert expected_at(np.array([5, 2, 5]), np.array([0.5, 0.2, 0.5])) == [[2, 0.2], [5, 0.5]]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(0, 500))
def test_a_budget_is_shared_so_that_the_short_keep_all(sizes, budget):
    limit = _fair_limit(sizes, budget)
    used = sum(min(size, limit) for size in sizes)
    assert used <= budget + 1e-6
    assert limit == float("inf") or used == pytest.approx(budget)


@pytest.mark.costly
@pytest.mark.parametrize("policy", ["evidence", "published"])
def test_rows_are_held_by_how_much_they_matter(tmp_path, policy):
    run, verdict = drawn_run(tmp_path / "run", 50_000)
    verdict = verdict.decide(ThresholdSettings(), policy)
    chosen = select(verdict, first=(7,))
    held = np.isin(np.arange(50_000), chosen.numbers)
    assert len(chosen.numbers) == len(set(chosen.numbers.tolist())) == SHOWN
    assert held[7]
    score = verdict.scores["score"].to_numpy()
    flagged = held & verdict.is_flagged
    most = min(FLAGGED, verdict.is_flagged.sum())
    assert flagged.sum() >= most
    left_out = verdict.is_flagged & ~held
    assert score[left_out].max(initial=0) <= np.sort(score[flagged])[-most]
    assert (held & chosen.is_next).any()
    assert not (chosen.is_next & verdict.is_flagged).any()
    kinds = np.where(verdict.is_flagged, 0, np.where(chosen.is_next, 1, 2))[chosen.numbers]
    assert (np.diff(kinds) >= 0).all()
    assert view(verdict, run)["left_out"]["flagged"] == left_out.sum()


def test_all_rows_of_a_small_run_are_held(poisoned):
    verdict = open_run(poisoned[0])
    assert sorted(select(verdict).numbers.tolist()) == list(range(240))


def test_the_view_says_what_was_run_and_what_had_no_score(hostile_run):
    shown = view(open_run(hostile_run), RunDirectory.open(hostile_run))
    facts = dict(shown["run"])
    assert {"SHA-256", "format", "rows"} <= dict(facts["Data"]).keys()
    assert {"fingerprint", "dtype"} <= dict(facts["Model"]).keys()
    assert {"crop", "k", "tau"} <= dict(facts["Settings"]).keys()
    assert {"started", "seconds", "rows per second"} <= dict(facts["Time"]).keys()
    assert "torch" in dict(facts["Versions"])
    (reason,) = shown["unscored"]
    assert reason["rows"] == shown["counts"]["unscored"] == 1


@pytest.mark.parametrize(
    ("log10_p", "words"),
    [(-0.5, "32 in 100"), (-3, "1 in 1,000"), (-6, "1 in 1,000,000"), (-83.2, "1 in 10^83")],
)
def test_a_chance_in_words(log10_p, words):
    assert chance(log10_p) == words
