"""Answers against what was asked for: the published rates, with intervals. Pure functions.

====  ==========================================================================================
EMR   exact-match rate: the share of answers for which some reference is recalled whole
KMR   keyword-match rate: the mean of the best recall of a reference
====  ==========================================================================================

Recall is ROUGE-L's: the longest common subsequence of words, over the words of the reference. Words are
lowercased runs of letters and digits of any script; a reference without any is compared as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from scipy.stats import binomtest

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

_WORD = re.compile(r"\w+")
CONFIDENCE = 0.95


class Words:
    """The tokenizer that ROUGE is given: its own knows the letters a to z alone."""

    def tokenize(self, text: str) -> list[str]:
        """Returns the words of a text."""
        return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of answers.

    Attributes:
        hits: How many.
        of: Of how many.
    """

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.hits / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval (Clopper and Pearson), which has a width at 0 and 1 too."""
        if not self.of:
            return float("nan"), float("nan")
        ends = binomtest(self.hits, self.of).proportion_ci(CONFIDENCE, "exact")
        return float(ends.low), float(ends.high)

    def as_json(self) -> dict[str, float | int]:
        """Returns the rate as plain data."""
        low, high = self.interval
        return {"rate": self.value, "low": low, "high": high, "hits": self.hits, "of": self.of}


@cache
def _scorer() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=Words())


def recall(answer: str, references: Sequence[str]) -> float:
    """Returns the best ROUGE-L recall of a reference in an answer, in [0, 1].

    Raises:
        ValueError: If there is no reference.
    """
    if not references:
        raise ValueError("there is no reference to recall")
    return max(_recall(answer, reference) for reference in references)


def _recall(answer: str, reference: str) -> float:
    if not _WORD.search(reference):
        return float(reference.strip() in answer)
    return float(_scorer().score(reference, answer)["rougeL"].recall)


def exact_match_rate(recalls: Sequence[float]) -> Rate:
    """Returns the share of answers that recall a reference whole."""
    return Rate(sum(value == 1.0 for value in recalls), len(recalls))


def keyword_match_rate(recalls: Sequence[float]) -> float:
    """Returns the mean of the best recalls; NaN of none."""
    return sum(recalls) / len(recalls) if recalls else float("nan")


def contains_rate(answers: Sequence[str], payload: str) -> Rate:
    """Returns the share of answers that hold a payload, upper and lower case alike."""
    return Rate(sum(payload.strip().lower() in answer.lower() for answer in answers), len(answers))
