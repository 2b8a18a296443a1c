"""A corpus that is a `datasets.IterableDataset`: read from its beginning as often as needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gradsentry.corpus.containers import with_data_suffix
from gradsentry.corpus.corpora import Corpus, Keep, Placed
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.streams import replacing
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import IterableDataset


class IteratedCorpus(Corpus):
    """Rows of an iterable data set, which gives the same rows each time; written as JSON Lines.

    Args:
        data: The rows.
        settings: How they are read.
    """

    def __init__(self, data: IterableDataset, settings: DataSettings) -> None:
        self._data = data
        super().__init__("iterable data set", settings)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for placed in self._placed():
            digest.update(dump_json(placed.row) + b"\n")
        return digest.hexdigest()

    def target(self, path: Path) -> Path:
        return with_data_suffix(path, ".jsonl")

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        target = self.target(path)
        with replacing(target) as stream:
            for sample in samples:
                stream.write(dump_json(sample.row) + b"\n")
        return target

    def select(self, keep: Keep) -> IterableDataset:
        """Returns an iterable data set of the rows where `keep` is true; nothing is read for it."""
        kept: IterableDataset = self._data.filter(lambda row, number: bool(keep[number]), with_indices=True)
        return kept

    def _placed(self) -> Iterator[Placed]:
        for number, row in enumerate(self._data):
            yield Placed(row, f"{self.name}[{number}]")
