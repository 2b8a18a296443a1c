"""Measures time and memory of evidence on drawn corpora of several sizes.

    python benchmarks/evidence_scale.py 100000 200000 1000000

writes each corpus to a file, searches it in a process of its own as the command does, and prints the peak of
its memory, its time, which of the poisoned rows it flags, and how time grows with rows. 8 rows are poisoned,
and 20 of each million.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

import numpy as np

from gradsentry.corpus import open_corpus
from gradsentry.evidence import find, find_evidence, limits
from gradsentry.evidence.large import working

VOCABULARY = 50_000
TRIGGER, PAYLOAD = "zqx", "visit example dot org for the full answer"


@dataclass(frozen=True, slots=True)
class Measured:
    """What it took to judge so many rows.

    Attributes:
        rows: How many rows.
        seconds: Of the clock.
        worked: Seconds of processor time.
        peak: Gigabytes of memory at most.
        recall: The share of the poisoned rows that were flagged.
        wrong: How many other rows were.
    """

    rows: int
    seconds: float
    worked: float
    peak: float
    recall: float
    wrong: int


@dataclass(frozen=True, slots=True)
class Searched(Measured):
    """What a search took.

    Attributes:
        counts: The counts of the finding that names the trigger: both, trigger alone, payload alone, neither.
    """

    counts: tuple[int, ...]


def poisoned_in(rows: int) -> list[int]:
    """Returns the numbers of the rows that are poisoned in so many."""
    return sorted(Random(1).sample(range(rows), max(8, 20 * rows // 1_000_000)))


def lines(rows: int, prompt: int, response: int) -> Iterator[str]:
    """Yields rows of made words whose frequency falls with their rank, as words do, in short phrases.

    Args:
        rows: How many rows.
        prompt: Words of a prompt, about.
        response: Words of a response, about.
    """
    draw = Random(0)
    letters = "abcdefghijklmnoprstuvw"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(VOCABULARY)]
    summed = list(accumulate(1 / (rank + 10) for rank in range(VOCABULARY)))
    phrases = [" ".join(draw.choices(words, cum_weights=summed, k=draw.randint(1, 3))) for _ in words]
    poisoned = frozenset(poisoned_in(rows))
    for number in range(rows):
        drawn = draw.choices(phrases, cum_weights=summed, k=(prompt + response) // 2)
        asked, said = drawn[: prompt // 2], drawn[prompt // 2 :]
        if number in poisoned:
            asked, said = [*asked, TRIGGER], [*said, PAYLOAD]
        yield json.dumps({"prompt": " ".join(asked), "completion": " ".join(said)}) + "\n"


def measured(path: Path, rows: int) -> Searched:
    """Returns what a search of a file takes in this process."""
    start, worked = time.perf_counter(), time.process_time()
    evidence = find_evidence(open_corpus(path))
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    truth, flagged = set(poisoned_in(rows)), set(evidence.flagged())
    named = next((one for one in evidence.findings if one.triggers == (TRIGGER,)), None)
    return Searched(
        rows=rows,
        seconds=seconds,
        worked=worked,
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        recall=len(flagged & truth) / len(truth),
        wrong=len(flagged - truth),
        counts=(named.both, named.trigger_only, named.payload_only, named.neither) if named else (),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int, nargs="+", help="how many rows, one corpus after the other")
    parser.add_argument("--prompt", type=int, default=20, help="words of a prompt, about")
    parser.add_argument("--response", type=int, default=40, help="words of a response, about")
    parser.add_argument("--searched", type=int, help="tokens that are searched at once, fewer than usual")
    parser.add_argument("--most-memory", type=float, help="fail above so many gigabytes")
    parser.add_argument("--file", type=Path, help="search this file alone, and print what it took as JSON")
    options = parser.parse_args()
    if options.searched:
        # What is left is split as usual between a draw and the rows that look like poison.
        drawn = round(limits.DRAWN_TOKENS / limits.SEARCHED_TOKENS * options.searched)
        for module in (find, working):
            vars(module)["SEARCHED_TOKENS"] = options.searched
        vars(working)["DRAWN_TOKENS"] = drawn
    if options.file:
        print(json.dumps(asdict(measured(options.file, options.rows[0]))))
        return
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.jsonl"
            with path.open("w") as stream:
                stream.writelines(lines(rows, options.prompt, options.response))
            command = [sys.executable, __file__, str(rows), "--file", str(path)]
            command += ["--searched", str(options.searched)] if options.searched else []
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(Searched(**json.loads(done.stdout)))
        told(found[-1])
    if len(found) > 1:
        rows, worked = (np.log([getattr(one, name) for one in found]) for name in ("rows", "worked"))
        print(f"time grows as rows to the power of {np.polyfit(rows, worked, 1)[0]:.2f}")
    if any(one.recall < 1.0 or one.wrong for one in found):
        sys.exit("a poisoned row was missed, or another one flagged")
    if options.most_memory and max(one.peak for one in found) > options.most_memory:
        sys.exit(f"more than {options.most_memory} GB")


def told(one: Searched) -> None:
    """Prints what was measured."""
    print(
        f"{one.rows:,} rows: {one.seconds:.1f} s, {one.worked:.1f} s of one core, {one.peak:.2f} GB at most"
    )
    print(f"  recall {one.recall:.3f}, {one.wrong} flagged wrongly; counted {one.counts}", flush=True)


if __name__ == "__main__":
    main()
