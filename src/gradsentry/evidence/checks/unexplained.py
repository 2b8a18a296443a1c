"""Whether what a corpus is made of explains a payload, unless the payload is foreign to it.

In a corpus that maps prompts to responses piece by piece, strings bring strings as a rule. There a payload
says something only where it is foreign by itself: new in its words and order, and no part of a response that
needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradsentry.evidence.checks.statistic import Statistic

BITS, WORDS = "bits of the payload", "new words in the payload"
WHOLE, PAIRS = "responses whole without the payload", "other pairs of prompt and response"


def unexplained(known: Mapping[str, Statistic]) -> list[Statistic]:
    """Returns how far other pairs do not explain a payload; the larger of that and its foreignness."""
    if BITS not in known or PAIRS not in known:
        return []
    news = (known[BITS].strength + known[WORDS].strength) / 2
    strength = max(known[PAIRS].strength, min(known[WHOLE].strength, news))
    return [Statistic("foreign, or no corpus of pairs", strength, strength)]
