"""Checks: each measures one thing of a candidate and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.association import association
from gradsentry.evidence.checks.company import company
from gradsentry.evidence.checks.expected import expected
from gradsentry.evidence.checks.filled import filled
from gradsentry.evidence.checks.insertion import insertion
from gradsentry.evidence.checks.likeness import likeness
from gradsentry.evidence.checks.matched import matched
from gradsentry.evidence.checks.novelty import novelty
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.checks.unexplained import unexplained
from gradsentry.evidence.index.texts import Texts

__all__ = ["Statistic", "measure"]

_CHECKS = (association, novelty, insertion, likeness, filled, matched, expected)


def measure(
    texts: Texts, candidate: Candidate, pairs: Sequence[Candidate], more: Sequence[Statistic] = ()
) -> dict[str, Statistic]:
    """Returns all that is measured of a candidate, by name.

    Args:
        texts: The corpus.
        candidate: The candidate.
        pairs: The candidates of the corpus that have both strings, this one among them or not.
        more: What checks of a person's own measured; ours of the same name goes before.
    """
    found = [*more, *(one for check in _CHECKS for one in check(texts, candidate))]
    known = {one.name: one for one in [*found, *company(texts, candidate, pairs)]}
    return known | {one.name: one for one in unexplained(known)}
