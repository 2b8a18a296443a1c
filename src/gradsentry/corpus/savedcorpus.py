"""A corpus that `save_to_disk` of `datasets` wrote, and that is written as one."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets import Dataset, DatasetDict, DatasetInfo

from gradsentry.corpus.containers import is_saved
from gradsentry.corpus.datasetcorpus import DatasetCorpus
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.streams import file_sha256, make_folder, not_written
from gradsentry.errors import DataError


class SavedCorpus(DatasetCorpus):
    """A folder of `save_to_disk`; see `DatasetCorpus`."""

    def target(self, path: Path) -> Path:
        return path

    def save(self, path: Path, samples: Iterable[Sample]) -> Path:
        """Writes a folder that `load_from_disk` reads, with the features that came; see `Corpus.save`."""
        if path.exists() and not is_saved(path):
            mend = "give another place"
            raise DataError("is there, and nothing that `save_to_disk` wrote", where=str(path), mend=mend)
        make_folder(path.parent)
        with TemporaryDirectory(dir=path.parent, prefix=".saving-") as name:
            place = Path(name)
            super().save(place / "rows", samples)
            splits = {split: self._saved(split, place) for split in self._splits}
            data = DatasetDict(splits) if isinstance(self.rows, DatasetDict) else splits[self._first]
            try:
                data.save_to_disk(str(place / "saved"))
                shutil.rmtree(path, ignore_errors=True)
                (place / "saved").rename(path)
            except OSError as error:
                raise not_written(path, error) from error
        return path

    def _saved(self, split: str, place: Path) -> Dataset:
        """Returns the rows of a split that were written as Parquet, with what is told of those that came."""
        rows = place / "rows"
        file = rows / "data" / f"{split}-00000-of-00001.parquet" if self._is_parted else rows
        came = self._splits[split]
        read = Dataset.from_parquet(str(file), features=came.features, cache_dir=str(place / "cache"))
        told = came.info
        info = DatasetInfo(
            description=told.description,
            citation=told.citation,
            homepage=told.homepage,
            license=told.license,
            features=came.features,
        )
        # The same rows are the same folder, whenever they were written.
        return Dataset(read.data, info=info, split=came.split, fingerprint=file_sha256(file)[:16])
