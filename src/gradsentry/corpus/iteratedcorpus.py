"""A corpus that is a `datasets.IterableDataset`: read from its beginning as often as needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gradsentry.corpus.corpora import Keep
from gradsentry.corpus.loosecorpus import LooseCorpus
from gradsentry.corpus.sample import Placed
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import IterableDataset


class IteratedCorpus(LooseCorpus):
    """Rows of an iterable data set, which gives the same rows each time; written as JSON Lines.

    Args:
        data: The rows.
        settings: How they are read.
    """

    def __init__(self, data: IterableDataset, settings: DataSettings) -> None:
        self._data = data
        super().__init__("iterable data set", settings)

    def select(self, keep: Keep) -> IterableDataset:
        """Returns an iterable data set of the rows where `keep` is true; nothing is read for it."""
        kept: IterableDataset = self._data.filter(lambda row, number: bool(keep[number]), with_indices=True)
        return kept

    def _placed(self) -> Iterator[Placed]:
        for number, row in enumerate(self._data):
            yield Placed(row, f"{self.name}[{number}]")
