"""Which samples run together: batches of like length under a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Returns the samples' indices, parted into batches; every index stands in exactly one.

    Samples are sorted by length, so that little of a batch is padding, and a batch is closed when one more
    would lift `rows * longest` over the budget. A sample longer than the budget gets a batch of its own.

    Args:
        lengths: Tokens of each sample.
        token_budget: Tokens of a batch at most, padding counted.
    """
    batches: list[list[int]] = []
    # Longest first: what does not fit in memory shows at once.
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
