"""Evidence: the trigger, the payload, and the rows that carry them, from the texts alone."""

from gradsentry.evidence.accepting import Accepted, read_accepted
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.checks.statistic import Statistic
from gradsentry.evidence.checks.surprise import SpanLoss, TokenLosses, losses_of, span_loss
from gradsentry.evidence.extending import register_check, register_generator
from gradsentry.evidence.find import find_evidence
from gradsentry.evidence.findings import Evidence, Example, Finding, Outcome, Rejected, Surprise
from gradsentry.evidence.index.strings import Rows, rows_with
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.mined import Mined
from gradsentry.evidence.wording import carries

__all__ = [
    "Accepted",
    "Calibration",
    "Candidate",
    "Evidence",
    "Example",
    "Finding",
    "Mined",
    "Outcome",
    "Rejected",
    "Rows",
    "SpanLoss",
    "Statistic",
    "Surprise",
    "Texts",
    "TokenLosses",
    "carries",
    "find_evidence",
    "losses_of",
    "read_accepted",
    "register_check",
    "register_generator",
    "rows_with",
    "span_loss",
]
