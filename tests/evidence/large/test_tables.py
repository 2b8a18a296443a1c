from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.evidence.large.tables import Counts, Leaders, mixed

PARTS = st.lists(st.lists(st.integers(0, 40), max_size=60), max_size=5)


@given(PARTS, st.integers(3, 12))
def test_no_count_is_too_small_and_of_few_strings_each_is_exact(parts, bits):
    counts, truth = Counts(bits), Counter(value for part in parts for value in part)
    for part in parts:
        counts.add(hashed(part))
    values = sorted(truth)
    found = counts.of(hashed(values)).tolist()
    assert all(count >= truth[value] for count, value in zip(found, values, strict=True))
    roomy = Counts(20)
    for part in parts:
        roomy.add(hashed(part))
    assert roomy.of(hashed(values)).tolist() == [truth[value] for value in values]


def test_a_count_stops_at_the_most_that_a_cell_holds():
    counts = Counts(4)
    for _ in range(3):
        counts.add(hashed([7] * 40_000))
    assert counts.of(hashed([7])).tolist() == [65535]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_strings_have_as_many_leaders_in_common_as_rows(share):
    leaders, strings = Leaders(16), 300
    rows = np.arange(strings * 40).reshape(strings, 40)
    others = rows.copy()
    others[:, round(share * 40) :] += 10**6
    for number in range(strings):
        leaders.add(hashed([number] * 40), rows[number])
        leaders.add(hashed([number + strings] * 40), others[number])
    one, other = (leaders.of(hashed(range(first, first + strings))) for first in (0, strings))
    same = np.mean([a == b for a, b in zip(one, other, strict=True)])
    both = share * 40
    assert same == pytest.approx(both / (80 - both), abs=0.05)


def hashed(values):
    return mixed(np.array(list(values), dtype=np.uint64) + np.uint64(1))
