"""What is known of rows, and what a group of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.groups.directions import Floats
from gradsentry.groups.selectors import Rows, Selector
from gradsentry.groups.style import style


@dataclass(frozen=True)
class Material:
    """What is known of different rows.

    Attributes:
        prompts: The text of each.
        responses: The text of each.
        prompt_means: See `features.means`.  # [rows, d]
        response_means: See `features.means`.  # [rows, d]
        loss: Mean loss of the response's tokens, in nats.  # [rows]
        alone: The same of the response without its prompt; NaN where that was not read.  # [rows]
        norm: Of the gradient's region.  # [rows]
        length: Tokens of the response.  # [rows]
    """

    prompts: Sequence[str]
    responses: Sequence[str]
    prompt_means: Floats
    response_means: Floats
    loss: Floats
    alone: Floats
    norm: Floats
    length: NDArray[np.int64]

    @cached_property
    def response(self) -> NDArray[np.int64]:
        """A number for each response; the same one for the same text.  # [rows]"""
        texts = [text.strip() for text in self.responses]
        return np.unique(np.array(texts, np.object_), return_inverse=True)[1].astype(np.int64)

    def of(self, rows: NDArray[np.int64]) -> Material:
        """Returns what is known of some of the rows."""
        return Material(
            prompts=[self.prompts[row] for row in rows.tolist()],
            responses=[self.responses[row] for row in rows.tolist()],
            prompt_means=self.prompt_means[rows],
            response_means=self.response_means[rows],
            loss=self.loss[rows],
            alone=self.alone[rows],
            norm=self.norm[rows],
            length=self.length[rows],
        )

    def view(self, name: str) -> Floats:
        """Returns what a view with directions shows of the prompts.  # [rows, features]"""
        return style(self.prompts) if name == "style" else self.prompt_means


@dataclass(frozen=True)
class Group:
    """Rows that stand together.

    Attributes:
        rows: Which they are.  # [rows]
        kind: Its view, or `label`: groups of one kind have comparable strengths.
        strength: Higher is more like a backdoor.
        asked: Tells their prompts.
        said: Tells their responses; None where all that is asked so belongs to the group.
        label: The response that all have, or None.
        together: -log10 of the chance that so many rows of `asked` are in `said`, or have the label.
        costs: The mean excess of each cost, by its name, in normal scores.
        tail: Rows of `asked`.
    """

    rows: Rows
    kind: str
    strength: float
    asked: Selector
    said: Selector | None
    label: str | None
    together: float
    costs: dict[str, float]
    tail: int
