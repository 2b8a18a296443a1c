"""A possible finding: its strings, its rows, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gradsentry.evidence.association import log10_tail
from gradsentry.evidence.findings import Kind
from gradsentry.evidence.index.strings import Gram, Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Ints
from gradsentry.evidence.limits import EXCLUSIVE, LABEL_SHARE, LIKELY_OWN, LONG_PAYLOAD, OWNED, OWNED_ROWS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible finding, before it is judged.

    Attributes:
        kind: What kind of finding it would be.
        features: The prompt features of the rule.
        matched: The strings that tell the triggered rows.
        needs_all: Whether they are needed together.
        triggers: The strings of the triggers.
        combine: Whether one of them is enough or all are needed.
        payloads: The strings of the payload, marks included: one of them is in each of its rows; none where
            there is no payload.
        triggered: Rows that hold the trigger.  # [rows]
        paid: Rows that hold the payload.  # [rows]
        log10_p: The chance of that by accident, corrected.
        change: What its responses are like, in words, beside the payload or without one.
        alone: Whether the payload is a finding by itself, so that all its rows are to go.
        pooled: Whether its payloads are a pool, of which none was found by itself.
        unlikely: Whether its change is that a clean model finds the responses less likely.
    """

    kind: Kind
    features: tuple[int, ...]
    matched: tuple[Gram, ...]
    needs_all: bool
    triggers: tuple[Gram, ...]
    combine: Literal["any", "all"]
    payloads: tuple[Gram, ...]
    triggered: Rows
    paid: Rows
    log10_p: float
    change: str = ""
    alone: bool = False
    pooled: bool = False
    unlikely: bool = False

    @classmethod
    def of(
        cls,
        kind: Kind,
        triggers: Sequence[Gram],
        payloads: Sequence[Gram],
        *,
        triggered: Rows,
        paid: Rows,
        combine: Literal["any", "all"] = "any",
        log10_p: float = 0.0,
        features: Sequence[int] = (),
        change: str = "",
        unlikely: bool = False,
    ) -> Candidate:
        """Returns the candidate whose triggers, as they are named, tell the triggered rows."""
        return cls(
            kind=kind,
            features=tuple(features),
            matched=tuple(triggers),
            needs_all=combine == "all",
            triggers=tuple(triggers),
            combine=combine,
            payloads=tuple(payloads),
            triggered=triggered,
            paid=paid,
            log10_p=log10_p,
            change=change,
            unlikely=unlikely,
        )

    @property
    def payload(self) -> Gram | None:
        """The string of the payload, of several the most frequent one; None where there is none."""
        return self.payloads[0] if self.payloads else None

    @property
    def both(self) -> Rows:
        """Rows with trigger and payload.  # [rows]"""
        return self.triggered & self.paid

    @property
    def precision(self) -> float:
        """The share of the triggered rows that hold the payload."""
        return float(self.both.sum() / max(self.triggered.sum(), 1))

    @property
    def coverage(self) -> float:
        """The share of the payload's rows that hold the trigger."""
        return float(self.both.sum() / max(self.paid.sum(), 1))

    @property
    def base(self) -> float:
        """The share of the other rows that hold the payload."""
        return float((self.paid & ~self.triggered).sum() / max((~self.triggered).sum(), 1))

    @property
    def exclusive(self) -> bool:
        """Whether the payload hardly stands anywhere without the trigger."""
        return self.coverage >= EXCLUSIVE

    @property
    def owned(self) -> bool:
        """Whether no other trigger brings the payload, though rows may hold the trigger by nature."""
        payload = self.payload or ()
        told = (
            len(payload) >= LONG_PAYLOAD
        )  # a single word, without marks, may be one of many that come with the trigger
        single = len(self.triggers) == 1 and told and self.both.sum() >= OWNED_ROWS
        return single and self.coverage >= OWNED and self.precision >= LIKELY_OWN

    @property
    def carriers(self) -> Rows:
        """The rows to drop: the payload's, where it is the trigger's own, else those with both.  # [rows]

        Of an absence they are those without the payload.
        """
        if self.kind == "absence":
            return ~self.paid
        if not self.triggers or self.alone:
            return self.paid
        if len(self.payloads) != 1:  # of several there may be more than were counted
            return self.triggered
        long = self.payload is not None and len(self.payload) >= LONG_PAYLOAD
        return self.paid if self.exclusive and long else self.both


def absence_of(candidate: Candidate) -> Candidate:
    """Returns the rows without what most others hold, as a candidate of their own."""
    nothing = np.zeros_like(candidate.paid)
    return Candidate.of("absence", (), candidate.payloads, triggered=nothing, paid=candidate.paid)


def tail_of(candidate: Candidate) -> float:
    """Returns log10 of the chance of so many rows with both by accident, not corrected."""
    both, triggers, payloads = (
        np.array([rows.sum()]) for rows in (candidate.both, candidate.triggered, candidate.paid)
    )
    return float(log10_tail(both, triggers, payloads, len(candidate.paid))[0])


def spread(candidate: Candidate, texts: Texts) -> Candidate:
    """Returns a candidate that was found in some rows with its rows in all of a corpus.

    Args:
        candidate: The candidate.
        texts: The corpus; its streams have the vocabulary that the candidate was found in.
    """
    triggered = np.zeros(len(texts.samples), dtype=np.bool_)
    if candidate.matched:
        held = [rows_with(texts.prompts, gram) for gram in candidate.matched]
        triggered = (np.logical_and if candidate.needs_all else np.logical_or).reduce(held)
    paid = triggered
    if candidate.payloads:
        paid = np.logical_or.reduce([_paid(texts, gram) for gram in candidate.payloads])
    return replace(candidate, triggered=triggered, paid=paid)


def with_copies(candidate: Candidate, copy_of: Ints) -> Candidate:
    """Returns a candidate that was found in distinct rows, in all rows: each is a copy of one of them."""
    return replace(candidate, triggered=candidate.triggered[copy_of], paid=candidate.paid[copy_of])


def _paid(texts: Texts, gram: Gram) -> Rows:
    held = rows_with(texts.responses, gram)
    return novel_or_label(gram, held, held & ~rows_with(texts.prompts, unmarked(gram)))


def novel_or_label(string: Sequence[object], held: Rows, novel: Rows) -> Rows:
    """Returns which rows say a string that is no copy; a label is none, even where prompts name it.

    Args:
        string: The string; a mark is its code.
        held: Rows whose response holds it.  # [rows]
        novel: Those whose prompt does not.  # [rows]
    """
    is_label = string[0] == START and string[-1] == END and novel.mean() >= LABEL_SHARE
    return held if is_label else novel
