"""A corpus that is a list of dicts in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradsentry.corpus.corpora import Keep
from gradsentry.corpus.loosecorpus import LooseCorpus
from gradsentry.corpus.records import kind_of
from gradsentry.corpus.sample import Placed
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


class MemoryCorpus(LooseCorpus):
    """A list of dicts; written as JSON Lines.

    Args:
        rows: The rows.
        settings: How they are read.
    """

    def __init__(self, rows: Sequence[Any], settings: DataSettings) -> None:
        self._rows = rows
        super().__init__("rows", settings)

    def select(self, keep: Keep) -> list[Any]:
        return [row for row, kept in zip(self._rows, keep, strict=True) if kept]

    def _placed(self) -> Iterator[Placed]:
        for number, row in enumerate(self._rows):
            origin = f"{self.name}[{number}]"
            if not isinstance(row, Mapping):
                raise DataError(
                    f"the row is {kind_of(row)}, not a dict", where=origin, mend="give a dict for each row"
                )
            yield Placed(row, origin)
