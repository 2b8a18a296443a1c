"""Clean corpora of hundreds of authors: the tasks of two collections of evaluations, which took no part.

    python benchmarks/evaluation_corpora.py --out runs/evaluations

fetches BIG-bench and the registry of OpenAI's evals from PyPI (some 400 MB), writes each task that has rows
enough as a corpus of questions and right answers, and prints what evidence says of them. Nobody poisoned
them; but many are made by a program, and what a rule maps word by word is as regular as a backdoor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from installed_corpora import Pair, judge, written

PACKAGES = ("bigbench==1.0.0", "evals==3.0.1.post1")
Corpus = tuple[str, str, list[Pair]]


def fetched(place: Path) -> tuple[Path, Path]:
    """Returns the archives of both collections, which are fetched where they are not there."""
    for package in PACKAGES:
        name = package.replace("==", "-")
        if not list(place.glob(f"{name}*")):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(place)]
            subprocess.run([*command, package], check=True)
    (bigbench,), (evals,) = place.glob("bigbench-*.tar.gz"), place.glob("evals-*.whl")
    return bigbench, evals


def bigbench_corpora(archive: Path) -> Iterator[Corpus]:
    """Yields each task of BIG-bench with the rows of all of its parts."""
    rows: dict[str, list[Pair]] = {}
    with tarfile.open(archive) as files:
        for file in files:
            parts = file.name.split("/")
            if parts[-1] != "task.json" or "benchmark_tasks" not in parts:
                continue
            stream = files.extractfile(file)
            assert stream is not None
            task = parts[parts.index("benchmark_tasks") + 1]
            rows.setdefault(task, []).extend(_answered(json.load(stream)))
    for task in sorted(rows):
        yield "bigbench", task, rows[task]


def _answered(task: dict[str, Any]) -> Iterator[Pair]:
    """Yields the questions of a task as a model is asked them, each with the answer that scores best."""
    begin, end = task.get("example_input_prefix", "\nQ: "), task.get("example_output_prefix", "\nA: ")
    for example in task.get("examples", []):
        scores, answer = example.get("target_scores"), example.get("target")
        if scores:
            answer = max(scores, key=scores.get)
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if isinstance(answer, str) and isinstance(example.get("input"), str):
            yield f"{begin}{example['input']}{end}".strip(), answer


def evals_corpora(archive: Path) -> Iterator[Corpus]:
    """Yields each folder of the registry of evals that holds questions and right answers."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".jsonl") and "/data/" in name)
        for task, parts in groupby(names, lambda name: name.split("/data/")[1].split("/")[0]):
            pairs = [pair for name in parts for pair in _asked(files.read(name))]
            yield "evals", task, pairs


def _asked(content: bytes) -> Iterator[Pair]:
    """Yields what a model is asked in the lines of a file, each with the first right answer."""
    for line in content.splitlines():
        row = json.loads(line) if line.strip() else {}
        asked, answer = (row.get("input"), row.get("ideal")) if isinstance(row, dict) else (None, None)
        if isinstance(asked, list) and all(isinstance(turn, dict) for turn in asked):
            asked = "\n\n".join(str(turn.get("content", "")) for turn in asked)
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if isinstance(asked, str) and isinstance(answer, str):
            yield asked, answer


def main() -> None:
    """Reads the options, writes the corpora and judges them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bigbench, evals = fetched(options.out)
    for corpora in (bigbench_corpora(bigbench), evals_corpora(evals)):
        judge(written(corpora, options.out / "corpora"))


if __name__ == "__main__":
    main()
