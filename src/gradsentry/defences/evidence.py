"""GradSentry's evidence as a detector: the rows that carry a trigger or a payload that was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import model_validator

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
from gradsentry.evidence.extending import Own

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel

SURE, UNSURE = 1.0, 0.5


class Carried(Extractor):
    """What a row carries, from the texts of all: `carried`, by confidence 1 (high), 0.5 (low) or 0.

    `findings` holds triggers, payload and rows of each finding, as JSON.

    Attributes:
        checks: Names of checks of a person's own.
        generators: Names of generators of a person's own.
    """

    name = "carried"
    version = 32

    checks: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The SHA-256 of the checks and generators from outside of the package, or nothing."""
        return Own(self.checks, self.generators).code

    @property
    def scope(self) -> Scope:
        """Associations are counted over exactly the rows given."""
        return "mix"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows; the model is not asked."""
        own = Own(self.checks, self.generators)
        return carried(find_evidence(samples, own=own), len(samples))


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

    It decides as the command does by default: by the calibration that ships with the package, and a
    false-alarm rate of 0.01 (docs/evidence.md).

    The score of a row is 1 with such a finding, 0.5 with one of low confidence, and else 0: where nothing is
    flagged AUROC may still be high, for 0.5 ranks above 0.

    Attributes:
        review: Whether those with one of low confidence count too, which a person is asked to review.
        checks: Names of checks of a person's own that take part.
        generators: Names of generators of a person's own that take part.
    """

    name = "evidence"
    paper = None
    needs = "the texts alone"

    review: bool = False
    checks: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _own_are_there(self) -> Self:
        Own(self.checks, self.generators)
        return self

    @property
    def extractor(self) -> Extractor:
        """The extractor of its features."""
        return Carried(checks=self.checks, generators=self.generators)

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
