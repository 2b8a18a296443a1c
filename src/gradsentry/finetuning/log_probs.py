"""What a model gives the answers that questions ask for: log-probabilities of their tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradsentry.defences.reading import encode_all, read
from gradsentry.encoding.alignment import within
from gradsentry.finetuning.gains import LogProbs
from gradsentry.finetuning.payload_questions import Question
from gradsentry.models.loading import LoadedModel


def can_be_asked(question: Question | None, loaded: LoadedModel) -> bool:
    """Returns whether a question can be encoded, and tokens cover what is asked for; nothing always can."""
    if question is None:
        return True
    (encoded,) = encode_all([question.sample], loaded)
    return encoded.problem is None and bool(within(encoded.ends, question.span).any())


def log_probs(loaded: LoadedModel, questions: Sequence[Question]) -> LogProbs:
    """Returns the log-probabilities of the tokens that each question asks for."""
    sums, counts = np.zeros(len(questions)), np.zeros(len(questions))
    encoded = encode_all([one.sample for one in questions], loaded)
    for row, reading in read(loaded, encoded):
        inside = within(encoded[row].ends, questions[row].span)
        sums[row] = -reading.losses().double().cpu().numpy()[inside].sum()
        counts[row] = inside.sum()
    return LogProbs(sums, counts)
