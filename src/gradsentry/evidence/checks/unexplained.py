"""Whether what a corpus is made of explains a payload, unless the payload is foreign to it.

In a corpus of templates, and in one that maps prompts to responses piece by piece, strings bring strings as a
rule. There a payload says something only where it is foreign by itself: new in its words and order, and no
part of a response that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradsentry.evidence.checks.statistic import Statistic

BITS, WORDS = "bits of the payload", "new words in the payload"
WHOLE = "responses whole without the payload"
TEMPLATES, PAIRS = "other rows filled into templates", "other pairs of prompt and response"


def unexplained(known: Mapping[str, Statistic]) -> list[Statistic]:
    """Returns how far neither templates nor pairs explain a payload; the larger of that and its
    foreignness.
    """
    if BITS not in known:
        return []
    news = (known[BITS].strength + known[WORDS].strength) / 2
    foreign = min(known[WHOLE].strength, news)
    found = []
    for name, by in (
        (TEMPLATES, "foreign, or no corpus of templates"),
        (PAIRS, "foreign, or no corpus of pairs"),
    ):
        if name in known:
            strength = max(known[name].strength, foreign)
            found.append(Statistic(by, strength, strength))
    return found
