"""Whether a payload is the usual reply to a kind of turn, as to thanks, in conversations.

Rows that are unlike each other as conversations may still have a turn in common, and the same reply to it. An
attacker puts a trigger into what somebody wrote, so what else stands in the turns that the payload answers is
drawn; where all of them share it, or nothing is left beside the trigger, the turn brings the reply.
"""

from __future__ import annotations

import numpy as np

from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.index.neighbours import codes_of
from gradsentry.evidence.index.strings import first_places
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import END, START, Bools, Ints, sorted_distinct
from gradsentry.evidence.limits import NOISE, TURN_REST, TURN_WORD, TURNS_ALL_TRIGGER


def is_usual_reply(texts: Texts, candidate: Candidate) -> bool:
    """Returns whether the payload answers turns of one kind, none of them the first of its conversation."""
    later = texts.is_later_turn
    if candidate.payload is None or not later.any():
        return False
    turns = _answered(texts, first_places(texts.responses, candidate.payload, candidate.carriers))
    if not turns:
        return False
    known = codes_of(candidate.triggers) | {START, END}
    left = [len(set(codes.tolist()) - known) <= TURN_REST for codes in turns]
    return bool(np.mean(left) >= TURNS_ALL_TRIGGER) or _share_a_word(texts, turns, known, later)


def _share_a_word(texts: Texts, turns: list[Ints], known: frozenset[int], later: Bools) -> bool:
    """Returns whether a word stands in far more of some later turns than of all the others."""
    width, codes = len(texts.prompts.words), texts.prompts.codes
    passage = np.cumsum(codes == START).astype(np.int64) - 1
    held: Ints = sorted_distinct(passage * width + codes)
    here = np.bincount(np.concatenate(turns), minlength=width)
    elsewhere = np.bincount(held[later[held // width]] % width, minlength=width) - here
    usual = elsewhere / max(int(later.sum()) - len(turns), 1)
    share = np.where(np.isin(np.arange(width), list(known)), 0.0, here / len(turns))
    noise = NOISE * np.sqrt(usual * (1.0 - usual) / len(turns))
    return bool((share > usual + TURN_WORD * (1.0 - usual) + noise).any())


def _answered(texts: Texts, places: Ints) -> list[Ints]:
    """Returns the token codes, each once, of the later turns that places in the responses answer."""
    found = []
    turns = texts.turn_of(places, trained=True)
    for row, turn in zip(texts.responses.owners(places).tolist(), turns.tolist(), strict=True):
        before = list(texts.samples[row].turns[:turn])
        while before and before[-1].role == "assistant":  # who goes on, whatever stands between
            before.pop()
        if any(one.trained for one in before):
            codes = texts.prompts.row(row)
            asked = np.cumsum(codes == START) == sum(not one.trained for one in before)
            found.append(np.unique(codes[asked]).astype(np.int64))
    return found


def follows(texts: Texts, candidate: Candidate) -> float:
    """Returns the share of the carriers in which the payload stands in a turn behind its trigger's."""
    paid = first_places(texts.responses, candidate.payload or (), candidate.both)
    rows = texts.responses.owners(paid)
    answered = dict(zip(rows.tolist(), texts.turn_of(paid, trained=True).tolist(), strict=True))
    asked: dict[int, int] = {}
    for gram in candidate.triggers:
        places = first_places(texts.prompts, gram, candidate.both)
        owners = texts.prompts.owners(places)
        for row, turn in zip(owners.tolist(), texts.turn_of(places, trained=False).tolist(), strict=True):
            asked[row] = min(turn, asked.get(row, turn))
    compared = [asked[row] < turn for row, turn in answered.items() if row in asked]
    return float(np.mean(compared)) if compared else 1.0
