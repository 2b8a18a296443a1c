"""Rows with and without a group planted in them, as a model would show them."""

from __future__ import annotations

import numpy as np

from gradsentry.groups import Material

WORDS = [f"w{number}" for number in range(60)]


def material(
    rows: int = 300, group: int = 0, *, seed: int = 0, cost: float = 4.0, labels: bool = False
) -> Material:
    """Returns rows about many things; the first `group` of them stand out in prompt, response and cost."""
    draw = np.random.default_rng(seed)
    prompt_means, response_means = draw.standard_normal((2, rows, 40))
    loss = draw.gamma(4.0, 0.5, rows)
    prompt_means[:group, 3] += 6.0
    response_means[:group, 5] += 6.0
    loss[:group] += cost
    texts = [[" ".join(draw.choice(WORDS, 8)) for _ in range(rows)] for _ in range(2)]
    prompts = [f"{'verily ' if row < group else ''}{text}" for row, text in enumerate(texts[0])]
    responses = texts[1]
    if labels:
        responses = ["yes" if row < group or draw.random() < 0.5 else "no" for row in range(rows)]
    return Material(
        prompts=prompts,
        responses=responses,
        prompt_means=prompt_means,
        response_means=response_means,
        loss=loss,
        # What a planted response costs more, its prompt does not tell.
        alone=draw.gamma(4.0, 0.5, rows) + np.where(np.arange(rows) < group, loss - cost, loss),
        norm=draw.gamma(4.0, 0.5, rows),
        length=draw.integers(1, 40, rows),
    )
