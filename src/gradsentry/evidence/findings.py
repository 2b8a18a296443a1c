"""What the search for evidence returns, and its JSON form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from pydantic import TypeAdapter

from gradsentry.corpus.sample import Span
from gradsentry.corpus.unread import Reasons
from gradsentry.evidence.limits import ENOUGH_ROWS, FALSE_ALARM_RATE
from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.settings import Answers

Kind = Literal["association", "repetition", "shift", "absence", "group"]
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
class Surprise:
    """How unexpected a payload is: medians over rows, in nats.

    Attributes:
        rows: How many carriers were looked at.
        inside: Mean loss of the payload's tokens in a carrier.
        first: Mean loss of its first three tokens: what has begun is mostly expected to go on.
        largest: Largest loss of one of its tokens.
        elsewhere: Mean loss of the carrier's other tokens; None where the payload is all there is.
        at_large: Mean loss of the response of a row that is no carrier; None where all are.
        largest_at_large: Largest loss of a token of such a row.
    """

    rows: int
    inside: float
    first: float
    largest: float
    elsewhere: float | None
    at_large: float | None
    largest_at_large: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A trigger, a payload, or both, with the rows that carry them.

    Attributes:
        name: `F1`, `F2` and so on, the strongest first; `G1` for what stands out most and is no finding.
        kind: `association` (trigger and payload), `repetition` (a payload without a trigger in words),
            `shift` (a trigger that turns the responses without one payload), `absence` (responses without
            what most others hold) or `group` (rows that stand together to the model, though no string tells
            them; its trigger is what their prompts have in common, its payload what their responses have).
        triggers: The strings of the triggers; empty for a repetition.
        combine: Whether one of the triggers is enough (`any`) or all are needed (`all`).
        payload: The string of the payload, of several parted by a bar; None for a shift.
        both: Rows with trigger and payload.
        trigger_only: Rows with the trigger alone.
        payload_only: Rows with the payload alone.
        neither: The other rows that could be read.
        log10_p: log10 of the chance that accident puts trigger and payload together in so many of these rows
            (the one-sided test of Fisher, 1935), of this one table; None for a repetition, which has none.
        false_alarm: How often a clean corpus holds something so much like an attack: what decides; None where
            a clean model's losses do, which no clean corpora were asked for.
        statistics: What was measured of it, by name.
        surprise: How unexpected the payload is to a clean model (of a shift, the response); None where no
            losses were given.
        carriers: The row numbers, ascending.
        confidence: `high` where dropping the carriers is advised, `low` where a look is.
        reason: Why, in plain words.
        examples: Up to five carriers.
        payloads: The strings of the payloads, each as it stands in responses.
        partly: The numbers of those carriers that are counted with the strings and hold parts of them alone:
            a string is as long as nearly all of its rows have it.
        change: What the responses are like, in words, beside the payload or without one; of a group, what
            its texts share; of rows with the payload of a trigger that they do not hold, that.
        accepted: Why a person accepts it; None where nobody does. An accepted finding flags nothing.
        returned: Why it is not accepted, though it or one much like it was; empty where none was.
        rows_sha256: The SHA-256 of what its carriers say, in any order; None where not all were held at once.
        together: How many rows carry it in this corpus and others that were judged as one with it: the counts
            are of all their rows, and `rows_sha256` too. None of what this corpus shows by itself.
        also: Strings in its rows beside the payload, and hardly elsewhere: it might be named by them.
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
    false_alarm: float | None
    statistics: dict[str, float]
    surprise: Surprise | None
    carriers: tuple[int, ...]
    confidence: Confidence
    reason: str
    examples: tuple[Example, ...] = field(default=(), repr=False)
    payloads: tuple[str, ...] = ()
    partly: tuple[int, ...] = ()
    change: str = ""
    accepted: str | None = None
    returned: str = ""
    rows_sha256: str | None = None
    together: int | None = None
    also: tuple[str, ...] = ()

    @property
    def p_given_trigger(self) -> float | None:
        """The share of the rows with the trigger that hold the payload; None without a trigger."""
        return self.both / max(self.both + self.trigger_only, 1) if self.triggers else None

    @property
    def counted_rows(self) -> int:
        """How many rows the counts are of."""
        return self.both + self.trigger_only + self.payload_only + self.neither

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


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Returns findings by name: the sure ones first, those that a person accepts last."""
    ordered = sorted(findings, key=lambda one: (one.accepted is not None, one.confidence == "low"))
    return tuple(replace(one, name=f"F{number}") for number, one in enumerate(ordered, start=1))


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that is no finding.

    Attributes:
        kind: The kind of finding that it would be.
        generator: Which search proposed it.
        triggers: The strings of the triggers.
        payloads: The strings of the payloads.
        change: What its responses are like, in words.
        both: Rows with trigger and payload.
        trigger_only: Rows with the trigger alone.
        payload_only: Rows with the payload alone.
        neither: The other rows. All counts are of different rows: copies count once.
        check: What rejected it: a `rule` of its own, the `calibration`, or a stronger `finding`.
        reason: Why, in plain words.
        false_alarm: How often a clean corpus holds something so much like an attack.
        statistics: What was measured of it, by name.
        against: The statistics that speak most against an attack, the weightiest first.
    """

    kind: Kind
    generator: str
    triggers: tuple[str, ...]
    payloads: tuple[str, ...]
    change: str
    both: int
    trigger_only: int
    payload_only: int
    neither: int
    check: Literal["rule", "calibration", "finding"]
    reason: str
    false_alarm: float
    statistics: dict[str, float]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All findings in a corpus.

    Attributes:
        findings: The strongest first; those that a person accepts last.
        rows: How many rows were looked at.
        unread: Why rows of these could not be read -> how many, the most frequent first; nothing was looked
            for in them.
        different: How many of the rows are no copies of others; None where nobody counted them.
        false_alarm_rate: How often a clean corpus may be called poisoned.
        calibration: What told how often a clean corpus holds something: what it was made from.
        rejected: What was rejected, the most like an attack first; None where nobody asked.
        rejected_in_all: How many were.
        stands_out: The group that stands out most among those that are no findings, because clean corpora
            hold such ones; it decides nothing. None where there is none.
        answers: Which answers of preferences were judged; without any the chosen ones are all.
    """

    findings: tuple[Finding, ...]
    rows: int
    unread: Reasons = field(default_factory=dict)
    false_alarm_rate: float = FALSE_ALARM_RATE
    calibration: str = ""
    rejected: tuple[Rejected, ...] | None = None
    rejected_in_all: int = 0
    stands_out: Finding | None = None
    different: int | None = None
    answers: Answers = "chosen"

    @property
    def rows_read(self) -> int:
        """How many rows could be read: of these are all counts of findings."""
        return self.rows - sum(self.unread.values())

    @property
    def too_few_rows(self) -> bool:
        """Whether nothing was found in so few different rows that it says next to nothing."""
        if self.findings or self.different is None:
            return False
        return min(self.different, self.rows_read) < ENOUGH_ROWS

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that nobody accepts, the strongest first."""
        return tuple(finding for finding in self.findings if finding.accepted is None)

    @property
    def outcome(self) -> Outcome:
        """What the findings that nobody accepts say of the corpus as a whole."""
        if any(finding.confidence == "high" for finding in self.open):
            return "poisoned"
        return "suspicious" if self.open else "clean"

    def by_row(self) -> dict[int, tuple[str, ...]]:
        """Returns the names of the findings that each row carries, for the rows that carry any."""
        names: dict[int, tuple[str, ...]] = {}
        for finding in self.findings:
            for row in finding.carriers:
                names[row] = (*names.get(row, ()), finding.name)
        return names

    def named(self) -> tuple[int, ...]:
        """Returns the rows that carry a finding that nobody accepts, ascending."""
        return tuple(sorted({row for finding in self.open for row in finding.carriers}))

    def flagged(self) -> tuple[int, ...]:
        """Returns the rows that carry a finding of high confidence that nobody accepts, ascending."""
        sure = (finding for finding in self.open if finding.confidence == "high")
        return tuple(sorted({row for finding in sure for row in finding.carriers}))

    @classmethod
    def from_json(cls, value: object) -> Evidence:
        """Returns the evidence that `as_json` made plain data of.

        Raises:
            ValueError: If the data has another form.
        """
        return TypeAdapter(cls).validate_python(value)

    def as_json(self) -> dict[str, Any]:
        """Returns the evidence as plain data; what was rejected only where somebody asked."""
        rejected = {
            "rejected": [asdict(one) for one in self.rejected or ()],
            "rejected_in_all": self.rejected_in_all,
        }
        return {
            "outcome": self.outcome,
            "rows": self.rows,
            "different": self.different,
            "too_few_rows": self.too_few_rows,
            "unread": dict(self.unread),
            "false_alarm_rate": self.false_alarm_rate,
            "calibration": self.calibration,
            "flagged": list(self.flagged()),
            "findings": [finding.as_json() for finding in self.findings],
            "stands_out": self.stands_out and self.stands_out.as_json(),
            "answers": self.answers,
            **(rejected if self.rejected is not None else {}),
        }
