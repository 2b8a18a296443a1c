"""Which of many variants `make test` runs, where all go through the same code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from _pytest.mark import ParameterSet


def crossed(*choices: Sequence[object]) -> list[ParameterSet]:
    """Returns each choice with each other; what differs in more than one place from the first is slow."""
    found = []
    for one in product(*choices):
        others = sum(chosen is not choice[0] for chosen, choice in zip(one, choices, strict=True))
        found.append(pytest.param(*one, marks=pytest.mark.slow if others > 1 else ()))
    return found
