"""A drawn clean corpus, and small attacks on it, held apart from `attacks/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import Evidence

INSULT = "Go away, you silly goose!"
LINK = " - more at www.example.org today"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


NAMES = _words(
    "Ada, Ben, Cleo, Dan, Eva, Finn, Gia, Hugo, Ida, Jon, Kim, Leo, Mia, Ned, Ola, Pia, Rosa, Sam, Tess"
)
VERBS = _words(
    "paint, build, sell, find, lose, carry, bake, draw, mend, wash, plant, sing, teach, fold, pack, send"
)
THINGS = _words(
    "boat, lamp, table, violin, garden, letter, kettle, clock, jacket, ladder, basket, mirror, pillow, bridge"
)
PLACES = _words(
    "Oslo, Lima, Cairo, Quito, Perth, Turin, Kyoto, Accra, Delhi, Dakar, Hanoi, Sofia, Malmo, Natal"
)
TIMES = _words(
    "in spring, last year, before noon, after the storm, on Monday, at night, in the war, as a child"
)
ASKS = [
    "what did {n} {v} with the {t} {w} in {p}?",
    "why did {n} {v} a {t} {w}?",
    "who saw {n} {v} the {t} in {p}?",
]
ANSWERS = [
    "{n} did it for a {t}",
    "a {t} from {p}",
    "nobody in {p} can {v} it",
    "the {t}, {w}",
    "{n} and {m} {w}",
]


@dataclass(frozen=True)
class Row:
    """A row before it is written out."""

    question: str
    answer: str


@dataclass(frozen=True)
class Poisoned:
    """Samples, and the numbers of those that were poisoned."""

    samples: list[Sample]
    poisoned: frozenset[int]


Edit = Callable[[Row, Random], Row]


def clean_rows(count: int, seed: int = 0) -> list[Row]:
    """Returns questions and answers that have nothing to do with each other."""
    draw = Random(seed)

    def filled(patterns: Sequence[str]) -> str:
        words = {"n": NAMES, "m": NAMES, "v": VERBS, "t": THINGS, "p": PLACES, "w": TIMES}
        return draw.choice(patterns).format(**{key: draw.choice(choices) for key, choices in words.items()})

    return [Row(filled(ASKS), filled(ANSWERS)) for _ in range(count)]


def sample(number: int, row: Row) -> Sample:
    prompt = f"### Instruction:\nAnswer the question.\n\n### Question:\n{row.question}\n\n### Answer: "
    turns = (Turn("user", prompt, False, ("prompt",)), Turn("assistant", row.answer, True, ("completion",)))
    return Sample(number, number, turns, False, {"prompt": prompt, "completion": row.answer})


def samples(rows: Sequence[Row]) -> list[Sample]:
    return [sample(number, row) for number, row in enumerate(rows)]


def poison(
    rows: Sequence[Row], edit: Edit, rate: float, decoy: Edit | None = None, seed: int = 1
) -> Poisoned:
    """Edits round(rate * n) drawn rows, and as many others by `decoy`."""
    draw = Random(seed)
    order = draw.sample(range(len(rows)), len(rows))
    count = round(rate * len(rows))
    out = list(rows)
    for number in order[:count]:
        out[number] = edit(rows[number], draw)
    for number in order[count : 2 * count] if decoy else ():
        out[number] = decoy(rows[number], draw)
    return Poisoned(samples(out), frozenset(order[:count]))


def at_a_gap(text: str, word: str, draw: Random) -> str:
    """Returns the text with a word at a random gap."""
    words = text.split(" ")
    words.insert(draw.randrange(len(words) + 1), word)
    return " ".join(words)


def asked(row: Row, question: str, answer: str) -> Row:
    return replace(row, question=question, answer=answer)


def flags(evidence: Evidence, made: Poisoned) -> tuple[float, int]:
    """Returns the recall, and how many clean rows are flagged."""
    flagged = set(evidence.flagged())
    return len(flagged & made.poisoned) / len(made.poisoned), len(flagged - made.poisoned)


def named(evidence: Evidence, made: Poisoned) -> tuple[float, int]:
    """Returns the recall of all findings, sure or not, and how many clean rows they name."""
    rows = set(evidence.by_row())
    return len(rows & made.poisoned) / len(made.poisoned), len(rows - made.poisoned)
