"""Why rows could not be read, in a line."""

from __future__ import annotations

import pytest

from gradsentry.corpus.unread import by_frequency, left_out


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
