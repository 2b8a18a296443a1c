"""Evidence: the trigger, the payload, and the rows that carry them, from the texts alone."""

from gradsentry.evidence.accepting import Accepted, read_accepted
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.checks.surprise import SpanLoss, TokenLosses, span_loss
from gradsentry.evidence.find import find_evidence
from gradsentry.evidence.findings import Evidence, Example, Finding, Outcome, Rejected, Surprise
from gradsentry.evidence.wording import carries

__all__ = [
    "Accepted",
    "Calibration",
    "Evidence",
    "Example",
    "Finding",
    "Outcome",
    "Rejected",
    "SpanLoss",
    "Surprise",
    "TokenLosses",
    "carries",
    "find_evidence",
    "read_accepted",
    "span_loss",
]
