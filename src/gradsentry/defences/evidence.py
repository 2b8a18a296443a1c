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
from gradsentry.evidence import find_evidence
from gradsentry.models.loading import LoadedModel

_SURE, _UNSURE = 1.0, 0.5


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
        evidence = find_evidence(samples)
        carried = np.zeros(len(samples))
        carried[list(evidence.by_row())] = _UNSURE
        carried[list(evidence.flagged())] = _SURE
        findings = [[f.triggers, f.payload, f.carriers] for f in evidence.findings]
        return {"carried": carried, "findings": np.array(json.dumps(findings))}


@register
class FoundEvidence(Detector):
    """The rows that carry a finding of high confidence, which is what `scan` flags by default."""

    name = "evidence"
    paper = None
    needs = "the texts alone"

    @property
    def extractor(self) -> Carried:
        """The extractor of its features."""
        return Carried()

    def judge(self, features: Features) -> Scores:
        """Returns how sure the finding is that a row carries."""
        return features["carried"].astype(np.float64)

    def decide(self, scores: Scores) -> Flags:
        """Returns the rows with a finding of high confidence."""
        flags: Flags = np.nan_to_num(scores, nan=0.0) >= _SURE
        return flags

    def named(self, features: Features) -> tuple[Strings, ...]:
        """Returns the strings of each finding, sure or not."""
        return tuple(
            Strings(tuple(triggers), payload, tuple(rows))
            for triggers, payload, rows in json.loads(str(features["findings"]))
        )
