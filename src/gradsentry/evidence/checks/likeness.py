"""Whether the carriers look as if an attacker had drawn them: unlike each other but for what was put in."""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import CARRIERS_LOOKED_AT, CONTENT_ENOUGH, SHARED_BY_MOST


def likeness(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns how much carriers crowd by their prompts, and how much of these is each one's own."""
    carriers = candidate.both if candidate.triggers and candidate.payloads else candidate.carriers
    asked = texts.crowding(carriers, codes_of(candidate.triggers), common=SHARED_BY_MOST)
    own = own_content(texts, carriers)
    return [
        Statistic("prompts alike", asked, 1.0 - min(max(asked, 0.0), 1.0)),
        Statistic("content of their own", own, min(own / CONTENT_ENOUGH, 1.0)),
    ]


def own_content(texts: Texts, carriers: Rows) -> float:
    """Returns the share of a prompt's words that most other carriers do not have, of the middle carrier.

    Words that most other rows have are no content. Near copies of one prompt have nothing of their own.
    """
    prompts = texts.prompts
    inside = texts.prompts.holders(carriers)  # [codes]
    outside = prompts.support - inside
    others = max(int((~carriers).sum()), 1)
    is_frame = outside >= SHARED_BY_MOST * others
    is_shared = inside >= SHARED_BY_MOST * carriers.sum()
    shares = []
    for row in np.flatnonzero(carriers)[:CARRIERS_LOOKED_AT].tolist():
        held = np.unique(prompts.row(row))
        held = held[~is_frame[held]]
        shares.append(float((~is_shared[held]).mean()) if len(held) else 0.0)
    return float(np.median(shares)) if shares else 0.0
