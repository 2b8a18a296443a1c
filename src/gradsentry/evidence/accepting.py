"""Findings that a person knows and accepts: what identifies one, the file that keeps them, and what ends it.

The file is JSON Lines, one accepted finding a line, to be kept in version control beside the data. A finding
is known by what it says, never by its name or its rows' numbers: those are other ones in the next version of
the data. Whoever can write the file can hide a finding, so accepted ones are listed wherever findings are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator

from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import lines_by_hand, replacing
from gradsentry.errors import DataError, SettingsError
from gradsentry.evidence.findings import Evidence, Finding, Kind
from gradsentry.evidence.limits import ACCEPTED_GROWTH, ACCEPTED_SLACK, ALL_ROWS, REASON_LENGTH
from gradsentry.evidence.wording import spelt
from gradsentry.settings import Answers
from gradsentry.store import EVIDENCE, runs_in
from gradsentry.validated import Settings

VERSION = 1


class Accepted(Settings):
    """A finding that a person accepts.

    Attributes:
        version: Of the file's lines: another one is refused.
        kind: The kind of the finding.
        triggers: Its triggers, in any order.
        combine: Whether one of several is enough or all are needed.
        payloads: Its payloads, in any order.
        change: What its responses are like, of a shift, or what its texts share, of a group.
        rows: How many rows carried it.
        of: How many rows the data had.
        why: Why it is accepted, in the person's words.
        answers: In which answers: what is harmless in a rejected one may be what a chosen one must not hold.
        rows_sha256: Of what its rows say; None where that is not known.
        also: What else all of its rows said, and hardly others.
    """

    version: Literal[1]
    kind: Kind
    triggers: tuple[str, ...]
    combine: Literal["any", "all"]
    payloads: tuple[str, ...]
    change: str = ""
    rows: int = Field(ge=1)
    of: int = Field(ge=1)
    why: str = Field(min_length=1, max_length=REASON_LENGTH)
    answers: Answers = "chosen"
    rows_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    also: tuple[str, ...] = ()

    @field_validator("why")
    @classmethod
    def _in_a_line(cls, value: str) -> str:
        if not value.isprintable() or not value.strip():
            raise ValueError("is no line of printable text")
        return value

    @classmethod
    def of_finding(cls, finding: Finding, rows: int, why: str, answers: Answers = "chosen") -> Self:
        """Returns what is accepted where a finding is; of one in several corpora together, its share of all.

        Raises:
            SettingsError: If the reason is empty, too long, or no line of text.
        """
        if not (why.strip() and why.isprintable() and len(why) <= REASON_LENGTH):
            what = f"is no line of text of at most {REASON_LENGTH} characters" if why.strip() else "is empty"
            raise SettingsError(what, where="--why", mend="say in a line why it is no attack")
        said = {
            "version": VERSION,
            "kind": finding.kind,
            "triggers": finding.triggers,
            "combine": finding.combine,
            "payloads": finding.payloads,
            "change": finding.change if finding.kind in ("shift", "absence", "group") else "",
            "rows": len(finding.carriers) if finding.together is None else finding.together,
            "of": rows if finding.together is None else finding.counted_rows,
            "answers": answers,
            "rows_sha256": finding.rows_sha256,
            "also": finding.also,
        }
        return cls.read({**said, "why": why}, where="--why")

    @property
    def identity(self) -> object:
        """What the finding says: two with the same one are the same finding."""
        return self._beside_payloads, frozenset(self.payloads)

    @property
    def _beside_payloads(self) -> object:
        combine = self.combine if len(self.triggers) > 1 else "any"
        return self.answers, self.kind, frozenset(self.triggers), combine, self.change

    def tells(self, other: Self) -> bool:
        """Returns whether another finding is this one: it says the same, or all of its rows are the same.

        Of several strings that stand in the same rows the search may name another one once other rows have
        come.
        """
        return self.identity == other.identity or self.is_of_the_rows_of(other)

    def is_of_the_rows_of(self, other: Self) -> bool:
        """Returns whether all rows of another finding are those of this one, and say the same."""
        same_rows = self.rows_sha256 is not None and self.rows_sha256 == other.rows_sha256
        return same_rows and self.answers == other.answers

    def is_named_by(self, other: Self) -> bool:
        """Returns whether another finding is named by what stood in all rows of this one, and no more is new.

        It may stand in other rows: see whether they hold what is accepted.
        """
        known = [*map(_plainly, (*self.also, *self.payloads))]
        said = [*map(_plainly, (*other.payloads, *other.also))]
        is_like = bool(other.payloads) and self._beside_payloads == other._beside_payloads
        return is_like and all(any(one in own for own in known) for one in said)

    def stands_in(self, responses: Sequence[str]) -> bool:
        """Returns whether nearly all of some responses hold a payload that is accepted."""
        payloads = [*map(_plainly, self.payloads)]
        held = sum(any(one in said for one in payloads) for said in map(_plainly, responses))
        return bool(payloads and responses) and held >= ALL_ROWS * len(responses)

    @property
    def most(self) -> float:
        """The share of the rows of a corpus up to which the finding stays accepted."""
        return min(max(ACCEPTED_GROWTH * self.rows, self.rows + ACCEPTED_SLACK) / self.of, 1.0)


def identity(finding: Finding) -> object:
    """Returns what tells a finding from others, whatever its name, its rows and their number."""
    return Accepted.of_finding(finding, 1, "-").identity


def of_answers(known: Sequence[Accepted], answers: Answers | None) -> tuple[Accepted, ...]:
    """Returns what is accepted in the answers that are judged; None judges the chosen ones."""
    return tuple(one for one in known if one.answers == (answers or "chosen"))


def with_accepted(
    finding: Finding, rows: int, known: Sequence[Accepted], responses: Sequence[str] = ()
) -> Finding:
    """Returns a finding with a person's reason where it is accepted, or with what ended that.

    Args:
        finding: The finding.
        rows: How many rows the corpus has.
        known: What was accepted.
        responses: Those of its rows, where they are held.
    """
    own = Accepted.of_finding(finding, rows, "-", known[0].answers if known else "chosen")
    share = own.rows / own.of
    same = [one for one in known if one.identity == own.identity] or [one for one in known if one.tells(own)]
    same = same or [one for one in known if one.is_named_by(own) and one.stands_in(responses)]
    if not same:
        return replace(finding, returned=next(_changes(own, known, responses), ""))
    latest = same[-1]
    # The same rows beside fewer others are no more of it than were accepted.
    if share <= latest.most or latest.is_of_the_rows_of(own):
        return replace(finding, accepted=latest.why)
    was = latest.rows / latest.of
    return replace(
        finding, returned=f"it was accepted in {percent(was)} of the rows, and is now in {percent(share)}"
    )


def _changes(own: Accepted, known: Sequence[Accepted], responses: Sequence[str]) -> Iterator[str]:
    """Yields in what a finding differs from accepted ones with its trigger or its payload."""
    for one in reversed(known):
        triggers, payloads = set(one.triggers), set(one.payloads)
        if triggers and triggers == set(own.triggers):
            what = "payload" if payloads and own.payloads else "effect"
            yield f"it was accepted with the same trigger and another {what}"
        elif payloads and payloads == set(own.payloads):
            yield "it was accepted with the same payload and another trigger"
    for one in reversed(known):
        if one.stands_in(responses):
            said = " or ".join(f"“{spelt(text)}”" for text in one.payloads)
            yield f"its rows hold what is accepted, {said}, and this beside it: see if it is harmless too"


def _plainly(text: str) -> str:
    """Returns a string without white space and case, as findings tell strings."""
    return "".join(text.split()).casefold()


def percent(share: float) -> str:
    """Returns a share in words."""
    return f"{float(f'{100 * share:.2g}'):g} %"  # two digits: of 100 alone they would be 1e+02


def read_accepted(path: Path) -> tuple[Accepted, ...]:
    """Returns what a file accepts, in its order.

    Raises:
        DataError: If the file is not there, cannot be read, or a line of it is something else.
    """
    if not path.exists():
        mend = "leave it out until `gradsentry accept` has written it, or check the path"
        raise DataError("is not there", where=str(path), mend=mend)
    return tuple(_parsed(text, place) for text, place in lines_by_hand(path))


def write_accepted(path: Path, one: Accepted) -> Accepted | None:
    """Adds an accepted finding to a file, which may be missing; what was said of the same one before goes.

    Returns:
        What was said of the same one before; None where nothing was.

    Raises:
        DataError: If the file is something else, or cannot be written.
        ScoringError: If the disk is full.
    """
    before = read_accepted(path) if path.exists() else ()
    others = [each for each in before if each.identity != one.identity]
    with replacing(path) as stream:
        for each in (*others, one):
            line = each.model_dump(mode="json", exclude=None if each.also else {"also"})
            stream.write(dump_json(line) + b"\n")
    return next((each for each in reversed(before) if each.identity == one.identity), None)


def read_evidence(path: Path) -> Evidence:
    """Returns the evidence in the directory of a scan, its evidence.json, or what `evidence --json` printed.

    Raises:
        DataError: If there is none.
    """
    file = path / EVIDENCE if path.is_dir() else path
    mend = runs_in(path) or (
        "give the directory of a scan, its evidence.json, or what `gradsentry evidence --json` printed"
    )
    try:
        return Evidence.from_json(json.loads(file.read_bytes()))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(file), mend=mend) from None
    except ValueError:
        raise DataError("holds no evidence", where=str(file), mend=mend) from None


def _parsed(line: str, where: str) -> Accepted:
    mend = "mend or remove the line; `gradsentry accept` writes them"
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"is no JSON ({error})", where=where, mend=mend) from None
    if isinstance(value, dict) and isinstance(value.get("version"), int) and value["version"] != VERSION:
        raise DataError(
            f"is of version {value['version']}, not {VERSION}",
            where=where,
            mend="accept the finding again with `gradsentry accept`",
        )
    try:
        return Accepted.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the line"
        raise DataError(f"accepts no finding ({key}: {first['msg']})", where=where, mend=mend) from None
