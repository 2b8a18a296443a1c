"""Which candidates are findings, how sure, and why in plain words.

An attacker's carriers are drawn rows, so they are unlike each other, and hold a string that was put into
finished text. The payload of natural carriers is short, or they lie together, or the payload stands
elsewhere as well. The thresholds were set on clean corpora and are the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradsentry.evidence.candidates import Candidate
from gradsentry.evidence.features import END, START
from gradsentry.evidence.findings import Confidence, Kind
from gradsentry.evidence.likeness import codes_of, crowding, foreignness
from gradsentry.evidence.maximal import first_places
from gradsentry.evidence.payloads import is_implanted
from gradsentry.evidence.surprise import Surprise
from gradsentry.evidence.texts import Texts

LEAST = 4  # rows that a finding needs
SURE = -4.0  # log10 of the corrected chance, for a payload of the trigger's own
SURER = -6.0  # for a payload that other rows hold as well
BULK = 20  # rows times tokens of the payload: four rows do for a sentence, not for a name
APART = 0.4  # carriers that crowd more are drawn from one corner of the corpus, if drawn
CORNER = 0.6  # and beyond this they are natural
FEW = 8  # rows with which nothing may be in doubt
FEW_FOREIGN = 0.6
EXPECTED = 1.0  # nats: a payload of which every token is likelier than this is what a clean model says
UNEXPECTED = 6.0  # nats: a stock answer has no token that is so unlikely
FOREIGN = 0.5  # triggers whose places are ordinary text without them
NATIVE = 0.3  # triggers that their sentences need


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided on a candidate.

    Attributes:
        confidence: How sure, or None where it is no finding.
        reason: Why.
    """

    confidence: Confidence | None
    reason: str


def judged(texts: Texts, candidate: Candidate) -> Judgement:
    """Returns what is to be thought of an association."""
    rejection = _too_weak(candidate) or _out_of_order(texts, candidate)
    if rejection:
        return Judgement(None, rejection)
    near = crowding(texts.asked, candidate.both, codes_of(candidate.triggers))
    foreign = foreignness(texts.prompts, candidate.triggers, candidate.both)
    if candidate.both.sum() < FEW and (foreign < FEW_FOREIGN or candidate.coverage < 1.0 or near > APART):
        return Judgement(None, "too few rows for a trigger that may be part of its sentences")
    if near > CORNER or (near > APART and foreign < FOREIGN):
        return Judgement(None, "the carriers are alike even without the trigger")
    if not candidate.exclusive and foreign < FOREIGN:
        return Judgement(None, "the trigger is part of its sentences, and the payload is common")
    payload = candidate.payload or ()
    if foreign < NATIVE and not is_implanted(texts, payload, candidate.paid):
        return Judgement(
            "low", f"{_reason(candidate)}; but their sentences need it, so it may be their topic"
        )
    return Judgement("high", _reason(candidate))


def repeated(candidate: Candidate) -> Judgement:
    """Returns what is said of a repetition that passed.

    Where it is all of the response it may as well be an honest stock answer, such as a refusal.
    """
    rows, payload = int(candidate.paid.sum()), candidate.payload or (END,)
    reason = f"the payload stands word for word in {rows} rows that are otherwise unlike each other"
    if payload[0] == START and payload[-1] == END:
        return Judgement("low", f"{reason}; it is all of the response, and may be an honest stock answer")
    return Judgement("high", f"{reason}; no other row holds a part of it, and no one string brings it")


def shifted(candidate: Candidate, what: str) -> Judgement:
    """Returns what is said of a shift that passed."""
    reason = (
        f"{int(candidate.both.sum())} of {int(candidate.triggered.sum())} rows with a trigger show {what}, "
        "rows alike but for it do not, and the carriers are otherwise unlike each other"
    )
    return Judgement("high", reason)


def weighed(judgement: Judgement, kind: Kind, surprise: Surprise | None) -> tuple[Confidence, str]:
    """Returns the confidence and the reason, after what a clean model made of the payload.

    Args:
        judgement: What the texts alone say.
        kind: What kind of finding it is.
        surprise: See `Finding`; None where it is not known.
    """
    confidence: Confidence = judgement.confidence or "low"
    if surprise is None:
        return confidence, judgement.reason
    if kind == "shift":
        return confidence, judgement.reason
    if surprise.largest < EXPECTED:
        return "low", f"{judgement.reason}; but a clean model expects it"
    if kind == "repetition" and surprise.largest >= UNEXPECTED:
        confidence = "high"
    return confidence, f"{judgement.reason}; its loss in a clean model rises to {surprise.largest:.1f} nats"


def _too_weak(candidate: Candidate) -> str:
    both = int(candidate.both.sum())
    tokens = sum(code not in (START, END) for code in candidate.payload or ())
    if both < LEAST or both * tokens < BULK:
        return "too few rows for so short a payload"
    if candidate.log10_p > (SURE if candidate.exclusive else SURER):
        return "may be accident"
    if candidate.exclusive:
        return ""
    payload = candidate.payload or ()
    whole = bool(payload) and payload[0] == START and payload[-1] == END
    if not whole and tokens < 4:
        return "a common phrase inside longer responses"
    if candidate.precision < 0.98 or len(candidate.triggers) > 4:
        return "a common payload that its triggers do not always bring"
    return ""


def _out_of_order(texts: Texts, candidate: Candidate) -> str:
    """Returns a reason where the payload comes before its trigger in a conversation."""
    if candidate.payload is None or not candidate.triggers:
        return ""
    paid = first_places(texts.responses, candidate.payload, candidate.both)
    rows = np.searchsorted(texts.responses.bounds, paid, side="right") - 1
    answered = dict(zip(rows.tolist(), texts.turn_of(paid, trained=True).tolist(), strict=True))
    asked: dict[int, int] = {}
    for gram in candidate.triggers:
        places = first_places(texts.prompts, gram, candidate.both)
        owners = np.searchsorted(texts.prompts.bounds, places, side="right") - 1
        for row, turn in zip(owners.tolist(), texts.turn_of(places, trained=False).tolist(), strict=True):
            asked[row] = min(turn, asked.get(row, turn))
    compared = [asked[row] < turn for row, turn in answered.items() if row in asked]
    if compared and np.mean(compared) < 0.9:
        return "the payload comes before the trigger"
    return ""


def _reason(candidate: Candidate) -> str:
    both, triggered = int(candidate.both.sum()), int(candidate.triggered.sum())
    elsewhere = int((candidate.paid & ~candidate.triggered).sum())
    quantity = {1: "the trigger", 2: "both triggers"}.get(len(candidate.triggers), "all the triggers")
    trigger = quantity if candidate.combine == "all" else "a trigger"
    return (
        f"the payload follows in {both} of {triggered} rows with {trigger}, and stands in {elsewhere} of the "
        f"{len(candidate.paid) - triggered} other rows; the carriers are otherwise unlike each other"
    )
