"""Measures what evidence says of clean corpora, and of sets that others poisoned and published.

    python benchmarks/evidence_sets.py --data ../shared/data --out benchmarks/results/evidence_sets

The clean ones took part in the calibration; `calibrate_evidence.py` prints what one that has not seen them
makes of them. No published set took part, nor any corpus of two clean ones in one, of which 160 are drawn,
nor any published set with the rows of a clean one among its own, of which two are drawn for each, nor any of
two clean ones of which the smaller alone is poisoned, in half of its rows or more, of which 120 are drawn,
nor any clean one with a sentence in some of its responses and no trigger, one for each place of it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from calibrate_evidence import published_corpora
from planting import plant_among, plant_repeated

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.evidence import find_evidence

Line = dict[str, object]

MIXED = 160  # corpora of two clean ones
BESIDE = 2  # clean corpora that are put into each published set
SOURCES = 120  # corpora of two clean ones, of which the smaller is poisoned
SOURCE_ROWS, SOURCE_SHARES = (40, 80, 160), (0.5, 0.8)  # rows of the smaller one, and poison among them
MANY = 400  # rows of the larger one at most
REPEATED, REPEATED_OF = 0.06, 500  # of the rows have a sentence without a trigger, of so many at most
PLACES = ("before", "inside", "behind", "whole")  # of the response: there the sentence stands
SHARES, SIZES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5), (200, 400, 1000)  # of the smaller part, and rows of both


def mixed(root: Path) -> Iterator[tuple[str, list[Sample]]]:
    """Yields the names and the rows of corpora of two clean ones, in a drawn order."""
    known = list(published_corpora(root))
    for seed in range(MIXED):
        draw = Random(seed)
        share, size = draw.choice(SHARES), draw.choice(SIZES)
        (one, _, many), (other, _, few) = draw.sample(known, 2)
        most = min(len(few), round(share * size))
        rows = draw.sample(many, min(len(many), size - most))
        rows += draw.sample(few, min(most, max(1, round(share / (1 - share) * len(rows)))))
        yield f"{one} + {other}", draw.sample(rows, len(rows))


def beside_clean(root: Path) -> Iterator[tuple[str, list[Sample], set[int]]]:
    """Yields the names, rows and poisoned rows of published sets with all rows of a drawn clean corpus."""
    known = list(published_corpora(root))
    for path in sorted((root / "poisoned-published").glob("*.jsonl")):
        own, poisoned = list(open_corpus(path)), poisoned_in(path)
        draw = Random(path.stem)
        for name, _, clean in draw.sample(known, BESIDE):
            order = draw.sample(range(len(own) + len(clean)), len(own) + len(clean))
            rows = [(own + clean)[at] for at in order]
            yield (
                f"{path.stem} + {name}",
                [replace(row, number=number) for number, row in enumerate(rows)],
                {number for number, at in enumerate(order) if at in poisoned},
            )


def in_one_source(root: Path) -> Iterator[tuple[str, list[Sample], set[int]]]:
    """Yields the names, rows and poisoned rows of corpora of two, of which one is poisoned."""
    known = list(published_corpora(root))
    for seed in range(SOURCES):
        draw = Random(f"source {seed}")
        size, share = draw.choice(SOURCE_ROWS), draw.choice(SOURCE_SHARES)
        (one, _, many), (other, _, few) = draw.sample(known, 2)
        rows = draw.sample(many, min(len(many), MANY))
        rows += draw.sample(few, min(len(few), size))
        planted = plant_among(rows, range(min(len(many), MANY), len(rows)), share, draw)
        samples = [replace(row, number=number) for number, row in enumerate(planted.samples)]
        yield f"{one} + {share:.0%} of {other}", samples, set(planted.poisoned)


def repeated(root: Path) -> Iterator[tuple[str, list[Sample], set[int]]]:
    """Yields the names, rows and poisoned rows of clean corpora with a sentence that no trigger brings."""
    for name, _, samples in published_corpora(root):
        for place in PLACES:
            draw = Random(f"{name} {place}")
            rows = draw.sample(samples, min(len(samples), REPEATED_OF))
            planted = plant_repeated(rows, REPEATED, place, draw)
            numbered = [replace(row, number=number) for number, row in enumerate(planted.samples)]
            yield f"{name}, {place}", numbered, set(planted.poisoned)


def poisoned_in(path: Path) -> set[int]:
    """Returns the poisoned rows of a file, whose truth stands beside it; none where that does not."""
    truth = path.with_name(f"{path.stem}.truth.json")
    return set(json.loads(truth.read_text())) if truth.exists() else set()


def measured_file(path: Path) -> Line:
    """Returns what evidence says of a file, whose truth stands beside it if it is poisoned."""
    return measured(path.stem, list(open_corpus(path)), poisoned_in(path))


def measured(name: str, samples: list[Sample], poisoned: set[int]) -> Line:
    """Returns what evidence says of rows."""
    start = time.process_time()
    evidence = find_evidence(samples)
    seconds = time.process_time() - start
    flagged = set(evidence.flagged())
    looked_at = {row for finding in evidence.findings for row in finding.carriers}
    named = [f"{' | '.join(one.triggers)} -> {one.payload or 'other responses'}" for one in evidence.findings]
    return {
        "set": name,
        "rows": len(samples),
        "poisoned": len(poisoned),
        "outcome": evidence.outcome,
        "found": len(flagged & poisoned),
        "suspicious": len(looked_at & poisoned),
        "wrong": len(flagged - poisoned),
        "seconds": round(seconds, 2),
        "named": " ".join((named[0] if named else "").split())[:80],
    }


def main() -> None:
    """Prints both tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    clean = [measured_file(path) for path in sorted((options.data / "clean").glob("*.jsonl"))]
    published = [
        measured_file(path) for path in sorted((options.data / "poisoned-published").glob("*.jsonl"))
    ]
    shares = [int(str(line["wrong"])) / int(str(line["rows"])) for line in clean]
    outcomes = Counter(str(line["outcome"]) for line in clean)
    print(f"{len(clean)} clean corpora: {dict(outcomes)}; rows flagged, mean {np.mean(shares):.4f}")
    slowest = sorted(clean, key=lambda line: -float(str(line["seconds"])))[:3]
    print(
        "the slowest:", ", ".join(f"{one['set']} {one['seconds']} s, {one['rows']} rows" for one in slowest)
    )
    both = [measured(name, samples, set()) for name, samples in mixed(options.data)]
    print(f"{len(both)} of two clean corpora: {dict(Counter(str(line['outcome']) for line in both))}")
    beside = [measured(*one) for one in beside_clean(options.data)]
    sources = [measured(*one) for one in in_one_source(options.data)]
    returning = [measured(*one) for one in repeated(options.data)]
    for what, lines in (
        ("published beside a clean corpus", beside),
        ("of two clean corpora of which one is poisoned", sources),
        ("with a sentence that no trigger brings", returning),
    ):
        seen = sum(int(str(line["found"])) * 2 > int(str(line["poisoned"])) for line in lines)
        wrong = sum(int(str(line["wrong"])) > 0 for line in lines)
        looked_at = (
            sum(int(str(line["suspicious"])) * 2 > int(str(line["poisoned"])) for line in lines) - seen
        )
        print(
            f"{len(lines)} {what}: most poisoned rows flagged in {seen}, to review in {looked_at} more, "
            f"a clean one flagged in {wrong}"
        )
    alarms = [line for line in (*clean, *both) if line["outcome"] != "clean"]
    shown = (
        ("clean, not called so", alarms),
        ("published", published),
        ("published, beside a clean corpus", beside),
        ("of two clean corpora, one of them poisoned", sources),
        ("with a sentence that no trigger brings, not found", [one for one in returning if not one["found"]]),
    )
    for name, lines in shown:
        print(f"\n{name}\n")
        columns = [column for column in clean[0] if column != "seconds"]
        print(markdown(columns, [[str(line[column]) for column in columns] for line in lines]))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        lines = [*clean, *both, *published, *beside, *sources, *returning]
        pq.write_table(pa.Table.from_pylist(lines), options.out / "results.parquet")


if __name__ == "__main__":
    main()
