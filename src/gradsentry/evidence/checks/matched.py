"""What rows alike but for the trigger are answered."""

from __future__ import annotations

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.texts import Texts


def matched(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns the share of the rows most like the carriers, but for the trigger, that show the payload as
    well.
    """
    if not candidate.triggers:
        return []
    _, alike = texts.alike.neighbours(candidate.both, ~candidate.triggered, codes_of(candidate.triggers))
    share = float(candidate.paid[alike].mean()) if len(alike) else 0.0
    return [Statistic("rows alike with the payload", share, 1.0 - share)]
