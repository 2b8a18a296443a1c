"""What a CI job asks of a verdict, and whether that lets it through."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from gradsentry.counts import rows

if TYPE_CHECKING:
    from gradsentry.corpus.overview import Overview
    from gradsentry.deciding.decision import Decision
    from gradsentry.evidence.findings import Confidence, Evidence, Outcome

Worst = Literal["suspicious", "poisoned"]
Result = Literal["open", "passed", "failed", "refused"]
WORSE: tuple[Outcome, ...] = ("clean", "suspicious", "poisoned")
"""The verdicts, each worse than the one before it."""
NOTHING = "nothing was there to judge"
_NAMED, _CLAUSE = 3, 120  # clauses of what was left out that a line has, and characters of each


@dataclass(frozen=True)
class Judged:
    """What is to be known of a verdict to let it through, or to report it: how bad, and on what.

    Attributes:
        outcome: The verdict.
        flagged: Rows that are flagged.
        unread: Rows in which nothing was looked for, and that may be trained on.
        set_aside: Rows in which nothing was looked for, because the data say not to train on them.
        rejected: Rows whose rejected answer nothing was looked for in, or whose answer is a disliked one.
        accepted: Findings that a person accepts.
        left_out: What of that which was named was not judged, in clauses.
        too_few_rows: Whether nothing was found in so few rows that it says next to nothing.
        is_any: Whether there was any data.
        unread_at: File and line of the first row that could not be read; empty where that is not known.
    """

    outcome: Outcome
    flagged: int
    unread: int
    set_aside: int
    rejected: int
    accepted: int
    left_out: tuple[str, ...]
    too_few_rows: bool
    is_any: bool = True
    unread_at: str = ""

    @classmethod
    def of(cls, verdict: Decision) -> Self:
        """Returns it of a verdict."""
        unread, aside, rejected = _unread(verdict.evidence, verdict.read)
        flagged, place = verdict.counts["flagged"], verdict.read.unread_at if verdict.read else ""
        accepted, few, out = _accepted(verdict.evidence), verdict.too_few_rows, verdict.left_out
        return cls(verdict.outcome, flagged, unread, aside, rejected, accepted, out, few, unread_at=place)

    @classmethod
    def of_evidence(cls, found: Evidence, read: Overview, left_out: Sequence[str]) -> Self:
        """Returns it of what texts alone tell, of how they were read, and of what was not read."""
        unread, aside, rejected = _unread(found, read)
        is_few = found.outcome == "clean" and found.too_few_rows
        flagged, accepted, out = len(found.flagged()), _accepted(found), tuple(left_out)
        at = read.unread_at
        return cls(found.outcome, flagged, unread, aside, rejected, accepted, out, is_few, unread_at=at)

    @classmethod
    def together(cls, parts: Sequence[Judged], left_out: Sequence[str] = ()) -> Self:
        """Returns it of several corpora as one, and of what is in none of them."""
        found: list[Outcome] = [one.outcome for one in parts]
        outcome = max(found, key=WORSE.index, default=WORSE[0])
        return cls(
            outcome,
            sum(one.flagged for one in parts),
            sum(one.unread for one in parts),
            sum(one.set_aside for one in parts),
            sum(one.rejected for one in parts),
            sum(one.accepted for one in parts),
            (*left_out, *(clause for one in parts for clause in one.left_out)),
            outcome == "clean" and any(one.too_few_rows for one in parts),
            is_any=bool(parts),
            unread_at=next((one.unread_at for one in parts if one.unread_at), ""),
        )

    def in_no_part(self, parts: Sequence[Judged]) -> tuple[str, ...]:
        """Returns what is left out that is of none of the parts that it was put together of, in clauses."""
        of_parts = sum(len(one.left_out) for one in parts)
        return self.left_out[: len(self.left_out) - of_parts]

    @property
    def said(self) -> str:
        """The verdict, in words."""
        if not self.is_any:
            return NOTHING
        if self.too_few_rows:
            else_ = " else" if self.accepted else ""
            return f"nothing{else_} was found, in too few rows to say{self._but_accepted}"
        return f"the verdict is {self.outcome}{self._but_accepted}"

    @property
    def said_of_rows(self) -> str:
        """How many rows are flagged and, where that stands alone, what else is to be known."""
        if not self.is_any:
            return NOTHING
        few = ", of too few to say" if self.too_few_rows else ""
        return f"{self.are_flagged}{few}{self._but_accepted}"

    @property
    def are_flagged(self) -> str:
        """How many rows are flagged, in words."""
        return f"{'1 row is' if self.flagged == 1 else f'{self.flagged:,} rows are'} flagged"

    @property
    def _but_accepted(self) -> str:
        if not self.accepted:
            return ""
        return f", {self.accepted:,} finding{'' if self.accepted == 1 else 's'} accepted"

    @property
    def aside(self) -> tuple[str, ...]:
        """What the verdict is not on, in clauses."""
        counted = {
            "{} that could not be read": self.unread,
            "{} that the data say not to train on": self.set_aside,
            "the rejected answers of {}": self.rejected,
        }
        return (*(said.format(rows(count)) for said, count in counted.items() if count), *self.left_out)

    @property
    def unseen(self) -> dict[str, str]:
        """The clauses of what is left out and may be data all the same, for nobody looked in; the mends."""
        from gradsentry.corpus.ownfiles import unseen_mend  # a command starts without what reads data

        return {clause: mend for clause in self.left_out if (mend := unseen_mend(clause)) is not None}


def not_judged(verdict: Decision) -> tuple[str, ...]:
    """Returns what a verdict is not on, in clauses: as a gate names it, and answers left to another one.

    A gate asks for a verdict on one side of preferences; who is handed a verdict sees the rows whole.
    """
    aside, answers = Judged.of(verdict).aside, verdict.answers
    other = {"chosen": "rejected", "rejected": "chosen"}
    return (*aside, f"the {other[answers]} answers") if answers else aside


def _accepted(found: Evidence) -> int:
    return sum(one.accepted is not None for one in found.findings)


def _unread(found: Evidence, read: Overview | None) -> tuple[int, int, int]:
    """Returns in how many rows nothing was looked for: unread, set aside, and whose answer is a rejected one.

    Rows whose answer is one of those that are judged by themselves (`--answers`) are none of these.
    """
    # A command starts without what reads data.
    from gradsentry.corpus.unread import LEFT_TO, MOVES_AWAY, ending, set_aside

    every, aside = sum(found.unread.values()), set_aside(found.unread)
    if read is None or read.answers is None:
        disliked = ending(found.unread, MOVES_AWAY)
        return every - aside, aside - disliked, disliked + (read.rejected if read else 0)
    return every - aside, aside - ending(found.unread, LEFT_TO[read.answers]), 0


@dataclass(frozen=True)
class Passage:
    """Whether a verdict is let through.

    Attributes:
        result: `open` where nothing was asked; `refused` where it would pass with data that nobody judged.
        why: What was asked, how the verdict stands to it, what it is not on; empty where nothing was asked.
        mend: What to do where it is refused.
    """

    result: Result
    why: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Asked:
    """What is asked of a verdict.

    Attributes:
        fail_on: The least bad verdict that fails.
        max_flagged: How many rows may be flagged.
        strict: Whether nothing passes in too few rows to say, nor with anything that was not judged.
        may_be_nothing: Whether it passes where there was no data: whoever names files did not choose them.
    """

    fail_on: Worst | None = None
    max_flagged: int | None = None
    strict: bool = False
    may_be_nothing: bool = False

    def passage(self, judged: Judged) -> Passage:
        """Returns whether a verdict is let through, and why."""
        if self.fail_on is None and self.max_flagged is None:
            return Passage("open")
        failed: list[str] = []
        passed: list[str] = []
        if self.fail_on is not None:
            is_bad = WORSE.index(judged.outcome) >= WORSE.index(self.fail_on)
            (failed if is_bad else passed).append(f"{judged.said} (--fail-on {self.fail_on})")
        if self.max_flagged is not None:
            if judged.flagged > self.max_flagged:
                failed.append(f"{judged.are_flagged}, more than --max-flagged {self.max_flagged}")
            else:
                said = judged.said_of_rows if self.fail_on is None else judged.are_flagged
                passed.append(f"{said} (--max-flagged {self.max_flagged})")
        if failed:
            return Passage("failed", f"{' and '.join(failed)}{_aside(judged.aside)}")
        if kept := self._refusal(judged):
            what, mend = kept
            return Passage("refused", f"cannot let through{what}", mend)
        return Passage("passed", f"{' and '.join(passed)}{_aside(judged.aside)}")

    def _refusal(self, judged: Judged) -> tuple[str, str] | None:
        """Returns why what does not fail is not let through all the same, and the mend; None where it is."""
        if unseen := judged.unseen:
            mend = "; ".join(dict.fromkeys(unseen.values()))
            return f" what nobody looked into: {_few(tuple(unseen))}", mend
        if judged.unread:
            place = f", the first of them {judged.unread_at}" if judged.unread_at else ""
            what = f"{rows(judged.unread)} that could not be read{place}: nothing was looked for in them"
            return f" {what}", "mend them, or take them out"
        if not (judged.is_any or self.may_be_nothing):
            named = f": {_few(judged.aside)}" if judged.aside else ""
            return f", for {NOTHING}{named}", "name data, or add --pass-without-data, as a hook does"
        if self.strict and (judged.aside or judged.too_few_rows or not judged.is_any):
            first = () if judged.is_any and not judged.too_few_rows else (judged.said,)
            mend = _mend_of_strict(judged, is_few=bool(first))
            return f", for it is strict: {_few((*first, *judged.aside))}", mend
        return None

    def refuses(self, confidence: Confidence) -> bool:
        """Returns whether a finding of that confidence is what fails, where the verdict does."""
        return confidence == "high" or self.fail_on == "suspicious"


def _mend_of_strict(judged: Judged, *, is_few: bool) -> str:
    """Returns what to do where a strict gate lets nothing through."""
    if is_few:
        return "judge more rows together, as they are trained on, or leave out --strict"
    if not judged.rejected:
        return "take away what is not judged, or leave out --strict"
    rest = "" if len(judged.aside) == 1 else ", take away what else is not judged"
    return (
        f"judge them once with --answers chosen and once with --answers rejected{rest}, or leave out --strict"
    )


def _aside(clauses: Sequence[str]) -> str:
    return f"; not judged: {_few(clauses)}" if clauses else ""


def _few(clauses: Sequence[str]) -> str:
    """Returns the first of some clauses in a line, and how many more there are."""
    short = [textwrap.shorten(one, _CLAUSE, placeholder="...") for one in clauses[:_NAMED]]
    more = len(clauses) - len(short)
    return "; ".join([*short, *([f"{more:,} more"] if more else [])])
