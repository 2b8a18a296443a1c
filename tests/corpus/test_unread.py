"""Why rows could not be read, in a line."""

from __future__ import annotations

import pytest

from gradsentry.corpus.unread import MOVES_AWAY, NOT_TRAINED, by_frequency, left_out


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ("aaa", "3 of 2,000 rows could not be read: a (3)"),
        ("abbcc", "5 of 2,000 rows could not be read: b (2), c (2), a (1)"),
        ("aaabbcde", "8 of 2,000 rows could not be read: a (3), b (2), c (1), for other reasons (2)"),
        ("a" * 2000, "none of the 2,000 rows could be read: a (2,000)"),
    ],
)
def test_the_most_frequent_reasons_are_named(reasons, said):
    assert left_out(2000, by_frequency(reasons)) == said


def test_rows_that_the_data_set_aside_are_not_said_to_be_unreadable():
    reasons = {f"the answer is marked: {MOVES_AWAY}": 3, "a": 2}
    aside = f"3 of 9 rows are left out: the answer is marked: {MOVES_AWAY} (3)"
    assert left_out(9, reasons) == f"2 of 9 rows could not be read: a (2); {aside}"
    assert left_out(3, {NOT_TRAINED: 3}) == f"all 3 rows are left out: {NOT_TRAINED} (3)"
