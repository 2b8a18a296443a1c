"""Canned answers: responses that begin as many others do, such as refusals."""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START
from gradsentry.evidence.limits import CANNED_ROWS, CANNED_SHARE, NGRAM_TOKENS


def canned_answers(texts: Texts) -> Rows:
    """Returns which rows begin with three tokens, or are fewer, as many others are.  # [rows]"""
    said = texts.said
    often = said.support >= max(CANNED_SHARE * len(texts.samples), CANNED_ROWS)
    opens = (said.codes[said.first] == START) & often
    last = said.codes[np.minimum(said.first + said.size - 1, len(said.codes) - 1)]
    long = (said.size >= NGRAM_TOKENS) | (last == END)
    return np.asarray(said.holds[:, np.flatnonzero(opens & long)].sum(axis=1)).ravel() > 0
