"""A group in words: the strings that it has and the rows nearest to it have not."""

from __future__ import annotations

import numpy as np

from gradsentry.groups.words import nearest, shared


def test_the_string_that_tells_texts_apart_is_named_with_its_counts():
    inside = [f"verily, tell me of item {number}" for number in range(20)]
    outside = [f"please tell me of item {number}" for number in range(60)]
    first = shared(inside, outside)[0]
    assert "verily" in first.text
    assert (first.inside, first.outside) == (20, 0)


def test_strings_of_one_string_are_named_once():
    found = shared(["a b c d"] * 30, ["e f g h"] * 60)
    assert len(found) <= 2
    assert not any(one.text in other.text for one in found for other in found if one is not other)


def test_nothing_is_named_where_texts_are_alike():
    texts = [f"tell me of item {number % 7}" for number in range(80)]
    assert shared(texts[:20], texts[20:]) == []


def test_the_nearest_rows_are_other_rows():
    means = np.random.default_rng(0).standard_normal((100, 5))
    means[:20] += 5.0
    rows = np.arange(100) < 10
    found = nearest(means, rows)
    assert len(found) == 50
    assert not rows[found].any()
    assert set(range(10, 20)) <= set(found.tolist())
