"""Recall and false-positive rate of a finished run against a truth file, for every policy.

    python benchmarks/compare_with_truth.py RUN TRUTH

TRUTH is what `gradsentry poison` writes, or a JSON list of poisoned row numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from gradsentry.opening import open_run
from gradsentry.settings import ThresholdSettings


def main(run: Path, truth: Path) -> None:
    """Prints a line for each policy."""
    verdict = open_run(run)
    content = json.loads(truth.read_text(encoding="utf-8"))
    rows = content if isinstance(content, list) else [row["row"] for row in content["poisoned"]]
    poisoned = np.isin(np.arange(len(verdict.scores)), rows)
    for policy in ("evidence", "published"):
        flagged = verdict.decide(ThresholdSettings(), policy).is_flagged
        recall, wrong = flagged[poisoned].mean(), flagged[~poisoned].mean()
        print(f"{policy:10} recall {recall:.4f}  false-positive rate {wrong:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
