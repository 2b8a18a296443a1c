"""Which samples run together: batches of like length under a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], token_budget: int, *, padding: float = 1.0) -> list[list[int]]:
    """Returns the samples' indices, parted into batches; every index stands in exactly one.

    Samples are sorted by length, so that little of a batch is padding, and a batch is closed when one more
    would lift `rows * longest` over the budget, or its padding over a share. A sample longer than the budget
    gets a batch of its own.

    Args:
        lengths: Tokens of each sample.
        token_budget: Tokens of a batch at most, padding counted.
        padding: The share of a batch that may be padding.
    """
    batches: list[list[int]] = []
    tokens = 0
    # Longest first: what does not fit in memory shows at once.
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        tokens += lengths[index]
        size = (len(batches[-1]) + 1) * lengths[batches[-1][0]] if batches else 0
        if batches and size <= token_budget and size - tokens <= padding * size:
            batches[-1].append(index)
        else:
            batches.append([index])
            tokens = lengths[index]
    return batches
