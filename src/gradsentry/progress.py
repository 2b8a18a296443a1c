"""How far long work is, on stderr: a bar in a terminal or a notebook, a line now and then elsewhere.

Rows differ in length and run in an order of their own, so time goes by their text and not by their number.
What was there before the work began here counts as done, but says nothing of the pace.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gradsentry.corpus.sample import Sample

LINE_SECONDS = 30.0  # between two lines, where there is no terminal
TOLD_FROM = (
    0.02  # of the work is done here before it says how long the rest takes: the first rows take longest
)
CHARACTERS = 4  # of a token, about; of a row that is cut to fit no more text counts than fits

OnRow = Callable[[int, int], None]
OnCount = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is to do.

    Attributes:
        max_length: Tokens of a row at most.
        rows: How many rows.
        text: How much text, in characters.
    """

    max_length: int
    rows: int = 0
    text: int = 0

    def of(self, characters: int) -> int:
        """Returns how much of a row of so many characters counts."""
        return 1 + min(characters, CHARACTERS * self.max_length)

    def plus(self, sample: Sample) -> Amount:
        """Returns the amount with one more row."""
        return Amount(self.max_length, self.rows + 1, self.text + self.of(sample.characters))


@dataclass(frozen=True, slots=True)
class Step:
    """How far a piece of work is.

    Attributes:
        what: What is counted: rows, answers.
        done: How many of it are done, those included that were there before.
        total: How many there are.
        share: How much of the work that is, in [0, 1].
        unit: What the rate is of: tokens.
        rate: How many of that a second, since the work began; None before anything is done.
        seconds_left: How long the rest takes at this pace; None before enough is done to tell.
    """

    what: str
    done: int
    total: int
    share: float
    unit: str
    rate: float | None
    seconds_left: float | None

    def counted(self) -> str:
        """Returns how many are done."""
        return f"{self.done:,} of {self.total:,} {self.what}"

    def paced(self) -> str:
        """Returns the rate and the time left."""
        if self.rate is None:
            return ""
        rate = f"{self.rate:,.0f}" if self.rate >= 100 else f"{self.rate:.2g}"
        if self.seconds_left is None:
            return f"{rate} {self.unit}/s"
        return f"{rate} {self.unit}/s, {timedelta(seconds=round(self.seconds_left))} left"

    def line(self) -> str:
        """Returns the step in a line of a log."""
        parts = (self.counted(), f"{100 * self.share:.0f} % of the work", self.paced())
        return "; ".join(part for part in parts if part)


OnProgress = Callable[[Step], None]


@contextmanager
def watching(what: str, amount: Amount, progress: bool | OnProgress) -> Iterator[OnRow]:
    """Yields a function of (characters of a row that is done, tokens it took), which shows how far it is.

    Args:
        what: What the rows are called.
        amount: How much there is to do.
        progress: Whether to show it, or who is told instead.
    """
    rows = text = before = tokens = 0
    with _showing(progress) as show:
        started = time.monotonic()

        def on_row(characters: int, took: int) -> None:
            nonlocal rows, text, before, tokens
            done = amount.of(characters)
            rows, text, tokens = rows + 1, text + done, tokens + took
            before += 0 if took else done
            elapsed, here = time.monotonic() - started, text - before
            show(
                Step(
                    what,
                    rows,
                    amount.rows,
                    text / amount.text,
                    "tokens",
                    tokens / elapsed if here and elapsed else None,
                    elapsed * (amount.text - text) / here if here >= TOLD_FROM * amount.text else None,
                )
            )

        yield on_row


@contextmanager
def counting(what: str, *, shown: bool) -> Iterator[OnCount]:
    """Yields a function of (things done, things in all), which shows how far the work is.

    Args:
        what: What is counted; one thing takes as long as another.
        shown: Whether to show it.
    """
    before: int | None = None
    with _showing(shown) as show:
        started = time.monotonic()

        def on_count(done: int, total: int) -> None:
            nonlocal before
            before = done - 1 if before is None else before  # what was there when the work went on
            elapsed, here = time.monotonic() - started, done - before
            known = here > 0 and elapsed > 0
            rate = here / elapsed if known else None
            left = elapsed * (total - done) / here if known else None
            show(Step(what, done, total, done / max(total, 1), what, rate, left))

        yield on_count


@contextmanager
def _showing(progress: bool | OnProgress) -> Iterator[OnProgress]:
    """Yields what shows a step."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda step: None
        return
    console = Console(stderr=True)
    # What rich takes for a terminal because a variable says so may be a log.
    if not (console.is_jupyter or (sys.stderr.isatty() and not console.is_dumb_terminal)):
        yield _lines()
        return
    columns = (BarColumn(), TextColumn("{task.fields[counted]}"), TextColumn("{task.fields[paced]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0, counted="", paced="")
        yield lambda step: bar.update(task, completed=step.share, counted=step.counted(), paced=step.paced())


def _lines() -> OnProgress:
    """Returns what writes a line now and then."""
    last = time.monotonic()

    def show(step: Step) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            print(step.line(), file=sys.stderr, flush=True)

    return show
