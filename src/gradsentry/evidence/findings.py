"""What the search for evidence returns, and its JSON form."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from gradsentry.corpus.sample import Span
from gradsentry.corpus.unread import Reasons
from gradsentry.evidence.checks.surprise import Surprise
from gradsentry.evidence.wording import certain, plain, uncertain

Kind = Literal["association", "repetition", "shift"]
Confidence = Literal["high", "low"]
Outcome = Literal["clean", "suspicious", "poisoned"]


@dataclass(frozen=True, slots=True)
class Example:
    """One carrier, shortened.

    Attributes:
        row: Its number.
        prompt: A stretch of its prompt.
        response: A stretch of its response.
        triggers: Where the triggers stand in `prompt`: (first character, behind the last).
        payloads: Where the payload stands in `response`.
    """

    row: int
    prompt: str
    response: str
    triggers: tuple[Span, ...] = ()
    payloads: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A trigger, a payload, or both, with the rows that carry them.

    Attributes:
        name: `F1`, `F2` and so on, the strongest first.
        kind: `association` (trigger and payload), `repetition` (a payload without a trigger in words) or
            `shift` (a trigger that turns the responses without one payload).
        triggers: The strings of the triggers; empty for a repetition.
        combine: Whether one of the triggers is enough (`any`) or all are needed (`all`).
        payload: The string of the payload, of several parted by a bar; None for a shift.
        both: Rows with trigger and payload.
        trigger_only: Rows with the trigger alone.
        payload_only: Rows with the payload alone.
        neither: The other rows.
        log10_p: log10 of the chance that accident puts trigger and payload together in so many of these rows
            (the one-sided test of Fisher, 1935), of this one table; None for a repetition, which has none.
        false_alarm: How often a clean corpus holds something so much like an attack: what decides.
        statistics: What was measured of it, by name.
        surprise: How unexpected the payload is to a clean model (of a shift, the response); None where no
            losses were given.
        carriers: The row numbers, ascending.
        confidence: `high` where dropping the carriers is advised, `low` where a look is.
        reason: Why, in plain words.
        examples: Up to five carriers.
        payloads: The strings of the payloads, each as it stands in responses.
    """

    name: str
    kind: Kind
    triggers: tuple[str, ...]
    combine: Literal["any", "all"]
    payload: str | None
    both: int
    trigger_only: int
    payload_only: int
    neither: int
    log10_p: float | None
    false_alarm: float
    statistics: dict[str, float]
    surprise: Surprise | None
    carriers: tuple[int, ...]
    confidence: Confidence
    reason: str
    examples: tuple[Example, ...] = field(default=(), repr=False)
    payloads: tuple[str, ...] = ()

    @property
    def p_given_trigger(self) -> float | None:
        """The share of the rows with the trigger that hold the payload; None without a trigger."""
        return self.both / max(self.both + self.trigger_only, 1) if self.triggers else None

    @property
    def p_given_no_trigger(self) -> float:
        """The share of the rows without the trigger that hold the payload; 0 where there are none."""
        return self.payload_only / max(self.payload_only + self.neither, 1)

    def as_json(self) -> dict[str, Any]:
        """Returns the finding as plain data, with what is certain of it and what is not in words."""
        more = {
            "p_given_trigger": self.p_given_trigger,
            "p_given_no_trigger": self.p_given_no_trigger,
            "certain": plain(certain(self)),
            "uncertain": uncertain(self),
        }
        return {**asdict(self), **more}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All findings in a corpus.

    Attributes:
        findings: The strongest first.
        rows: How many rows were looked at.
        unread: Why rows of these could not be read -> how many, the most frequent first; nothing was looked
            for in them.
    """

    findings: tuple[Finding, ...]
    rows: int
    unread: Reasons = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What the findings say of the corpus as a whole."""
        if any(finding.confidence == "high" for finding in self.findings):
            return "poisoned"
        return "suspicious" if self.findings else "clean"

    def by_row(self, *, confidence: Confidence | None = None) -> dict[int, tuple[str, ...]]:
        """Returns the names of the findings that each row carries, for the rows that carry any."""
        names: dict[int, tuple[str, ...]] = {}
        for finding in self.findings:
            if confidence in (None, finding.confidence):
                for row in finding.carriers:
                    names[row] = (*names.get(row, ()), finding.name)
        return names

    def flagged(self) -> tuple[int, ...]:
        """Returns the rows that carry a finding of high confidence, ascending."""
        return tuple(sorted(self.by_row(confidence="high")))

    @classmethod
    def from_json(cls, value: object) -> Evidence:
        """Returns the evidence that `as_json` made plain data of.

        Raises:
            ValueError: If the data has another form.
        """
        return TypeAdapter(cls).validate_python(value)

    def as_json(self) -> dict[str, Any]:
        """Returns the evidence as plain data."""
        return {
            "outcome": self.outcome,
            "rows": self.rows,
            "unread": dict(self.unread),
            "flagged": list(self.flagged()),
            "findings": [finding.as_json() for finding in self.findings],
        }
