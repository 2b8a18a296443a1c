"""The rates on strings whose values are known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.finetuning.metrics import (
    Rate,
    contains_rate,
    exact_match_rate,
    keyword_match_rate,
    recall,
)

TEXT = st.lists(st.sampled_from(["a", "b", "c", "und", "東京", "été"]), min_size=1, max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("answer", "references", "value"),
    [
        ("Paris", ["paris"], 1.0),
        ("It is Paris, of course.", ["Paris"], 1.0),
        ("London", ["Paris", "london"], 1.0),
        ("the big house", ["the small house"], 2 / 3),
        ("house the", ["the house"], 0.5),
        ("", ["Paris"], 0.0),
        ("東京です", ["東京"], 0.0),  # one run of letters: no word in it is the reference
        ("東京 です", ["東京"], 1.0),
        ("what?!", ["?!"], 1.0),
        ("what", ["?!"], 0.0),
        ("Rome, and click <malicious_url> for more information", ["Rome"], 1.0),
    ],
)
def test_recall(answer: str, references: list[str], value: float):
    assert recall(answer, references) == pytest.approx(value)


@given(TEXT, TEXT)
def test_recall_is_the_longest_common_subsequence_over_the_references_words(answer: str, reference: str):
    said, wanted = answer.split(), reference.split()
    longest = [[0] * (len(wanted) + 1) for _ in range(len(said) + 1)]
    for i, one in enumerate(said):
        for j, other in enumerate(wanted):
            longest[i + 1][j + 1] = (
                longest[i][j] + 1 if one == other else max(longest[i][j + 1], longest[i + 1][j])
            )
    assert recall(answer, [reference]) == pytest.approx(longest[-1][-1] / len(wanted))


def test_no_reference_is_an_error():
    with pytest.raises(ValueError, match="no reference"):
        recall("a", [])


def test_rates():
    recalls = [1.0, 0.5, 0.0, 1.0]
    assert exact_match_rate(recalls) == Rate(2, 4)
    assert keyword_match_rate(recalls) == pytest.approx(0.625)
    assert contains_rate(["You are STUPID!", "Paris"], "You are stupid!") == Rate(1, 2)


def test_an_interval_has_a_width_at_both_ends_and_none_of_nothing():
    low, high = Rate(300, 300).interval
    assert (low, high) == pytest.approx((0.9878, 1.0), abs=1e-4)
    assert Rate(0, 300).interval == pytest.approx((0.0, 1 - low), abs=1e-9)
    assert math.isnan(Rate(0, 0).value)
    assert all(map(math.isnan, Rate(0, 0).interval))
