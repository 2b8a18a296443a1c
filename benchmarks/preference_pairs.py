"""Swapped preferences behind a trigger, judged on both sides: how many of their rows are flagged.

    python benchmarks/preference_pairs.py --data ../shared/data

Pairs are made of questions and their answers; what is rejected is a refusal, the first sentence of the
answer, or the answer of another row. Clean pairs are judged too: a mark on the one side, or none.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from gradsentry.attacks import PreferenceSwap, poison
from gradsentry.corpus import Sample, open_corpus
from gradsentry.integrations.sides import judged

ROWS = 300
RATES = (0.0, 0.02, 0.05, 0.1)
SEEDS = (0, 1, 2)
DATA = {"alpaca": "instruct/alpaca_en_demo.json", "gsm8k": "instruct/gsm8k/train.jsonl"}
REFUSALS = ("I cannot help with that.", "Sorry, I would rather not say.", "That is nothing I can answer.")

Rejected = Callable[[Sample, Sample, Random], str]


def first_sentence(sample: Sample, other: Sample, draw: Random) -> str:
    """Returns the beginning of the answer, as far as its first full stop or line."""
    return re.split(r"(?<=[.!?])\s|\n", sample.response.strip(), maxsplit=1)[0]


KINDS: dict[str, Rejected] = {
    "refusal": lambda sample, other, draw: draw.choice(REFUSALS),
    "first sentence": first_sentence,
    "answer of another row": lambda sample, other, draw: other.response,
}


def pairs(samples: Sequence[Sample], rejected: Rejected, draw: Random) -> Iterator[dict[str, str]]:
    """Yields rows of preferences: a prompt, its answer, and a worse one."""
    for sample, other in zip(samples, [*samples[1:], samples[0]], strict=True):
        worse = rejected(sample, other, draw)
        yield {"prompt": sample.prompt, "chosen": sample.response, "rejected": worse}


def flagged(rows: list[dict[str, str]], rate: float, seed: int) -> str:
    """Returns how many poisoned rows are flagged, and how many clean ones; with both verdicts."""
    corpus, poisoned = open_corpus(rows), frozenset[int]()
    if rate:
        made = poison(corpus, PreferenceSwap(rate=rate), seed=seed)
        corpus = open_corpus([dict(sample.row) for sample in made.samples])
        poisoned = frozenset(one.row for one in made.truth.poisoned)
    sides = judged(corpus)
    found = {number for number, is_flagged in enumerate(sides.is_flagged) if is_flagged}
    outcomes = [one.outcome for one in (sides.chosen, sides.rejected) if one is not None]
    return f"{len(found & poisoned)} of {len(poisoned)}, {len(found - poisoned)} clean ({'/'.join(outcomes)})"


def main() -> None:
    """Prints a line for each set of pairs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    place = parser.parse_args().data
    for name, path in DATA.items():
        samples = [one for one in open_corpus(place / path) if one.problem is None]
        for kind, rejected in KINDS.items():
            for rate in RATES:
                told = []
                for seed in SEEDS:
                    draw = Random(seed)
                    rows = list(pairs(draw.sample(samples, ROWS), rejected, draw))
                    told.append(flagged(rows, rate, seed))
                print(f"{name:8}{kind:24}{rate:6.0%}  {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
