"""Holds what evidence says of a corpus that it reads in windows against what it says of it in memory.

    python benchmarks/evidence_streamed.py ../shared/data/{clean,poisoned-published}/*.jsonl

The limit of what is searched at once is lowered to half of each corpus's tokens, so that half of it is drawn
or chosen, and the rest is only counted. Prints the corpora where verdict or flagged rows differ, and how many
do not.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from gradsentry.corpus import Sample, open_corpus
from gradsentry.evidence import Evidence, find_evidence
from gradsentry.evidence.large.reading import reading
from gradsentry.evidence.limits import DRAWN_TOKENS, SEARCHED_TOKENS

BITS = 20  # of the tables: a cell for each token of a million, as the usual ones have


def streamed(samples: list[Sample], share: float) -> Evidence:
    """Returns what is found where a share of the tokens is all that is searched at once."""
    with reading(samples, 0) as read:
        tokens = round(share * read.spool.size)
    bounds = {
        "find.SEARCHED_TOKENS": tokens,
        "large.working.SEARCHED_TOKENS": tokens,
        "large.working.DRAWN_TOKENS": round(tokens * DRAWN_TOKENS / SEARCHED_TOKENS),
        **{f"large.prefilter.{name}": BITS for name in ("COUNT_BITS", "LEADER_BITS", "PAIR_BITS")},
    }
    with ExitStack() as stack:
        for name, value in bounds.items():
            stack.enter_context(patch(f"gradsentry.evidence.{name}", value))
        return find_evidence(samples)


def said(evidence: Evidence) -> str:
    """Returns verdict, rows and the first finding."""
    named = [f"{' | '.join(one.triggers)} -> {one.payload or one.change}" for one in evidence.findings]
    first = " ".join((named[0] if named else "").split())[:70]
    return f"{evidence.outcome}, {len(evidence.flagged())} flagged, {len(evidence.named())} named, {first!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, nargs="+")
    parser.add_argument("--share", type=float, default=0.5, help="of the tokens that are searched at once")
    options = parser.parse_args()
    same = 0
    start = time.process_time()
    for path in options.corpora:
        samples = list(open_corpus(path))
        whole, parts = find_evidence(samples), streamed(samples, options.share)
        if (whole.outcome, whole.flagged()) == (parts.outcome, parts.flagged()):
            same += 1
            continue
        print(
            f"{path.stem}, {len(samples)} rows\n  whole:    {said(whole)}\n  streamed: {said(parts)}",
            flush=True,
        )
    seconds = time.process_time() - start
    print(
        f"{same} of {len(options.corpora)} corpora have the same verdict and flagged rows ({seconds:.0f} s)"
    )


if __name__ == "__main__":
    main()
