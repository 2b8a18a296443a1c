"""Rows that lie in no file of the user's, kept beside what was made of them, and opened again from there.

The copy has the same rows in the same order, so its SHA-256 is that of what was in memory.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.folders import Part
from gradsentry.corpus.ownfiles import KEPT
from gradsentry.corpus.sources import open_corpus
from gradsentry.corpus.streams import make_folder, not_written
from gradsentry.errors import DataError, first_line
from gradsentry.extras import require
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

_PART = ".data.part"
_FEATURES = "features.json"
"""In a data set with pictures or sounds: the types of its columns, which are kept as Arrow holds them."""


def keep_rows(corpus: Corpus, folder: Path) -> None:
    """Writes the rows of a corpus into a folder, unless they are there; it is there whole or not at all.

    Raises:
        DataError: If they cannot be written.
        ScoringError: If the disk is full.
    """
    if kept_in(folder) is not None:
        return
    part = folder / _PART
    shutil.rmtree(part, ignore_errors=True)
    make_folder(part)
    try:
        written = _written(corpus, part / KEPT)
        written.rename(folder / written.name)
    except OSError as error:
        raise not_written(folder / KEPT, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def kept_in(folder: Path) -> Path | None:
    """Returns where the rows are kept in a folder, or None where they are not."""
    return next(iter(sorted(folder.glob(f"{KEPT}.*"))), next(iter(folder.glob(KEPT)), None))


def open_kept(path: Path, settings: DataSettings) -> Corpus:
    """Returns the rows that are kept, as a corpus.

    Raises:
        DataError: If they cannot be read.
    """
    if path.is_dir():
        require("hub")
        read: Callable[[str], object] = _load_dataset
    elif path.suffix == ".parquet":
        read = pq.read_table
    else:
        # By itself, for a file of a run that somebody names is no data.
        return FileCorpus([path], [Part(path, "", Path(path.name))], settings)
    try:
        rows = read(str(path))
    except Exception as error:  # the parsers have exceptions of their own
        what = f"cannot be read ({first_line(error)})"
        raise DataError(what, where=str(path), mend="judge the data again") from None
    return open_corpus(rows, settings)


def _written(corpus: Corpus, path: Path) -> Path:
    if isinstance(corpus, FileCorpus):  # of standard input
        (file,) = corpus.named
        target = path.with_name(path.name + data_suffix(file))
        shutil.copyfile(file, target)
        return target
    if "datasets" in sys.modules:
        from gradsentry.corpus.datasetcorpus import DatasetCorpus

        if isinstance(corpus, DatasetCorpus):
            _save_dataset(corpus.rows, path)
            return path
    return corpus.save(path, corpus)


def _save_dataset(rows: Dataset | DatasetDict, path: Path) -> None:
    """Writes a data set as it is: pictures and sounds that it names by path are not read into it.

    `datasets` would read them in, and the rows would be others than those that were judged.
    """
    from datasets import DatasetDict, Features
    from datasets.features.features import require_storage_embed

    features = next(iter(rows.values())).features if isinstance(rows, DatasetDict) else rows.features
    if not any(map(require_storage_embed, features.values())):
        rows.save_to_disk(str(path))
        return
    plain = Features.from_arrow_schema(features.arrow_schema.remove_metadata())
    rows.cast(plain).save_to_disk(str(path))
    (path / _FEATURES).write_text(json.dumps(features.to_dict()), encoding="utf-8")


def _load_dataset(path: str) -> Dataset | DatasetDict:
    from datasets import Features, load_from_disk

    rows, features = load_from_disk(path), Path(path) / _FEATURES
    if not features.is_file():
        return rows
    return rows.cast(Features.from_dict(json.loads(features.read_text(encoding="utf-8"))))
