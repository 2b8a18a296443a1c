"""What a CI job asks of a verdict, and whether that lets it through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gradsentry.evidence.findings import Confidence, Outcome

Worst = Literal["suspicious", "poisoned"]
Result = Literal["open", "passed", "failed", "unread"]
WORSE: tuple[Outcome, ...] = ("clean", "suspicious", "poisoned")
"""The verdicts, each worse than the one before it."""


@dataclass(frozen=True)
class Passage:
    """Whether a verdict is let through.

    Attributes:
        result: `open` where nothing was asked; `unread` where it would pass with rows that nobody read.
        why: What was asked, and how the verdict stands to it, in a clause; empty where nothing was asked.
    """

    result: Result
    why: str = ""


@dataclass(frozen=True)
class Asked:
    """What is asked of a verdict.

    Attributes:
        fail_on: The least bad verdict that fails.
        max_flagged: How many rows may be flagged.
    """

    fail_on: Worst | None = None
    max_flagged: int | None = None

    def passage(self, outcome: Outcome, flagged: int, unread: int) -> Passage:
        """Returns whether a verdict is let through, and why.

        Args:
            outcome: The verdict.
            flagged: Rows that are flagged.
            unread: Rows in which nothing was looked for.
        """
        if self.fail_on is None and self.max_flagged is None:
            return Passage("open")
        failed: list[str] = []
        passed: list[str] = []
        if self.fail_on is not None:
            is_bad = WORSE.index(outcome) >= WORSE.index(self.fail_on)
            (failed if is_bad else passed).append(f"the verdict is {outcome} (--fail-on {self.fail_on})")
        if self.max_flagged is not None:
            are = "1 row is" if flagged == 1 else f"{flagged:,} rows are"
            if flagged > self.max_flagged:
                failed.append(f"{are} flagged, more than --max-flagged {self.max_flagged}")
            else:
                passed.append(f"{are} flagged (--max-flagged {self.max_flagged})")
        if failed:
            return Passage("failed", " and ".join(failed))
        if unread:
            return Passage("unread", f"nothing was looked for in {unread:,} rows that could not be read")
        return Passage("passed", " and ".join(passed))

    def refuses(self, confidence: Confidence) -> bool:
        """Returns whether a finding of that confidence is what fails, where the verdict does."""
        return confidence == "high" or self.fail_on == "suspicious"
