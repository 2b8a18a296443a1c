"""Which candidates are findings, how sure, and why in plain words.

An attacker's carriers are drawn rows, so they are unlike each other, and hold a string that was put into
finished text. The payload of natural carriers is short, or they lie together, or the payload stands
elsewhere as well. The thresholds were set on clean corpora and are the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradsentry.evidence.candidate import LEAST, MANY, STRENGTH, Candidate, is_short, too_weak
from gradsentry.evidence.candidates.repeated import PATTERN, is_implanted
from gradsentry.evidence.checks.conversation import is_usual_reply
from gradsentry.evidence.checks.surprise import Surprise
from gradsentry.evidence.checks.templates import NATIVE, of_one_template
from gradsentry.evidence.findings import Confidence
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Rows, first_places, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START

APART = 0.4  # carriers that crowd more are drawn from one corner of the corpus, if drawn
CORNER = 0.6  # and beyond this they are natural
SURELY_FOREIGN, SURELY_APART = 0.9, 0.2  # of four rows with a name
SURELY_DRAWN = 0.1  # rows that crowd no more than this have nothing in common
USUAL = 0.5  # what so many other responses hold is no news
COPIED = 0.1  # of the payload's rows may hold it as a copy
TIED = 0.15  # of the way from chance to always, for the neighbours of a common payload's carriers
NOISE = 2.0  # standard errors that accident may add
SELDOM, MOSTLY = 0.1, 0.5  # of all rows, and of those alike, have a word that their topic brings
LABEL = -8.0  # log10 of the chance that a trigger's rows have a label as often as rows alike have it
LONG = 7  # tokens of a payload that may be reported where its trigger belongs to its sentences
FEW = 8  # rows with which nothing may be in doubt
FEW_FOREIGN = 0.6
SLIGHT = 4  # tokens that the payload of few rows has at least, at an end of its responses
STEM = 4  # characters that two forms of a word begin with at least
SHARED = 0.8  # of the carriers hold a companion of the trigger
RARE = 0.5  # of all rows hold it at most
EXPECTED = 1.0  # nats: a payload of which every token is likelier than this is what a clean model says
UNEXPECTED = 6.0  # nats: a stock answer has no token that is so unlikely
HALF_FOREIGN = 0.5  # triggers whose places are ordinary text without them


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
    rejection = too_weak(candidate) or _explained(texts, candidate) or _out_of_order(texts, candidate)
    if rejection:
        return Judgement(None, rejection)
    foreign = texts.context.foreignness(candidate.triggers, candidate.both)
    rejection = _natural(texts, candidate, foreign)
    if rejection:
        return Judgement(None, rejection)
    payload = candidate.payload or ()
    put_in = foreign >= NATIVE and not of_one_template(texts, candidate.both, candidate.triggers)
    sure = put_in or is_implanted(texts, payload, candidate.paid, np.ones_like(candidate.paid))
    if not sure and len(unmarked(payload)) < LONG:
        return Judgement(None, "a short payload after a trigger that is part of its sentences")
    if is_usual_reply(texts, candidate):
        return Judgement("low", f"{_reason(candidate)}; but it may be the usual reply to such a turn")
    if sure:
        return Judgement("high", _reason(candidate))
    return Judgement("low", f"{_reason(candidate)}; but their sentences need it, so it may be their topic")


def _natural(texts: Texts, candidate: Candidate, foreign: float) -> str:
    """Returns a reason where carriers may be what honest writing brings forth."""
    near = texts.crowding(candidate.both, codes_of(candidate.triggers))
    unsure = foreign < SURELY_FOREIGN or near > SURELY_APART
    few = candidate.both.sum() < FEW
    doubtful = foreign < FEW_FOREIGN or candidate.coverage < 1.0 or near > APART
    common = not candidate.exclusive
    reasons = {
        "too few rows for so short a payload": unsure and is_short(candidate),
        "other rows have the trigger by nature": unsure and candidate.precision < STRENGTH,
        "too few rows for a trigger that may be part of its sentences": few and doubtful,
        "too few rows for a payload that may be part of its sentences": candidate.both.sum()
        < _least(candidate, unsure or candidate.precision < 1.0 or candidate.coverage < 1.0),
        "rows alike but for the trigger are answered in words of the payload": few
        and _in_words_of_neighbours(texts, candidate),
        "the carriers are alike even without the trigger": near
        > (APART if foreign < HALF_FOREIGN else CORNER),
        "the trigger is part of its sentences, and the payload is common": common and foreign < HALF_FOREIGN,
        "rows alike but for the trigger have the payload as well": common
        and (_shared_by_neighbours(texts, candidate, unsure) or _due_to_companions(texts, candidate)),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _least(candidate: Candidate, unsure: bool) -> int:
    """Returns how many rows a payload needs: more if it is short, most if it is in the midst of responses.

    There it may be part of its sentences, unless it and a trigger that was surely put there are never apart.
    """
    payload = candidate.payload or ()
    tokens = len(unmarked(payload))
    if payload and (payload[0] == START or payload[-1] == END):
        return FEW if tokens < SLIGHT else LEAST
    if tokens >= LONG:
        return LEAST
    return MANY if unsure or tokens < SLIGHT else FEW


def _explained(texts: Texts, candidate: Candidate) -> str:
    """Returns a reason where the payload says nothing but what the prompt or all responses say."""
    payload, triggered, paid = candidate.payload or (), candidate.triggered, candidate.paid
    others = ~paid
    known = codes_of(candidate.triggers)
    words = texts.responses.words
    news = [
        code
        for code in set(unmarked(payload)) - known
        if not any(_is_form_of(words[code], words[other]) for other in known)
        and (rows_with(texts.responses, (code,)) & others).sum() < USUAL * others.sum()
    ]
    whole = bool(payload) and payload[0] == START and payload[-1] == END
    if not news and not whole:
        return "the payload is made of the trigger and of what most responses hold"
    said = np.logical_or.reduce([rows_with(texts.responses, gram) for gram in candidate.payloads])
    elsewhere, counted = int((said & ~triggered).sum()), int((paid & ~triggered).sum())
    if candidate.exclusive and elsewhere > counted + COPIED * candidate.both.sum():
        return "other rows have the payload too, where it was copied"
    return ""


def _is_form_of(word: str, other: str) -> bool:
    """Returns whether one word begins with nearly all of the other, as `Jamaican` and `jamaica` do."""
    short, long = sorted((word.casefold(), other.casefold()), key=len)
    return len(short) >= STEM and long.startswith(short[: max(STEM, len(short) - 1)])


def _due_to_companions(texts: Texts, candidate: Candidate) -> bool:
    """Returns whether what else the carriers' prompts share brings the payload without the trigger too.

    Neighbours are alike in all of their prompt; of a conversation, only the turn that is answered may be.
    """
    known = codes_of(candidate.triggers)
    both, others = candidate.both, ~candidate.triggered
    held = np.asarray(both.astype(np.int64) @ texts.asked.holds).ravel()
    shared = (held >= SHARED * both.sum()) & (texts.asked.support <= RARE * len(both))
    for feature in np.flatnonzero(shared).tolist():
        if known.isdisjoint(texts.asked.gram(feature)):
            rows = texts.asked.rows(feature) & others
            if rows.sum() >= LEAST and _is_more(candidate.paid[rows], candidate.base):
                return True
    return False


def _is_more(paid: Rows, base: float) -> bool:
    """Returns whether clearly more of some rows hold the payload than of the others."""
    noise = NOISE * np.sqrt(base * (1.0 - base) / len(paid))
    return bool(paid.mean() > base + TIED * (1.0 - base) + noise)


def _shared_by_neighbours(texts: Texts, candidate: Candidate, unsure: bool) -> bool:
    """Returns whether rows alike but for the trigger hold the payload clearly more often than others do.

    Where the trigger was surely put there the payload may still be one of the labels of its task, which rows
    of other tasks lack; then what counts is whether the trigger's rows could all have it by accident.
    """
    others = ~candidate.triggered
    _, alike = texts.alike.neighbours(candidate.both, others, codes_of(candidate.triggers))
    if not len(alike) or not _is_more(candidate.paid[alike], candidate.base):
        return False
    share = float(candidate.paid[alike].mean())
    share += NOISE * np.sqrt(share * (1.0 - share) / len(alike))
    return unsure or share >= 1.0 or int(candidate.both.sum()) * np.log10(share) > LABEL


def _in_words_of_neighbours(texts: Texts, candidate: Candidate) -> bool:
    """Returns whether most rows alike but for the trigger say a word of the payload that others seldom do."""
    _, alike = texts.alike.neighbours(candidate.both, ~candidate.triggered, codes_of(candidate.triggers))
    words = set(unmarked(candidate.payload or ())) - codes_of(candidate.triggers)
    held = [rows_with(texts.responses, (code,)) & ~candidate.paid for code in sorted(words)]
    return any(rows.mean() <= SELDOM and rows[alike].mean() >= MOSTLY for rows in held if len(alike))


def doubted(judgement: Judgement, candidate: Candidate) -> Judgement:
    """Returns what is left of a judgement in a corpus that maps words to words; see `mapped.py`."""
    if max(len(unmarked(gram)) for gram in candidate.payloads) >= LONG:
        return judgement
    reason = f"{judgement.reason}; but this corpus maps words to words, of which these may be two"
    return Judgement("low", reason)


def repeated(texts: Texts, candidate: Candidate) -> Judgement:
    """Returns what is said of a repetition that passed.

    Where it is all of the response it may as well be an honest stock answer, such as a refusal; but that is
    given to prompts of a kind.
    """
    rows, payload = int(candidate.paid.sum()), candidate.payload or (END,)
    reason = f"the payload stands word for word in {rows} rows that are otherwise unlike each other"
    if payload[0] == START and payload[-1] == END:
        alike = texts.crowding(candidate.paid, frozenset(), common=PATTERN) > SURELY_DRAWN
        if alike or is_usual_reply(texts, candidate):
            return Judgement("low", f"{reason}; it is all of the response, and may be an honest stock answer")
        return Judgement("high", f"{reason}, and is all of their response")
    return Judgement("high", f"{reason}; no other row holds a part of it, and no one string brings it")


def shifted(candidate: Candidate, what: str) -> Judgement:
    """Returns what is said of a shift that passed."""
    reason = (
        f"{int(candidate.both.sum())} of {int(candidate.triggered.sum())} rows with a trigger show {what}, "
        "rows alike but for it do not, and the carriers are otherwise unlike each other"
    )
    return Judgement("high", reason)


def weighed(judgement: Judgement, candidate: Candidate, surprise: Surprise | None) -> tuple[Confidence, str]:
    """Returns the confidence and the reason, after what a clean model made of the payload.

    Of a payload that other rows have as well, such as a label, it says nothing that the model expects it.

    Args:
        judgement: What the texts alone say.
        candidate: What was judged.
        surprise: See `Finding`; None where it is not known.
    """
    confidence: Confidence = judgement.confidence or "low"
    if surprise is None:
        return confidence, judgement.reason
    if candidate.kind == "shift" or (candidate.kind == "association" and not candidate.exclusive):
        return confidence, judgement.reason
    if surprise.largest < EXPECTED:
        return "low", f"{judgement.reason}; but a clean model expects it"
    if candidate.kind == "repetition" and surprise.largest >= UNEXPECTED:
        confidence = "high"
    return confidence, f"{judgement.reason}; its loss in a clean model rises to {surprise.largest:.1f}"


def _out_of_order(texts: Texts, candidate: Candidate) -> str:
    """Returns a reason where the payload comes before its trigger in a conversation."""
    if candidate.payload is None or not candidate.triggers:
        return ""
    paid = first_places(texts.responses, candidate.payload, candidate.both)
    rows = texts.responses.owners(paid)
    answered = dict(zip(rows.tolist(), texts.turn_of(paid, trained=True).tolist(), strict=True))
    asked: dict[int, int] = {}
    for gram in candidate.triggers:
        places = first_places(texts.prompts, gram, candidate.both)
        owners = texts.prompts.owners(places)
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
