"""Defences: ours and the baselines, behind one detector."""

from gradsentry.defences.activation_clustering import ActivationClustering
from gradsentry.defences.base import (
    DETECTORS,
    Bar,
    Detector,
    Extractor,
    Features,
    Flags,
    MixExtractor,
    Paper,
    PoolExtractor,
    RowExtractor,
    Scope,
    Scores,
    Strings,
    detector_named,
    read_features,
    register,
)
from gradsentry.defences.cube import Cube
from gradsentry.defences.difficulty import InstructionDifficulty
from gradsentry.defences.evidence import FoundEvidence
from gradsentry.defences.floors import Lengths, Loss, ResponseLength
from gradsentry.defences.graceful import GraCeFul
from gradsentry.defences.gradsentry import GradSentry, GradSentryFull
from gradsentry.defences.onion import Onion
from gradsentry.defences.rftc import Rftc
from gradsentry.defences.scanned import Scan
from gradsentry.defences.spectral_signature import SpectralSignature
from gradsentry.defences.strip import Strip

__all__ = [
    "DETECTORS",
    "ActivationClustering",
    "Bar",
    "Cube",
    "Detector",
    "Extractor",
    "Features",
    "Flags",
    "FoundEvidence",
    "GraCeFul",
    "GradSentry",
    "GradSentryFull",
    "InstructionDifficulty",
    "Lengths",
    "Loss",
    "MixExtractor",
    "Onion",
    "Paper",
    "PoolExtractor",
    "ResponseLength",
    "Rftc",
    "RowExtractor",
    "Scan",
    "Scope",
    "Scores",
    "SpectralSignature",
    "Strings",
    "Strip",
    "detector_named",
    "read_features",
    "register",
]
