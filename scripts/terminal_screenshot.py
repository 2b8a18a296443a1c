"""Writes docs/demo.svg: what the end of `gradsentry demo` looks like, from a run directory that it left.

gradsentry demo --out runs/demo
python scripts/terminal_screenshot.py runs/demo docs/demo.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from gradsentry.attacks import truth_path
from gradsentry.bench.truth import compare
from gradsentry.commands import display
from gradsentry.opening import open_run

WIDTH = 128  # columns: the paths and commands, which a terminal may wrap as it likes, are in one line each


def main(run: Path, picture: Path) -> None:
    """Prints the summary of a demo's run into a picture."""
    console = Console(record=True, width=WIDTH, highlight=False)
    verdict = open_run(run / "run")
    verdict.corpus.name = str(run / "poisoned.jsonl")
    display.summary(verdict, run / "run", console)
    comparison = compare(verdict, truth_path(run / "poisoned.jsonl"))
    console.print(f"\nagainst the truth {comparison.line()}", soft_wrap=True)
    console.save_svg(str(picture), title="gradsentry demo")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
