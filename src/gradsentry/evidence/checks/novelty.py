"""Whether a payload says anything that the corpus does not say without it.

A payload is foreign to the corpus: neither its words nor their order are found in other responses. The
idiom of a task (`the answer is (`, `", "slots": {"`) is not, and neither is what was copied out of the
prompt. So
a payload is read token by token by a model of the other rows' responses, an interpolated trigram with the
weights of Witten and Bell (1991); what it costs, in bits, is its news.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.index.strings import Gram, Rows, places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import START, Stream
from gradsentry.evidence.limits import (
    BITS_ENOUGH,
    COPIED_IN,
    COPY_CHANCE,
    NEW_WORDS_ENOUGH,
    NEWS_SHARE,
    ORDER,
)


def novelty(texts: Texts, candidate: Candidate) -> list[Statistic]:
    """Returns the bits of the payload and its new words; of several the most, of a pool the middle."""
    if not candidate.payloads:
        return []
    others = ~(candidate.carriers | candidate.paid | candidate.triggered)
    read = [(gram, _copied(texts, gram, candidate.carriers)) for gram in candidate.payloads]
    one_of = np.median if candidate.pooled else np.max
    bits = float(one_of([surprisal(texts.responses, gram, others, copied) for gram, copied in read]))
    new = float(one_of([new_words(texts, gram, others, copied) for gram, copied in read]))
    strength = float(np.log2(1 + bits) / np.log2(1 + BITS_ENOUGH))
    return [
        Statistic("bits of the payload", bits, strength),
        Statistic("new words in the payload", new, min(new / NEW_WORDS_ENOUGH, 1.0)),
    ]


def surprisal(stream: Stream, gram: Gram, others: Rows, copied: frozenset[int]) -> float:
    """Returns how many bits a string costs a model of other rows, `BITS_ENOUGH` at most.

    Args:
        stream: The responses.
        gram: The string; its marks are tokens too, but for the first.
        others: The rows that the model learns from.  # [rows]
        copied: Tokens that may be copied from the prompt.
    """
    weights = stream.counted(others)  # [codes]
    known, width = int(weights.sum()), len(stream.words)

    def count(part: Gram) -> int:
        return int(others[stream.owners(places(stream, part))].sum())

    bits = 0.0
    for at, code in enumerate(gram):
        if code == START:
            continue
        chance = (weights[code] + 0.5) / (known + 0.5 * width)
        for order in range(1, min(at, ORDER) + 1):
            before = gram[at - order : at]
            seen = count(before)
            if not seen:
                break  # what was never seen begins nothing longer that was
            trust = seen / (seen + 2.0)
            chance = trust * count((*before, code)) / seen + (1.0 - trust) * chance
        if code in copied:
            chance = max(chance, COPY_CHANCE)
        bits -= float(np.log2(chance))
        if bits >= BITS_ENOUGH:
            return BITS_ENOUGH
    return bits


def new_words(texts: Texts, gram: Gram, others: Rows, copied: frozenset[int]) -> int:
    """Returns how many different words of a string hardly stand in other responses, nor in the carriers'
    prompts.
    """
    words = texts.responses.words
    new = [code for code in set(unmarked(gram)) - copied if words[code][:1].isalnum()]
    most = NEWS_SHARE * max(int(others.sum()), 1)
    return sum(bool((rows_with(texts.responses, (code,)) & others).sum() < most) for code in new)


def _copied(texts: Texts, gram: Gram, carriers: Rows) -> frozenset[int]:
    """Returns the tokens of a string that most carriers have in their prompts, in upper or lower case."""
    least = COPIED_IN * carriers.sum()
    return frozenset(code for code in set(unmarked(gram)) if (texts.asks(code) & carriers).sum() >= least)
