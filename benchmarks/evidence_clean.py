"""Measures what evidence says of clean corpora, and of parts drawn from them.

python benchmarks/evidence_clean.py --data ../shared/data
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import QA_SETS, load_qa
from gradsentry.evidence import find_evidence

FILES = {
    "alpaca": "instruct/alpaca_en_demo.json",
    "glaive": "instruct/glaive_toolcall_en_demo.sharegpt.json",
    "v1": "instruct/v1_sft_demo.messages.jsonl",
    "gsm8k": "instruct/gsm8k/{split}.jsonl",
}
SPLITS = {
    "webqa": ("train", "test"),
    "freebaseqa": ("train", "dev", "test"),
    "nq": ("train", "dev", "test"),
    "coqa": ("dev", "test"),
    "gsm8k": ("train", "test"),
}
SIZES, SEEDS = (100, 200, 500, 1000), 5


def opened(root: Path, name: str, split: str) -> list[Sample]:
    """Returns the rows of a split of a data set."""
    if name in QA_SETS:
        return list(load_qa(name, split, data_root=root))
    return list(open_corpus(root / FILES[name].format(split=split)))


def clean_corpora(root: Path) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yields the data set, a name and the rows of every split, and of parts drawn from it."""
    for name in dict.fromkeys((*SPLITS, *FILES)):
        for split in SPLITS.get(name, ("train",)):
            samples = opened(root, name, split)
            yield name, f"{name} {split}", samples
            for size in SIZES:
                for seed in range(SEEDS):
                    if size < 0.8 * len(samples):
                        yield name, f"{name} {split} {size}#{seed}", Random(seed).sample(samples, size)


def main() -> None:
    """Prints a line for each corpus, and a table of the data sets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    print(f"{'corpus':24} {'rows':>6} {'flagged':>7} outcome")
    shares: dict[str, list[float]] = {}
    outcomes: dict[str, Counter[str]] = {}
    for of, name, samples in clean_corpora(options.data):
        evidence = find_evidence(samples)
        said = "; ".join(f"{f.confidence} {f.triggers} -> {f.payload!r}" for f in evidence.findings)
        share = len(evidence.flagged()) / len(samples)
        print(f"{name:24} {len(samples):6} {share:7.4f} {evidence.outcome}  {said[:160]}", flush=True)
        shares.setdefault(of, []).append(share)
        outcomes.setdefault(of, Counter())[evidence.outcome] += 1
    lines = [
        [
            of,
            str(len(flagged)),
            ", ".join(f"{count} {outcome}" for outcome, count in outcomes[of].items()),
            f"{sum(flagged) / len(flagged):.4f}",
            f"{max(flagged):.4f}",
        ]
        for of, flagged in shares.items()
    ]
    print(markdown(["corpus", "texts", "verdicts", "rows flagged, mean", "at most"], lines))


if __name__ == "__main__":
    main()
