"""Rows before they are indexed: copies once, and in an order of what they say."""

from hypothesis import given
from hypothesis import strategies as st

from evidence.poisoning import Row, sample
from gradsentry.evidence.index.rows import distinct_rows

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy")), min_size=1, max_size=12)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_same_rows_are_searched_in_the_same_order(said, draw):
    order = draw.sample(range(len(said)), len(said))
    searched = []
    for rows in (said, [said[place] for place in order]):
        samples = [sample(number, Row(*row)) for number, row in enumerate(rows)]
        first, copy_of = distinct_rows(samples)
        searched.append([rows[row] for row in first])
        assert len(set(searched[-1])) == len(first) == len(set(rows))
        assert [searched[-1][place] for place in copy_of] == rows
        assert all(rows.index(rows[row]) == row for row in first)
    assert searched[0] == searched[1]
