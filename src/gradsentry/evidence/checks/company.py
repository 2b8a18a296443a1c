"""How much of the same a corpus holds beside a candidate, and how much else the carriers have in common.

Where a word of the prompt brings a piece of the response as a rule, as in translations, SQL or extraction,
one more such pair is no news. And what an attacker put in is all that his carriers share; rows of one
template or
one task share more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, is_form_of
from gradsentry.evidence.limits import (
    ALIKE_ENOUGH,
    COMPANIONS_ENOUGH,
    LEXICON_ENOUGH,
    RARE_OUTSIDE,
    SAME_ROWS,
    SHARED_BY_ALL,
)


def company(texts: Texts, candidate: Candidate, pairs: Sequence[Candidate]) -> list[Statistic]:
    """Returns how many other pairs and words bring one another, and how much else all carriers share.

    Args:
        texts: The corpus.
        candidate: The candidate.
        pairs: The candidates of the corpus that have both strings.
    """
    rows = candidate.carriers
    others = [one for one in pairs if not _same(rows, one.carriers)]
    count = min(len(others), ALIKE_ENOUGH)
    asked, said = codes_of(candidate.triggers), codes_of(candidate.payloads)
    brings = min(texts.lexicon.share(asked, said), LEXICON_ENOUGH)
    found = [
        Statistic("other pairs of prompt and response", count, 1.0 - count / ALIKE_ENOUGH),
        Statistic("other words that bring a word", brings, 1.0 - brings / LEXICON_ENOUGH),
    ]
    if candidate.triggers:
        shared = min(companions(texts, candidate), COMPANIONS_ENOUGH)
        found.append(
            Statistic("other words that all carriers share", shared, 1.0 - shared / COMPANIONS_ENOUGH)
        )
    if candidate.triggers and candidate.payloads:
        repeated = repeats(texts, candidate)
        found.append(Statistic("forms of the trigger's words in the payload", repeated, 1.0 - repeated))
    return found


def companions(texts: Texts, candidate: Candidate) -> int:
    """Returns how many words nearly all carriers' prompts have that few others have, beside the triggers."""
    prompts, carriers = texts.prompts, candidate.both if candidate.payloads else candidate.triggered
    inside = prompts.holders(carriers)
    outside = prompts.support - inside
    shared = inside >= SHARED_BY_ALL * carriers.sum()
    shared &= outside <= RARE_OUTSIDE * (~carriers).sum()
    shared[[START, END, *codes_of(candidate.triggers)]] = False
    return int(shared.sum())


def repeats(texts: Texts, candidate: Candidate) -> float:
    """Returns the share of a trigger's words of which its payload says a form as well; of all the largest.

    A term and its translation, a name and what it stands for are alike as words are; what an attacker brings
    together is not.
    """
    words = texts.prompts.words
    said = {words[code] for gram in candidate.payloads for code in unmarked(gram)}
    shares = [0.0]
    for gram in candidate.triggers:
        own = {words[code] for code in unmarked(gram) if words[code][:1].isalnum()}
        held = [any(is_form_of(word, other) for other in said) for word in own]
        shares.append(float(np.mean(held)) if held else 0.0)
    return max(shares)


def _same(rows: np.ndarray, other: np.ndarray) -> bool:
    return bool((rows & other).sum() > SAME_ROWS * min(rows.sum(), other.sum()))
