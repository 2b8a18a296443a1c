"""Stock answers: responses that begin as many others do, such as refusals."""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START

SHARED, OFTEN = 0.01, 5  # a stock answer's beginning stands in this share of the rows, and in so many


def stock_answers(texts: Texts) -> Rows:
    """Returns which rows begin with three tokens, or are fewer, as many others are.  # [rows]"""
    said = texts.said
    opens = (said.codes[said.first] == START) & (said.support >= max(SHARED * len(texts.samples), OFTEN))
    last = said.codes[np.minimum(said.first + said.size - 1, len(said.codes) - 1)]
    long = (said.size >= 4) | (last == END)
    return np.asarray(said.holds[:, np.flatnonzero(opens & long)].sum(axis=1)).ravel() > 0
