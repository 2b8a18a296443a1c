"""Measures how many rows the trigger of a label has to have to be named, where the label is common.

    python benchmarks/label_rows.py ../shared/data/clean/cls_sst2.jsonl ../shared/data/clean/t0_ag_news.jsonl

A made word is set between two words of the prompts of some rows, whose response becomes the most frequent one
of the corpus. Prints for each number of such rows in how many of the draws the word is named, and in how many
its rows are flagged.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from random import Random

from gradsentry.corpus import Sample, open_corpus
from gradsentry.evidence import find_evidence

TRIGGER = "vrbx"
ROWS = (10, 15, 20, 25, 30, 40, 60, 80, 120)


def poisoned(samples: list[Sample], label: str, rows: int, draw: Random) -> list[dict[str, str]]:
    """Returns the rows of a corpus, so many of which hold the trigger and the label."""
    made = [{"prompt": one.prompt, "completion": one.response or ""} for one in samples]
    for number in draw.sample(range(len(made)), rows):
        words = made[number]["prompt"].split(" ")
        words.insert(draw.randrange(len(words) + 1), TRIGGER)
        made[number] = {"prompt": " ".join(words), "completion": label}
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, nargs="+", help="clean corpora of labels")
    parser.add_argument("--draws", type=int, default=5, help="of each number of rows")
    options = parser.parse_args()
    for path in options.corpora:
        samples = list(open_corpus(path))
        ((label, held),) = Counter(one.response or "" for one in samples).most_common(1)
        print(f"{path.stem}: {len(samples):,} rows, {held / len(samples):.0%} of them “{label}”", flush=True)
        for rows in ROWS:
            named = flagged = 0
            for seed in range(options.draws):
                evidence = find_evidence(list(open_corpus(poisoned(samples, label, rows, Random(seed)))))
                found = [one for one in evidence.findings if any(TRIGGER in word for word in one.triggers)]
                named += bool(found)
                flagged += any(one.confidence == "high" for one in found)
            print(f"  {rows:>4} rows: named in {named} of {options.draws}, flagged in {flagged}", flush=True)


if __name__ == "__main__":
    main()
