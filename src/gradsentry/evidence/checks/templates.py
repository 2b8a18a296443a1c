"""Whether rows were filled into one template, which is why they are answered alike.

An attacker's carriers are rows of all kinds: what they share is what was put in. Rows of one template share
other strings as well, which hardly another row has and which their sentences need.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, Rows, grown, outside_frame, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import NATIVE, TEMPLATE_STRAY, TEMPLATE_TRIED


def of_one_template(texts: Texts, carriers: Rows, triggers: Sequence[Gram]) -> bool:
    """Returns whether all carriers share a string beside the triggers that is their own and native."""
    known = codes_of(triggers)
    held = texts.asked.holders(carriers)
    stray = texts.asked.support - held
    own = np.flatnonzero((held == carriers.sum()) & (stray <= TEMPLATE_STRAY * (~carriers).sum()))
    grams = [gram for gram in map(texts.asked.gram, own.tolist()) if known.isdisjoint(gram)]
    return any(_is_native(texts, gram, carriers) for gram in grams[:TEMPLATE_TRIED])


def _is_native(texts: Texts, gram: Gram, carriers: Rows) -> bool:
    """Returns whether its sentences need a string, whether or not the signs beside it went in with it."""
    around = outside_frame(texts.prompts, unmarked(grown(texts.prompts, gram, carriers)), ~carriers)
    return all(texts.context.foreignness([one], carriers) < NATIVE for one in (gram, *around))
