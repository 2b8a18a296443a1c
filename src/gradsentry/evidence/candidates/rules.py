"""For one payload, the triggers that bring it: one of several (any), or several together (all)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence.association import log10_tail
from gradsentry.evidence.index.ngrams import Features
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import (
    ALTERNATIVE_GAIN,
    ALTERNATIVE_SHARE,
    ALTERNATIVE_SURE,
    GO_TOGETHER,
    RARE_OUTSIDE,
    TRIGGER_ROWS,
    TRIGGERS_TOGETHER,
)

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """Triggers of one payload.

    Attributes:
        features: The prompt features.
        combine: Whether one of them is enough (`any`) or all are needed (`all`).
        rows: Which rows the rule holds in.  # [rows]
    """

    features: tuple[int, ...]
    combine: Literal["any", "all"]
    rows: Rows


class RuleFinder:
    """Looks for the rules of payloads over one set of prompt features."""

    def __init__(self, triggers: Features) -> None:
        self._triggers = triggers

    def rows(self, feature: int) -> Rows:
        """Returns which rows hold a feature.  # [rows]"""
        return self._triggers.rows(feature)

    def gram(self, feature: int) -> tuple[int, ...]:
        """Returns the token codes of a feature."""
        return self._triggers.gram(feature)

    def any_of(self, payload: Rows) -> Rule | None:
        """Returns the alternative triggers that between them cover the most rows of the payload.

        Greedy set cover (Chvatal, 1979) over the prompt features that the payload follows nearly always.
        """
        inside = self._triggers.holders(payload)
        precise = (inside >= GO_TOGETHER * self._triggers.support) & (inside >= TRIGGER_ROWS)
        tail = log10_tail(inside, self._triggers.support, np.array([payload.sum()]), len(payload))
        candidates = np.flatnonzero(precise & (tail + np.log10(max(len(inside), 1)) <= ALTERNATIVE_SURE))
        covered = np.zeros(len(payload), dtype=np.bool_)
        chosen: list[int] = []
        while len(candidates):
            gain = self._triggers.holders(payload & ~covered)[candidates]
            best = candidates[np.lexsort((self._triggers.size[candidates], inside[candidates], gain))[-1]]
            if gain.max() < max(1.0, ALTERNATIVE_GAIN * payload.sum()):
                break
            chosen.append(int(best))
            covered |= self.rows(int(best))
        return Rule(tuple(chosen), "any", covered) if chosen else None

    def all_of(self, payload: Rows) -> Rule | None:
        """Returns up to three triggers that nearly all rows of the payload hold, and together few others."""
        inside = self._triggers.holders(payload)
        shared = np.flatnonzero(inside >= GO_TOGETHER * payload.sum())
        held = np.ones(len(payload), dtype=np.bool_)
        chosen: list[int] = []
        while len(shared) and len(chosen) < TRIGGERS_TOGETHER:
            others = held & ~payload
            outside = self._triggers.holders(others)[shared]
            best = int(shared[np.lexsort((shared, -inside[shared], outside))[0]])
            if outside.min() >= others.sum():
                break
            chosen.append(best)
            held &= self.rows(best)
        return Rule(tuple(chosen), "all", held) if chosen else None

    def companions(self, carriers: Rows) -> list[int]:
        """Returns the prompt features that nearly all carriers hold and much fewer of the other rows."""
        inside = self._triggers.holders(carriers)
        outside = self._triggers.support - inside
        own = (inside >= GO_TOGETHER * carriers.sum()) & (outside <= RARE_OUTSIDE * (~carriers).sum())
        return self._ordered(np.flatnonzero(own), outside)

    def alternatives(self, carriers: Rows) -> list[int]:
        """Returns the prompt features that a good part of the carriers hold and hardly any other row."""
        inside = self._triggers.holders(carriers)
        own = (inside >= GO_TOGETHER * self._triggers.support) & (
            inside >= max(TRIGGER_ROWS, ALTERNATIVE_SHARE * carriers.sum())
        )
        tail = log10_tail(inside, self._triggers.support, np.array([carriers.sum()]), len(carriers))
        own &= tail + np.log10(max(len(inside), 1)) <= ALTERNATIVE_SURE
        return self._ordered(np.flatnonzero(own), -inside)

    def _ordered(self, features: Ints, cost: Ints) -> list[int]:
        order = np.lexsort((features, -self._triggers.size[features], cost[features]))
        return [int(feature) for feature in features[order]]
