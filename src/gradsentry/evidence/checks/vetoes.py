"""What rules a candidate out, whatever else speaks for it: each rule says why in plain words.

Only what keeps the natural candidates few that the calibration has to tell from attacks: without one of
these more planted attacks are missed, or more clean corpora called poisoned
(`benchmarks/calibrate_evidence.py ablate`).
All else is measured, and decided by what clean corpora show.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.candidates.repeated import is_implanted
from gradsentry.evidence.checks.conversation import follows, is_usual_reply
from gradsentry.evidence.checks.returning import honest_returns
from gradsentry.evidence.checks.templates import of_one_template
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import Gram, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, is_form_of
from gradsentry.evidence.limits import (
    BY_ACCIDENT,
    COMMON_BY_ACCIDENT,
    CROWDED,
    FOLLOWS,
    FORMAT_SHARE,
    LIKELY_OWN,
    LONG_PAYLOAD,
    MOST_RESPONSES,
    NATIVE,
    PART_OF_SENTENCES,
    SELDOM,
    USUAL,
)

USUAL_REPLY = "it may be the usual reply to such a turn"


def ruled_out(texts: Texts, candidate: Candidate) -> Iterator[str]:
    """Yields why a candidate is no attack; of other kinds their searches ask nearly all."""
    if candidate.carriers.mean() > FORMAT_SHARE:
        yield "nearly all rows carry it, so it is how they are written"
    if candidate.kind == "repetition" and is_usual_reply(texts, candidate):
        yield USUAL_REPLY
    if candidate.kind != "association":
        return
    if candidate.log10_p > (BY_ACCIDENT if candidate.exclusive else COMMON_BY_ACCIDENT):
        yield "may be accident"
    if not candidate.exclusive:
        yield from _common(texts, candidate)
    if not _is_whole(candidate.payload or ()) and not _has_news(texts, candidate):
        yield "the payload is made of the trigger and of what most responses hold"
    if texts.is_crowded(candidate.both, codes_of(candidate.triggers), CROWDED):
        yield "the carriers are alike even without the trigger"
    if follows(texts, candidate) < FOLLOWS:
        yield "the payload comes before the trigger"


def _common(texts: Texts, candidate: Candidate) -> Iterator[str]:
    """Yields why a payload that other rows hold as well is not the trigger's doing."""
    payload = candidate.payload or ()
    if not _is_whole(payload) and (len(unmarked(payload)) < LONG_PAYLOAD or candidate.coverage < LIKELY_OWN):
        yield "a common phrase inside longer responses"
    if texts.context.foreignness(candidate.triggers, candidate.both) < PART_OF_SENTENCES:
        yield "the trigger is part of its sentences, and the payload is common"


def _has_news(texts: Texts, candidate: Candidate) -> bool:
    """Returns whether a payload says a word that neither its trigger nor most other responses say."""
    others, known = ~candidate.paid, codes_of(candidate.triggers)
    words = texts.responses.words
    for code in set(unmarked(candidate.payload or ())) - known:
        held = rows_with(texts.responses, (code,)) & others
        is_form = any(is_form_of(words[code], words[other]) for other in known)
        if not is_form and held.sum() < USUAL * others.sum():
            return True
    return False


def _is_whole(payload: Gram) -> bool:
    return bool(payload) and payload[0] == START and payload[-1] == END


def doubts(texts: Texts, candidate: Candidate) -> Iterator[str]:
    """Yields why a candidate is at most a reason to look."""
    if candidate.payload is None:
        return
    if is_usual_reply(texts, candidate):
        yield USUAL_REPLY
    everyone = candidate.paid | ~candidate.paid
    if candidate.kind == "repetition":
        if candidate.paid.mean() > MOST_RESPONSES:
            yield "most responses hold it, so it may be how all of them are written"
        yield from honest_returns(texts, candidate.payload, candidate.paid)
    elif candidate.precision < SELDOM:
        yield "many rows with the trigger do not hold the payload, so it may be one of several answers to it"
    elif not is_implanted(texts, candidate.payload, candidate.paid, everyone):
        foreign = texts.context.foreignness(candidate.triggers, candidate.both)
        if foreign < NATIVE or of_one_template(texts, candidate.both, candidate.triggers):
            yield "their sentences need the trigger, so it may be their topic"
