"""Evidence: the trigger, the payload, and the rows that carry them, from the texts alone."""

from gradsentry.evidence.checks.surprise import SpanLoss, Surprise, TokenLosses, span_loss
from gradsentry.evidence.findings import Evidence, Example, Finding, Outcome
from gradsentry.evidence.search import find_evidence
from gradsentry.evidence.wording import carries

__all__ = [
    "Evidence",
    "Example",
    "Finding",
    "Outcome",
    "SpanLoss",
    "Surprise",
    "TokenLosses",
    "carries",
    "find_evidence",
    "span_loss",
]
