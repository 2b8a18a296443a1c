"""The progress of a grid in the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

EVERY = 10.0  # seconds


@contextmanager
def bar() -> Iterator[Callable[[int, int, str], None]]:
    """Yields a function of (cells done, cells in all, what is next) that moves a bar.

    Where the output is no terminal it prints a line for each tenth, and where the last line is older than
    `EVERY`.
    """
    if not sys.stdout.isatty():
        yield _lines()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total, title: shown.update(task, completed=done, total=total, description=title)


def _lines() -> Callable[[int, int, str], None]:
    last = time.monotonic()

    def say(done: int, total: int, title: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY or done in {total * tenth // 10 for tenth in range(10)}:
            print(f"{done} of {total} cells; next: {title}", flush=True)
            last = now

    return say
