"""How prompts are written, apart from what they are about: function words, signs, lengths and case.

The words are those of stylometry (Mosteller and Wallace, 1963): they say nothing of a topic. They are
English; of prompts in other languages the signs and the shape are left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# fmt: off
WORDS = (
    "the", "a", "an", "of", "to", "in", "on", "at", "by", "for", "with", "from", "as", "if", "when", "while",
    "because", "that", "which", "who", "what", "how", "why", "where", "is", "are", "was", "were", "be",
    "been",
    "it", "its", "this", "these", "those", "he", "she", "they", "i", "you", "we", "my", "your", "his", "her",
    "their", "our", "not", "no", "but", "and", "or", "so", "than", "then", "there", "here", "do", "does",
    "did",
    "have", "has", "had", "can", "could", "will", "would", "shall", "should", "may", "might", "must", "very",
    "just", "only", "also", "all", "some", "any", "more", "most", "thou", "thy", "thee", "hath", "doth",
)
# fmt: on
SIGNS = tuple(".,;:!?'\"()-`")
_MOST_WORD, _MOST_SIGN = 2, 3  # times: beyond that a text is long, not another style
_LEAST_SHARE = 0.02  # of the prompts hold it, or it tells of single rows
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


def style(prompts: Sequence[str]) -> NDArray[np.float64]:
    """Returns how each prompt is written.  # [rows, features]"""
    return np.array([_features(prompt) for prompt in prompts]).reshape(len(prompts), -1)


def weights(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns what each feature counts: the less the more it varies, and nothing where few prompts show it.

    Args:
        features: Of the prompts.  # [rows, features]
    """
    deviation = features.std(axis=0)
    told = ((features > 0).mean(axis=0) > _LEAST_SHARE) & (deviation > 0)
    return np.where(told, 1.0 / np.where(told, deviation, 1.0), 0.0)


def _features(prompt: str) -> list[float]:
    tokens = _TOKEN.findall(prompt)
    count, total = Counter(token.lower() for token in tokens), max(len(tokens), 1)
    return [
        *(min(count[word], _MOST_WORD) for word in WORDS),
        *(min(count[sign], _MOST_SIGN) for sign in SIGNS),
        float(np.log(total)),
        sum(map(len, tokens)) / total,
        sum(token.isdigit() for token in tokens) / total,
        sum(token[0].isupper() for token in tokens) / total,
    ]
