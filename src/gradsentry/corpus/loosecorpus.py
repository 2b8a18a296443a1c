"""What corpora that lie in no file have in common: how they are named, hashed and written as JSON Lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from gradsentry.corpus.containers import with_data_suffix
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.streams import replacing


class LooseCorpus(Corpus):
    """Rows that lie in no file; written as JSON Lines unless a kind of them says otherwise.

    Attributes:
        suffix: What a file that they are written to ends with.
    """

    suffix: ClassVar[str] = ".jsonl"

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for placed in self._placed():
            digest.update(dump_json(placed.row) + b"\n")
        return digest.hexdigest()

    def target(self, path: Path) -> Path:
        return with_data_suffix(path, self.suffix)

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        target = self.target(path)
        with replacing(target) as stream:
            for sample in samples:
                stream.write(dump_json(sample.row) + b"\n")
        return target
