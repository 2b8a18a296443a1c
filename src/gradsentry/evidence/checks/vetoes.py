"""What rules a candidate out, whatever else speaks for it: each rule says why in plain words.

An attacker's carriers are drawn rows, so they are unlike each other, and hold a string that was put into
finished text. The payload of natural carriers is short, or they lie together, or the payload stands
elsewhere as well. What passes here is decided by the calibration, which is made of what passes on clean
corpora.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.repeated import is_implanted
from gradsentry.evidence.checks.conversation import follows, is_usual_reply
from gradsentry.evidence.checks.templates import NATIVE, of_one_template
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START
from gradsentry.evidence.limits import LEAST, MANY, MOST, OWN, PATTERN, STRENGTH

APART = 0.4  # carriers that crowd more are drawn from one corner of the corpus, if drawn
CORNER = 0.6  # and beyond this they are natural
SURELY_FOREIGN, SURELY_APART = 0.9, 0.2  # of four rows with a name
USUAL = 0.5  # what so many other responses hold is no news
COPIED = 0.1  # of the payload's rows may hold it as a copy
TIED = 0.15  # of the way from chance to always, for the neighbours of a common payload's carriers
NOISE = 2.0  # standard errors that accident may add
SELDOM, MOSTLY = 0.1, 0.5  # of all rows, and of those alike, have a word that their topic brings
LABEL = -8.0  # log10 of the chance that a trigger's rows have a label as often as rows alike have it
LONG_PAYLOAD = 7  # tokens of a payload that may be reported where its trigger belongs to its sentences
FEW = 8  # rows with which nothing may be in doubt
FEW_FOREIGN = 0.6
SLIGHT = 4  # tokens that the payload of few rows has at least, at an end of its responses
STEM = 4  # characters that two forms of a word begin with at least
SHARED = 0.8  # of the carriers hold a companion of the trigger
RARE = 0.5  # of all rows hold it at most
HALF_FOREIGN = 0.5  # triggers whose places are ordinary text without them
BULK = 20  # rows times tokens of the payload: four rows do for a sentence, not for a name
SURE = -4.0  # log10 of the corrected chance, for a payload of the trigger's own
SURER = -6.0  # for a payload that other rows hold as well
SURELY_DRAWN = 0.1  # rows that crowd no more than this have nothing in common
MANY_PAIRS = 10  # other pairs of strings
FOLLOWS = 0.9  # of the carriers have the payload behind its trigger


def ruled_out(texts: Texts, candidate: Candidate) -> str:
    """Returns why an association is no attack, or nothing; of other candidates their searches ask enough."""
    if candidate.kind != "association":
        return ""
    foreign = texts.context.foreignness(candidate.triggers, candidate.both)
    reason = _too_weak(candidate) or _explained(texts, candidate) or _natural(texts, candidate, foreign)
    if reason:
        return reason
    if follows(texts, candidate) < FOLLOWS:
        return "the payload comes before the trigger"
    if _is_native(texts, candidate) and len(unmarked(candidate.payload or ())) < LONG_PAYLOAD:
        return "a short payload after a trigger that is part of its sentences"
    return ""


def doubt(texts: Texts, candidate: Candidate, pairs: float) -> str:
    """Returns why a candidate is at most a reason to look, or nothing.

    Args:
        texts: The corpus.
        candidate: The candidate.
        pairs: How many other pairs of strings the corpus holds.
    """
    if candidate.payload is None:
        return ""
    if is_usual_reply(texts, candidate):
        return "it may be the usual reply to such a turn"
    whole = candidate.payload[0] == START and candidate.payload[-1] == END
    if candidate.kind == "repetition":
        alike = whole and texts.crowding(candidate.paid, frozenset(), common=PATTERN) > SURELY_DRAWN
        return "it is all of the response, and may be an honest stock answer" if alike else ""
    if _is_native(texts, candidate):
        return "their sentences need the trigger, so it may be their topic"
    longest = max(len(unmarked(gram)) for gram in candidate.payloads)
    if pairs >= MANY_PAIRS and longest < LONG_PAYLOAD and candidate.both.mean() <= SELDOM:
        return "this corpus maps words to words, of which these may be two"
    return ""


def _is_native(texts: Texts, candidate: Candidate) -> bool:
    """Returns whether the sentences of the prompts need the trigger, and its payload is none by itself."""
    if is_implanted(texts, candidate.payload or (), candidate.paid, np.ones_like(candidate.paid)):
        return False
    foreign = texts.context.foreignness(candidate.triggers, candidate.both)
    return foreign < NATIVE or of_one_template(texts, candidate.both, candidate.triggers)


def _too_weak(candidate: Candidate) -> str:
    """Returns why a candidate is not worth a look, or nothing."""
    both = int(candidate.both.sum())
    tokens = sum(code not in (START, END) for code in candidate.payload or ())
    exact = candidate.coverage == candidate.precision == 1.0
    if both < LEAST or not tokens or (_is_short(candidate) and not exact):
        return "too few rows for so short a payload"
    if candidate.log10_p > (SURE if candidate.exclusive else SURER):
        return "may be accident"
    if candidate.exclusive:
        return ""
    payload = candidate.payload or ()
    whole = bool(payload) and payload[0] == START and payload[-1] == END
    if not whole and (tokens < 4 or candidate.coverage < OWN):
        return "a common phrase inside longer responses"
    if candidate.precision < 0.98 or len(candidate.triggers) > MOST:
        return "a common payload that its triggers do not always bring"
    return ""


def _is_short(candidate: Candidate) -> bool:
    """Returns whether so few rows with so short a payload may be accident."""
    return int(candidate.both.sum()) * len(unmarked(candidate.payload or ())) < BULK


def _natural(texts: Texts, candidate: Candidate, foreign: float) -> str:
    """Returns a reason where carriers may be what honest writing brings forth."""
    near = texts.crowding(candidate.both, codes_of(candidate.triggers))
    unsure = foreign < SURELY_FOREIGN or near > SURELY_APART
    few = candidate.both.sum() < FEW
    doubtful = foreign < FEW_FOREIGN or candidate.coverage < 1.0 or near > APART
    common = not candidate.exclusive
    reasons = {
        "too few rows for so short a payload": unsure and _is_short(candidate),
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
    if tokens >= LONG_PAYLOAD:
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
