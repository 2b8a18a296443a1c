"""A corpus that is a list of dicts in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradsentry.corpus.containers import with_data_suffix
from gradsentry.corpus.corpora import Corpus, Keep, Placed
from gradsentry.corpus.records import dump_json, kind_of
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


class MemoryCorpus(Corpus):
    """A list of dicts; written as JSON Lines.

    Args:
        rows: The rows.
        settings: How they are read.
    """

    def __init__(self, rows: Sequence[Any], settings: DataSettings) -> None:
        self._rows = rows
        super().__init__("rows", settings)

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
