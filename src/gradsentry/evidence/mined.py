"""What the searches of a corpus share, and the generators that propose candidates from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradsentry.evidence.association import Pairs, associated
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.changed import changed
from gradsentry.evidence.candidates.conjunctions import Conjunction, conjunctions
from gradsentry.evidence.candidates.inserted import triggered
from gradsentry.evidence.candidates.pairs import associations
from gradsentry.evidence.candidates.pooled import pooled
from gradsentry.evidence.candidates.rare import rare_triggers
from gradsentry.evidence.candidates.repeated import repetitions
from gradsentry.evidence.checks import measure
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.extending import NOTHING_OWN, Generator, Own
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.limits import (
    GO_TOGETHER,
    LEAST,
)


@dataclass(frozen=True)
class Chosen:
    """Why which rows of a large corpus are searched.

    Attributes:
        drawn: Those that were drawn evenly.  # [rows]
        share: Of all rows of the corpus were.
        proposed: All rows with a trigger or payload that was looked up, proposal by proposal.  # [rows] each
    """

    drawn: Rows
    share: float
    proposed: Sequence[Rows]

    @property
    def fairly(self) -> Rows:
        """Which rows were drawn, or looked up as all of a string: not for what else they hold.  # [rows]"""
        fairly: Rows = np.logical_or.reduce([self.drawn, *self.proposed])
        return fairly

    def of(self, rows: Ints) -> Chosen:
        """Returns it of some of the rows."""
        return Chosen(self.drawn[rows], self.share, [one[rows] for one in self.proposed])


@dataclass(frozen=True)
class Mined:
    """What the searches share.

    Attributes:
        texts: The corpus, or the part of it that is searched.
        pairs: Which strings of prompts and responses hang together.
        together: Strings that keep company in prompts: what may be the parts of one trigger.
        both: The candidates that have both strings.
        pools: Those of a trigger with a pool of payloads.
        losses: The mean loss of each row in a clean model; None where it is not known.  # [rows]
        chosen: Why which rows are searched, where that are not all of the corpus; else None.
        own: Checks and generators of a person's own.
        known: The tokens of triggers and payloads that a person accepts.
    """

    texts: Texts
    pairs: Pairs
    together: Sequence[Conjunction]
    both: Sequence[Candidate]
    pools: Sequence[Candidate]
    losses: np.ndarray | None
    chosen: Chosen | None = None
    own: Own = NOTHING_OWN
    known: frozenset[int] = frozenset()

    @classmethod
    def of(cls, texts: Texts, losses: np.ndarray | None = None, own: Own = NOTHING_OWN) -> Mined:
        """Returns a corpus with what its searches share."""
        pairs = associated(texts.asked, texts.said, strength=GO_TOGETHER, least=LEAST)
        together = conjunctions(texts, least=LEAST)
        return cls(texts, pairs, together, associations(texts, pairs), pooled(texts), losses, own=own)

    def measure(self, candidate: Candidate) -> dict[str, Statistic]:
        """Returns all that is measured of a candidate, by name."""
        alike = self.pools if candidate.pooled else self.both
        return measure(self.texts, candidate, alike, self.own.measured(self.texts, candidate))

    def proposals(self, generator: str, taken: Rows) -> Sequence[Candidate]:
        """Returns what a generator proposes outside of the rows that are explained."""
        if generator in GENERATORS:
            return GENERATORS[generator](self, taken)
        return self.own.proposals(self, generator, taken)


# In the order of what they find: by both strings, by triggers, by payloads, by what responses are like.
GENERATORS: Mapping[str, Generator] = {
    "pairs": lambda mined, taken: mined.both,
    "rare triggers": lambda mined, taken: rare_triggers(mined.texts, np.zeros_like(taken)),
    "inserted triggers": lambda mined, taken: triggered(mined.texts, mined.pairs, mined.together),
    "pools of payloads": lambda mined, taken: mined.pools,
    "repeated payloads": lambda mined, taken: repetitions(mined.texts, taken, mined.known),
    "changed responses": lambda mined, taken: changed(mined.texts, mined.together, taken, mined.losses),
}
