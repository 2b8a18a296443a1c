"""Measures what evidence says of clean corpora, and of sets that others poisoned and published.

    python benchmarks/evidence_sets.py --data ../shared/data --out benchmarks/results/evidence_sets

The clean ones took part in the calibration; `calibrate_evidence.py` prints what one that has not seen them
makes of them. No published set took part.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.bench.tables import markdown
from gradsentry.corpus import open_corpus
from gradsentry.evidence import find_evidence

Line = dict[str, object]


def measured(path: Path) -> Line:
    """Returns what evidence says of a file, whose truth stands beside it if it is poisoned."""
    samples = list(open_corpus(path))
    start = time.process_time()
    evidence = find_evidence(samples)
    seconds = time.process_time() - start
    truth = path.with_name(f"{path.stem}.truth.json")
    poisoned = set(json.loads(truth.read_text())) if truth.exists() else set()
    flagged = set(evidence.flagged())
    looked_at = {row for finding in evidence.findings for row in finding.carriers}
    named = [f"{' | '.join(one.triggers)} -> {one.payload or 'other responses'}" for one in evidence.findings]
    return {
        "set": path.stem,
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
    clean = [measured(path) for path in sorted((options.data / "clean").glob("*.jsonl"))]
    published = [measured(path) for path in sorted((options.data / "poisoned-published").glob("*.jsonl"))]
    shares = [int(str(line["wrong"])) / int(str(line["rows"])) for line in clean]
    outcomes = Counter(str(line["outcome"]) for line in clean)
    print(f"{len(clean)} clean corpora: {dict(outcomes)}; rows flagged, mean {np.mean(shares):.4f}")
    slowest = sorted(clean, key=lambda line: -float(str(line["seconds"])))[:3]
    print(
        "the slowest:", ", ".join(f"{one['set']} {one['seconds']} s, {one['rows']} rows" for one in slowest)
    )
    alarms = [line for line in clean if line["outcome"] != "clean"]
    for name, lines in (("clean, not called so", alarms), ("published", published)):
        print(f"\n{name}\n")
        columns = [column for column in clean[0] if column != "seconds"]
        print(markdown(columns, [[str(line[column]) for column in columns] for line in lines]))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([*clean, *published]), options.out / "results.parquet")


if __name__ == "__main__":
    main()
