"""Goes through the cells of a benchmark, one by one, and says where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from gradsentry.bench.cells import Record
from gradsentry.errors import GradSentryError, UsageError, meant
from gradsentry.plugins import blamed

OnCell = Callable[[int, int, str], None]
"""Called with how many cells are done, of how many, and what is under way."""

OnTitle = Callable[[str], None]
"""Called with what is under way in a cell."""


@dataclass(frozen=True)
class Made:
    """What came of a cell.

    Attributes:
        record: Its record.
        is_new: Whether this run measured it.
        failure: Why there is nothing to measure; None where it did not fail.
    """

    record: Record
    is_new: bool = False
    failure: GradSentryError | None = None


class _Titled(Protocol):
    @property
    def title(self) -> str: ...


_Cell = TypeVar("_Cell", bound=_Titled)


@dataclass(frozen=True)
class GridResult:
    """What a run of a benchmark did.

    Attributes:
        records: A record for each cell, in the spec's order.
        computed: How many were measured by this run; the others were there, were skipped or failed.
        failures: What each cell that failed did so with.
        earlier: Where the files of an earlier run are kept, which had results that this one has not.
    """

    records: list[Record]
    computed: int
    failures: tuple[GradSentryError, ...] = ()
    earlier: Path | None = None

    @classmethod
    def of(cls, made: Sequence[Made], earlier: Path | None = None) -> GridResult:
        """Returns the result of a run from what came of each cell."""
        failures = tuple(one.failure for one in made if one.failure)
        return cls([one.record for one in made], sum(one.is_new for one in made), failures, earlier)

    @property
    def failed(self) -> list[Record]:
        """The cells that failed."""
        return [record for record in self.records if record["status"] == "failed"]


def failure_of(error: Exception) -> GradSentryError:
    """Returns what a cell failed with: a fault of a plugin, of the data or of ours."""
    failure = blamed(error) or meant(error)
    if failure is not error:
        failure.__cause__ = error
    return failure


def refuse_failures(failures: Sequence[GradSentryError], cells: int) -> None:
    """Raises where cells failed: what a benchmark ends with when all that could be measured is written.

    Args:
        failures: What each cell that failed did so with.
        cells: How many cells there are.

    Raises:
        UsageError: If each failed for what was given: data, a setting, a plugin.
        GradSentryError: If one failed otherwise.
    """
    if not failures:
        return
    ours = [one for one in failures if not isinstance(one, UsageError)]
    first, kind = (ours[0], GradSentryError) if ours else (failures[0], UsageError)
    others = len({one.line() for one in failures}) - 1
    more = f" (and {others} other reason{'s' if others > 1 else ''}, listed above)" if others else ""
    mend = "the same command then measures what is missing"
    raise kind(f"{len(failures)} of {cells} cells failed: {first.line()}{more}", mend=mend) from first


def one_by_one(
    cells: Sequence[_Cell], record: Callable[[_Cell, OnTitle], Made], on_cell: OnCell
) -> Iterator[Made]:
    """Yields the record of each cell, after saying which one is next.

    Args:
        cells: The cells, in order.
        record: Returns the record of a cell, and calls what it is given with what is under way.
        on_cell: Called with how many cells are done, of how many, and what is under way.
    """
    for done, cell in enumerate(cells):
        on_cell(done, len(cells), cell.title)
        yield record(cell, partial(on_cell, done, len(cells)))
