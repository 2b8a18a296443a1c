"""Rows that lie in no file of the user's, kept beside what was made of them, and opened again from there.

The copy has the same rows in the same order, so its SHA-256 is that of what was in memory.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq

from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.folders import Part
from gradsentry.corpus.sources import open_corpus
from gradsentry.corpus.streams import make_folder, not_written
from gradsentry.errors import DataError, first_line
from gradsentry.extras import require
from gradsentry.settings import DataSettings

_KEPT, _PART = "data", ".data.part"


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
        written = _written(corpus, part / _KEPT)
        written.rename(folder / written.name)
    except OSError as error:
        raise not_written(folder / _KEPT, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def kept_in(folder: Path) -> Path | None:
    """Returns where the rows are kept in a folder, or None where they are not."""
    return next(iter(sorted(folder.glob(f"{_KEPT}.*"))), next(iter(folder.glob(_KEPT)), None))


def open_kept(path: Path, settings: DataSettings) -> Corpus:
    """Returns the rows that are kept, as a corpus.

    Raises:
        DataError: If they cannot be read.
    """
    if path.is_dir():
        require("hub")
        import datasets

        read = datasets.load_from_disk
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
            corpus.rows.save_to_disk(str(path))
            return path
    return corpus.save(path, corpus)
