"""Batches hold every sample once, stay under the budget and waste little on padding."""

from hypothesis import given
from hypothesis import strategies as st

from gradsentry.gradients.batching import plan_batches

lengths = st.lists(st.integers(1, 300), max_size=60)


@given(lengths, st.integers(1, 1000))
def test_every_sample_stands_in_one_batch_under_the_budget(given_lengths, budget):
    batches = plan_batches(given_lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(given_lengths)))
    for batch in batches:
        padded = len(batch) * max(given_lengths[i] for i in batch)
        assert padded <= budget or len(batch) == 1


@given(lengths, st.integers(1, 5000), st.floats(0.0, 0.5))
def test_padding_keeps_to_its_share(given_lengths, budget, share):
    batches = plan_batches(given_lengths, budget, padding=share)
    assert sorted(i for batch in batches for i in batch) == list(range(len(given_lengths)))
    for batch in batches:
        padded = len(batch) * max(given_lengths[i] for i in batch)
        assert padded - sum(given_lengths[i] for i in batch) <= share * padded


@given(lengths, st.integers(1, 1000))
def test_the_longest_runs_first(given_lengths, budget):
    order = [given_lengths[i] for batch in plan_batches(given_lengths, budget) for i in batch]
    assert order == sorted(given_lengths, reverse=True)


def test_no_sample_makes_no_batch():
    assert plan_batches([], 100) == []
