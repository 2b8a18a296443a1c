"""A corpus that is a `datasets.Dataset`, or a `DatasetDict` of several splits; written as Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetDict

from gradsentry.corpus.arrowrows import rows_of
from gradsentry.corpus.containers import with_data_suffix
from gradsentry.corpus.corpora import Corpus, Keep
from gradsentry.corpus.parquetbatches import READ
from gradsentry.corpus.parquetfiles import writing_parquet
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.sample import Placed, Sample
from gradsentry.corpus.streams import replacing_all
from gradsentry.settings import DataSettings


class DatasetCorpus(Corpus):
    """One split without a name, or the splits of a dict, one after the other.

    Rows are read as Arrow holds them: no picture or sound in them is decoded.

    Args:
        name: What it is called in messages.
        data: The rows.
        settings: How they are read.
        left_out: What is not read, in clauses.

    Attributes:
        rows: The rows, as `datasets` holds them.
    """

    def __init__(
        self, name: str, data: Dataset | DatasetDict, settings: DataSettings, left_out: Sequence[str] = ()
    ) -> None:
        self.rows = data
        self._splits: Mapping[str, Dataset] = data if isinstance(data, DatasetDict) else {name: data}
        super().__init__(name, settings, left_out)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for split, placed in groupby(self._placed(), key=lambda one: one.split):
            digest.update(split.encode())
            for one in placed:
                digest.update(dump_json(one.row) + b"\n")
        return digest.hexdigest()

    def target(self, path: Path) -> Path:
        return path if self._is_parted else with_data_suffix(path, ".parquet")

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        """Writes one Parquet file, or one for each split, named as `datasets` tells splits by."""
        target = self.target(path)
        written: set[str] = set()
        with replacing_all() as writing:

            def write(split: str, of_split: Iterable[Sample]) -> None:
                written.add(split)
                file = path / "data" / f"{split}-00000-of-00001.parquet" if self._is_parted else target
                schema = self._schema(split)
                with writing(file) as stream, writing_parquet(stream, schema, self.name) as add:
                    for sample in of_split:
                        add(sample.row, sample.raw)

            for split, of_split in groupby(samples, key=lambda sample: sample.split or self._first):
                if split in written:
                    raise ValueError(f"samples of {split} stand on either side of another split's")
                write(split, of_split)
            for split in self._splits:
                if split not in written:
                    write(split, ())
        return target

    def select(self, keep: Keep) -> Dataset | DatasetDict:
        if len(keep) != sum(len(rows) for rows in self._splits.values()):
            raise ValueError(f"{len(keep)} rows are told to stay or go")
        kept, start = {}, 0
        for split, rows in self._splits.items():
            kept[split] = rows.select(np.flatnonzero(keep[start : start + len(rows)]))
            start += len(rows)
        return DatasetDict(kept) if isinstance(self.rows, DatasetDict) else kept[self._first]

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._splits) if self._is_parted else ()

    @property
    def _first(self) -> str:
        return next(iter(self._splits))

    @property
    def _is_parted(self) -> bool:
        return len(self._splits) > 1

    def _schema(self, split: str) -> pa.Schema:
        rows = self._splits[split]
        schema: pa.Schema = rows.with_format("arrow")[:0].schema
        return schema.with_metadata(rows.features.arrow_schema.metadata)

    def _placed(self) -> Iterator[Placed]:
        for split, rows in self._splits.items():
            number = 0
            for table in rows.with_format("arrow").iter(READ):
                for batch in table.to_batches():
                    for place, row in enumerate(rows_of(batch, partial(_origin, split, number))):
                        origin = _origin(split, number)
                        yield Placed(row, origin, batch.slice(place, 1), split if self._is_parted else "")
                        number += 1


def _origin(split: str, first: int, row: int = 0) -> str:
    return f"{split}[{first + row}]"
