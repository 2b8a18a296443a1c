"""Goes through the cells of a benchmark, one by one, and says where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from gradsentry.bench.cells import Record

OnCell = Callable[[int, int, str], None]
"""Called with how many cells are done, of how many, and what is under way."""

OnTitle = Callable[[str], None]
"""Called with what is under way in a cell."""

Made = tuple[Record, bool]
"""A cell's record, and whether it was computed now."""


class _Titled(Protocol):
    @property
    def title(self) -> str: ...


_Cell = TypeVar("_Cell", bound=_Titled)


@dataclass(frozen=True)
class GridResult:
    """What a run of a benchmark did.

    Attributes:
        records: A record for each cell, in the spec's order.
        computed: How many were computed by this run; the others were there.
    """

    records: list[Record]
    computed: int

    @classmethod
    def of(cls, made: Sequence[Made]) -> GridResult:
        """Returns the result of a run from its records, and whether each was computed now."""
        return cls([record for record, _ in made], sum(is_new for _, is_new in made))

    @property
    def failed(self) -> list[Record]:
        """The cells that failed."""
        return [record for record in self.records if record["status"] == "failed"]


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
