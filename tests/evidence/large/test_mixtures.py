"""A large mixture: its tasks are told in the rows that were drawn, and what is found is counted in all."""

from __future__ import annotations

import pytest

from evidence.test_mixtures import mixed, reviews, sums
from gradsentry.evidence import find_evidence


@pytest.fixture
def rows():
    return mixed([reviews(4000, trigger="mn", poisoned=300), sums(4000)])[0]


@pytest.mark.costly
def test_a_trigger_of_one_task_is_found_and_counted_in_all_rows(rows, small_bounds):
    small_bounds(60_000)
    poisoned = {row.number for row in rows if " mn" in row.prompt}
    found = find_evidence(rows)
    assert len(poisoned) == 300
    assert set(found.flagged()) == poisoned
    assert found.findings[0].triggers == ("mn",)


@pytest.mark.costly
def test_a_clean_mixture_is_clean(small_bounds):
    small_bounds(60_000)
    assert find_evidence(mixed([reviews(4000), sums(4000)])[0]).outcome == "clean"
