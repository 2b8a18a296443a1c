"""A corpus that is in memory already, or mapped into it: a list of dicts, a `datasets.Dataset`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from gradsentry.corpus.containers import with_data_suffix
from gradsentry.corpus.corpora import Corpus, Keep, Placed
from gradsentry.corpus.records import dump_json, kind_of
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.streams import replacing
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


class MemoryCorpus(Corpus):
    """Rows in memory, or a `datasets.Dataset`.

    Args:
        name: What it is called in messages.
        rows: The rows; read by iterating.
        settings: How they are read.
        select: What `select` does, in the type that the rows came in.
    """

    def __init__(
        self, name: str, rows: Iterable[object], settings: DataSettings, select: Callable[[Keep], object]
    ) -> None:
        self._rows = rows
        self._select = select
        super().__init__(name, settings)

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

    def select(self, keep: Keep) -> object:
        return self._select(keep)

    def _placed(self) -> Iterator[Placed]:
        for number, row in enumerate(self._rows):
            origin = f"{self.name}[{number}]"
            if not isinstance(row, Mapping):
                raise DataError(
                    f"the row is {kind_of(row)}, not a dict", where=origin, mend="give a dict for each row"
                )
            yield Placed(row, origin)
