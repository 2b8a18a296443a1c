"""RFTC: responses unlike a reference model's, clustered by TF-IDF (arXiv 2505.23015).

Two steps. **Filter**: a reference model answers each prompt; the response is cut into sentences, and the row
is suspicious where one of them shares hardly a pair of words with that answer (the precision of 2-grams, as
in BLEU). **Cluster**: K-means on the TF-IDF vectors of the suspicious responses; responses that one payload
made lie close together, others far apart, so clusters with a small distance within are poison.

The paper's reference model is a weak one of the task; here it is the clean base model. How many clusters
there are, and from which distance on a cluster is poison, is ours: the count with the best silhouette, and
the widest gap between the clusters' distances, if it is wide.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import (
    Detector,
    Extractor,
    Features,
    Flags,
    MixExtractor,
    Paper,
    Scope,
    Scores,
    register,
)
from gradsentry.defences.clusters import flags_of
from gradsentry.settings import AnswerSettings

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLUSTERS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
_FEWEST = 3
"""Rows of a cluster; the distance within smaller ones is small for no reason."""

Vectors = NDArray[np.float64]
Labels = NDArray[np.integer]


class Correlation(Extractor):
    """What the reference model's answer has of a response: `precision`, of the sentence with the least.

    Attributes:
        max_new_tokens: Tokens of an answer at most.
    """

    name = "correlation"

    max_new_tokens: int = Field(default=64, ge=1)

    @property
    def scope(self) -> Scope:
        """The answer depends on the row alone."""
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        from gradsentry.answering import answers

        settings = AnswerSettings(max_new_tokens=self.max_new_tokens)
        precision = np.zeros(len(samples), np.float32)
        for batch in answers(loaded, samples, settings):
            for row, answer in batch:
                precision[row] = least_precision(samples[row].response, answer)
        return {"precision": precision}


class Compared(MixExtractor):
    """For RFTC: `precision`, and the `responses` of all rows as JSON, which are clustered.

    Attributes:
        max_new_tokens: Tokens of an answer at most.
    """

    name = "compared"

    max_new_tokens: int = Field(default=64, ge=1)

    @property
    def of(self) -> Correlation:
        """What the reference model's answers have of the responses."""
        return Correlation(max_new_tokens=self.max_new_tokens)

    def related(self, samples: Sequence[Sample], features: Features) -> Features:
        """Returns the features of rows, from their responses and what was read off each."""
        return {**features, "responses": np.array(json.dumps([sample.response for sample in samples]))}


def least_precision(response: str, answer: str) -> float:
    """Returns the 2-gram precision of the sentence of a response that has least in common with an answer.

    Sentences of one word have no 2-gram, and are compared by their word; a response without words has 1.
    """
    return min((_precision(_words(part), _words(answer)) for part in _sentences(response)), default=1.0)


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE.split(text) if _WORD.search(part)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _precision(words: Sequence[str], answer: Sequence[str]) -> float:
    size = min(2, len(words))
    said, known = (
        Counter(tuple(text[at : at + size]) for at in range(len(text) - size + 1)) for text in (words, answer)
    )
    return sum((said & known).values()) / said.total()


@register
class Rftc(Detector):
    """The suspicious rows in clusters whose responses lie close together.

    Attributes:
        precision: A row with a sentence of less is suspicious.
        gap: How much less the distance within a poisoned cluster must be than within the next one; distances
            of unit vectors from their middle lie in [0, 1].
        max_new_tokens: Tokens of the reference model's answer at most.
        seed: Of K-means.
    """

    name = "rftc"
    paper = Paper(
        "2505.23015",
        "Detecting Stealthy Backdoor Samples based on Intra-class Distance for Large Language Models",
    )
    needs = "an answer of a reference model to each prompt, and payloads in like words"

    precision: float = Field(default=0.1, gt=0.0, le=1.0)
    gap: float = Field(default=0.1, ge=0.0, le=1.0)
    max_new_tokens: int = Field(default=64, ge=1)
    seed: int = 0

    @property
    def extractor(self) -> Compared:
        """The extractor of its features."""
        return Compared(max_new_tokens=self.max_new_tokens)

    def judge(self, features: Features) -> Scores:
        """Returns for suspicious rows how tight their cluster is, and 1 more where it is poison; else 0."""
        suspicious = np.flatnonzero(features["precision"] < self.precision)
        scores = np.zeros(len(features["precision"]))
        responses: list[str] = json.loads(str(features["responses"]))
        vectors = _tf_idf([responses[row] for row in suspicious.tolist()])
        if len(vectors) <= _FEWEST:
            return scores
        labels = self._labels(vectors)
        distances = within(vectors, labels)
        poisoned = tight(distances, self.gap)
        for label, distance in distances.items():
            rows = suspicious[labels == label]
            scores[rows] = (1.0 - min(distance, 1.0)) * (1.0 - 1e-9) + (label in poisoned)
        return scores

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows of the tight clusters."""
        return flags_of(scores)

    def _labels(self, vectors: Vectors) -> Labels:
        """Returns the clusters of the count with the best silhouette."""
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score

        best: tuple[float, Labels] = (-np.inf, np.zeros(len(vectors), np.int64))
        distinct = len(np.unique(vectors, axis=0))
        for count in _CLUSTERS:
            if count >= min(distinct, len(vectors)):
                break
            labels = KMeans(count, n_init=4, random_state=self.seed).fit_predict(vectors)
            best = max(best, (float(silhouette_score(vectors, labels)), labels), key=lambda one: one[0])
        return best[1]


def _tf_idf(texts: Sequence[str]) -> Vectors:
    """Returns the vectors of texts, of length 1.  # [texts, words]"""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(_WORD.search(text) for text in texts):
        return np.zeros((0, 0))
    vectors: Vectors = TfidfVectorizer(token_pattern=_WORD.pattern).fit_transform(texts).toarray()
    return vectors


def within(vectors: Vectors, labels: Labels) -> dict[int, float]:
    """Returns the mean distance from the middle in each cluster of three rows or more."""
    found = {}
    for label in np.unique(labels).tolist():
        rows = vectors[labels == label]
        if len(rows) >= _FEWEST:
            found[label] = float(np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean())
    return found


def tight(distances: dict[int, float], gap: float) -> frozenset[int]:
    """Returns the clusters below the widest gap between the distances, if that is at least so wide."""
    order = sorted(distances, key=lambda label: distances[label])
    steps = np.diff([distances[label] for label in order])
    if not len(steps) or steps.max() < gap:
        return frozenset()
    return frozenset(order[: int(steps.argmax()) + 1])
