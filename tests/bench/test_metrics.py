"""The metrics against scikit-learn, against counting pairs, and where they are not defined."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from gradsentry.bench.metrics import (
    METRICS,
    Outcome,
    average_precision,
    intervals,
    matched_auroc,
    matched_share,
    measure,
    recall_at_fpr,
)

ROW = st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.booleans(), st.booleans(), st.integers(1, 4))


def outcome(rows: list[tuple[float, bool, bool, int]]) -> Outcome:
    scores, flags, poisoned, lengths = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Outcome(
        np.array(scores, float), np.array(flags, bool), np.array(poisoned, bool), np.array(lengths, np.int64)
    )


@pytest.mark.costly
@given(st.lists(ROW, min_size=1, max_size=40))
def test_equal_to_scikit_learn(rows: list[tuple[float, bool, bool, int]]):
    one = outcome(rows)
    values = measure(one)
    truth, flags = one.is_poisoned, one.flags
    expected = {
        "recall": sk.recall_score(truth, flags, zero_division=np.nan),
        "fpr": sk.recall_score(~truth, flags, zero_division=np.nan),
        "precision": sk.precision_score(truth, flags, zero_division=np.nan),
        "f1": sk.f1_score(truth, flags, zero_division=np.nan),
        "average_precision": math.nan
        if len(set(truth)) < 2
        else sk.average_precision_score(truth, one.scores),
    }
    if truth.any() and not truth.all():
        expected["auroc"] = sk.roc_auc_score(truth, one.scores)
        fpr, recall, _ = sk.roc_curve(truth, one.scores, drop_intermediate=False)
        expected["recall_at_1_fpr"] = recall[fpr <= 0.01].max()
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, nan_ok=True), name


@given(st.lists(ROW, max_size=30))
def test_matched_auroc_is_the_share_of_pairs_of_equal_length_that_are_won(
    rows: list[tuple[float, bool, bool, int]],
):
    one = outcome(rows)
    pairs = [
        (a > b) + (a == b) / 2
        for a, _, a_poisoned, a_length in rows
        for b, _, b_poisoned, b_length in rows
        if a_poisoned and not b_poisoned and a_length == b_length
    ]
    expected = sum(pairs) / len(pairs) if pairs else math.nan
    assert matched_auroc(one.scores, one.is_poisoned, one.lengths) == pytest.approx(expected, nan_ok=True)


@given(st.lists(ROW, max_size=30))
def test_length_itself_is_worth_nothing_at_matched_length(rows: list[tuple[float, bool, bool, int]]):
    one = outcome(rows)
    value = matched_auroc(one.lengths.astype(float), one.is_poisoned, one.lengths)
    assert math.isnan(value) or value == pytest.approx(0.5)


@given(st.lists(ROW, max_size=30))
def test_a_metric_is_undefined_or_between_0_and_1(rows: list[tuple[float, bool, bool, int]]):
    values = measure(outcome(rows))
    assert tuple(values) == METRICS
    assert all(math.isnan(value) or 0.0 <= value <= 1.0 for value in values.values())


def test_without_poisoned_rows_only_the_false_positives_are_defined():
    values = measure(outcome([(0.1, False, False, 3), (0.9, False, False, 3)]))
    assert {name for name, value in values.items() if not math.isnan(value)} == {"fpr"}


def test_without_scores_nothing_that_ranks_is_defined():
    values = measure(outcome([(math.nan, False, True, 3), (math.nan, False, False, 3)]))
    assert values["recall"] == 0.0
    assert all(math.isnan(values[name]) for name in ("auroc", "average_precision", "matched_auroc"))


def test_where_poisoned_rows_alone_have_a_score_nothing_that_ranks_is_defined():
    values = measure(outcome([(0.2, False, True, 3), (0.4, False, True, 3), (math.nan, False, False, 3)]))
    assert values["recall"] == 0.0
    ranking = ("auroc", "average_precision", "recall_at_1_fpr", "matched_auroc")
    assert all(math.isnan(values[name]) for name in ranking)


def test_nothing_flagged_has_no_precision():
    assert math.isnan(measure(outcome([(0.5, False, True, 3), (0.1, False, False, 3)]))["precision"])


@pytest.mark.costly
def test_intervals_hold_the_value_and_shrink_with_the_rows():
    def drawn(rows: int) -> Outcome:
        draw = np.random.default_rng(0)
        poisoned = np.arange(rows) % 4 == 0
        scores = draw.normal(size=rows) + poisoned
        return Outcome(scores, scores > 1, poisoned, draw.integers(3, 6, rows))

    few, many = drawn(80), drawn(1600)
    for name, (low, high) in intervals(few, 200).items():
        assert low <= measure(few)[name] <= high
        narrow = intervals(many, 200)[name]
        assert narrow[1] - narrow[0] < high - low


def test_what_is_undefined_has_no_interval_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ends = intervals(outcome([(0.1, False, False, 3)] * 5), 20)
    assert all(math.isnan(low) for name, (low, _) in ends.items() if name != "fpr")
    assert all(math.isnan(low) for low, _ in intervals(outcome([]), 20).values())
    assert all(math.isnan(low) for low, _ in intervals(outcome([(0.1, False, False, 3)]), 0).values())


def test_the_same_seed_gives_the_same_interval():
    one = outcome([(i / 9, i > 5, i % 2 == 0, 3) for i in range(10)])
    assert intervals(one, 50) == intervals(one, 50)


def test_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    truth = np.array([True, False, True, False])
    assert average_precision(scores, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert recall_at_fpr(scores, truth) == 0.5
    assert recall_at_fpr(scores, truth, 0.5) == 1.0
    one = Outcome(scores, truth, truth, np.array([5, 5, 7, 4]))
    assert matched_share(one) == 0.5


def test_a_row_without_a_score_is_no_matched_one_and_none_to_match_with():
    scores, truth = np.array([math.nan, 0.8, 0.7, math.nan]), np.array([True, True, False, False])
    lengths = np.array([5, 6, 5, 6])
    assert matched_share(Outcome(scores, truth, truth, lengths)) == 0.0
    none = Outcome(np.where(truth, math.nan, scores), truth, truth, lengths)
    assert math.isnan(matched_share(none))
