"""What a defence is: frozen settings, a name, a paper, features of rows and what it makes of them.

A detector works in three steps. Its extractor turns rows into features with the model, which is what costs
time; `judge` turns the features of a whole data set into scores, which is where it may look at the mix;
`decide` turns scores into flags. Whoever tries many mixes of the same rows keeps the features. No step sees
which rows are poisoned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.defences.arrays import Arrays, as_arrays, put_row
from gradsentry.defences.reading import Reading, encode_all, read
from gradsentry.plugins import Registry, code_of, refuse_incomplete
from gradsentry.validated import Settings

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]
Features = Arrays
"""Named arrays with a row for each sample; of features of a mix also what is true of the mix as a whole."""

Scope = Literal["row", "pool", "mix"]
"""What a row's features depend on: the row alone; which rows are compared, but not how many of each are
taken of them later; or exactly the rows given, because a model is trained on them."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a defence was published."""

    arxiv: str
    title: str


@dataclass(frozen=True, slots=True)
class Strings:
    """Strings that a defence says are the attacker's.

    Attributes:
        triggers: In the prompts; may be empty.
        payload: In the responses, or None.
        rows: The rows in question.
    """

    triggers: tuple[str, ...]
    payload: str | None
    rows: tuple[int, ...]


class Extractor(Settings, ABC):
    """What turns rows into features with a model.

    Attributes:
        name: Of the features; with `version` and the settings it names what is kept of them.
        version: Raised when the same rows would give other features.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    @abstractmethod
    def scope(self) -> Scope:
        """What a row's features depend on."""

    @property
    def code(self) -> str:
        """The SHA-256 of the code from outside of the package that the features depend on, or nothing."""
        return code_of(type(self))

    @abstractmethod
    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""


class RowExtractor(Extractor):
    """What is read off a row's forward pass by itself; several are read off the same pass."""

    @property
    def scope(self) -> Scope:
        """The features depend on the row alone."""
        return "row"

    @abstractmethod
    def of_reading(self, reading: Reading) -> Mapping[str, ArrayLike]:
        """Returns the features of one row, each without the axis of the rows: numbers, arrays, tensors.

        Names and shapes are the same for each row.
        """

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        (features,) = read_features([self], samples, loaded)
        return features


class PoolExtractor(Extractor):
    """What relates rows to each other, made of what was read off each.

    Attributes:
        of: What is read off the rows.
    """

    @property
    def scope(self) -> Scope:
        """The features are relative to the rows given."""
        return "pool"

    @property
    @abstractmethod
    def of(self) -> RowExtractor:
        """What is read off each row."""

    @abstractmethod
    def related(self, features: Mapping[str, NDArray[np.floating]]) -> Features:
        """Returns the features of rows, from what was read off them; the arrays may lie on the disk."""

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        return self.related(self.of(samples, loaded))


class MixExtractor(Extractor):
    """What is made of exactly the rows given, their texts, and what was read off each.

    Attributes:
        of: What is read off a row by itself, which costs most.
    """

    @property
    def scope(self) -> Scope:
        """The features are of exactly the rows given."""
        return "mix"

    @property
    @abstractmethod
    def of(self) -> Extractor:
        """What is read off each row by itself."""

    @abstractmethod
    def related(self, samples: Sequence[Sample], features: Features) -> Features:
        """Returns the features of rows, from their texts and what was read off them."""

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        return self.related(samples, self.of(samples, loaded))


def read_features(
    extractors: Sequence[RowExtractor], samples: Sequence[Sample], loaded: LoadedModel
) -> list[Features]:
    """Returns the features of each extractor, from one forward pass of rows that can all be encoded.

    Raises:
        UsageError: If one returns what cannot be kept; it says which, and what that is.
    """
    found: list[Features] = [{} for _ in extractors]
    for row, reading in read(loaded, encode_all(samples, loaded)):
        for extractor, features in zip(extractors, found, strict=True):
            kind = type(extractor)
            put_row(features, row, as_arrays(extractor.of_reading(reading), kind), len(samples), kind)
    return found


@dataclass(frozen=True, slots=True)
class Bar:
    """The score above which rows are called poisoned.

    Attributes:
        tau: The score; one that is equal to it is clean.
        fallback: Whether the rule that chooses it found no valley, and took its fallback.
    """

    tau: float
    fallback: bool


class Detector(Settings, ABC):
    """The base of all defences. Higher scores are more suspicious.

    Attributes:
        name: By which it is chosen.
        paper: Where it was published; None of what was not.
        needs: What it asks for besides the data, in a clause.
    """

    name: ClassVar[str]
    paper: ClassVar[Paper | None] = None
    needs: ClassVar[str]

    @property
    @abstractmethod
    def extractor(self) -> Extractor:
        """The extractor of its features."""

    @abstractmethod
    def judge(self, features: Features) -> Scores:
        """Returns a score for each row, from the features of all."""

    @abstractmethod
    def decide(self, scores: Scores) -> Flags:
        """Returns which rows are called poisoned; a row without a score (NaN) is not."""

    def tau_of(self, scores: Scores) -> Bar | None:
        """Returns the score above which it calls rows poisoned; None if it does not decide by one."""
        return None

    def named(self, features: Features) -> tuple[Strings, ...] | None:
        """Returns the triggers and payloads that it names; None if it is not the kind that does."""
        return None

    def score(self, samples: Sequence[Sample], loaded: LoadedModel) -> Scores:
        """Returns a score for each row, NaN for those that cannot be encoded."""
        encoded = encode_all(samples, loaded)
        usable = [index for index, one in enumerate(encoded) if one.problem is None]
        scores = np.full(len(samples), np.nan)
        if usable:
            scores[usable] = self.judge(self.extractor([samples[index] for index in usable], loaded))
        return scores


DETECTORS: Registry[type[Detector]] = Registry("defence")

DetectorClass = TypeVar("DetectorClass", bound=type[Detector])


def register(detector: DetectorClass) -> DetectorClass:
    """Returns the detector, after entering it in `DETECTORS` under its name.

    Raises:
        SettingsError: If it is no whole detector, or its name is taken.
    """
    refuse_incomplete(detector, Detector, ("name", "needs"))
    DETECTORS.add(detector.name, detector)
    return detector


def detector_named(name: str) -> type[Detector]:
    """Returns a detector by name.

    Raises:
        SettingsError: If there is none of that name.
    """
    return DETECTORS.named(name)
