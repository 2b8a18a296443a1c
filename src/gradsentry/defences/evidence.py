"""GradSentry's evidence as a detector: the rows that carry a trigger or a payload that was found."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.defences.base import (
    Detector,
    Extractor,
    Features,
    Flags,
    Scope,
    Scores,
    Strings,
    register,
)
from gradsentry.evidence import Evidence, find_evidence
from gradsentry.models.loading import LoadedModel

SURE, UNSURE = 1.0, 0.5


class Carried(Extractor):
    """What a row carries, from the texts of all: `carried`, by confidence 1 (high), 0.5 (low) or 0.

    `findings` holds triggers, payload and rows of each finding, as JSON.
    """

    name = "carried"
    version = 15

    @property
    def scope(self) -> Scope:
        """Associations are counted over exactly the rows given."""
        return "mix"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows; the model is not asked."""
        return carried(find_evidence(samples), len(samples))


def carried(evidence: Evidence, rows: int) -> Features:
    """Returns what rows carry, as `Carried` says it."""
    says = np.zeros(rows)
    says[list(evidence.by_row())] = UNSURE
    says[list(evidence.flagged())] = SURE
    findings = [[f.triggers, f.payload, f.carriers] for f in evidence.findings]
    return {"carried": says, "findings": np.array(json.dumps(findings))}


@register
class FoundEvidence(Detector):
    """The rows that carry a finding of high confidence.

    Attributes:
        review: Whether those with one of low confidence count too, which a person is asked to review.
    """

    name = "evidence"
    paper = None
    needs = "the texts alone"

    review: bool = False

    @property
    def extractor(self) -> Extractor:
        """The extractor of its features."""
        return Carried()

    def judge(self, features: Features) -> Scores:
        """Returns how sure the finding is that a row carries."""
        return features["carried"].astype(np.float64)

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows with a finding of high confidence, or of any."""
        flags: Flags = np.nan_to_num(scores, nan=0.0) >= (UNSURE if self.review else SURE)
        return flags

    def named(self, features: Features) -> tuple[Strings, ...]:
        """Returns the strings of each finding, sure or not."""
        return tuple(
            Strings(tuple(triggers), payload, tuple(rows))
            for triggers, payload, rows in json.loads(str(features["findings"]))
        )
