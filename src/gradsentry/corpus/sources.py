"""What a user names as data, opened as one corpus: a file, a folder of files, rows in memory, a Hub id."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsentry.corpus.containers import SUFFIXES, container_of, data_suffix
from gradsentry.corpus.corpora import Corpus, Keep
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.memorycorpus import MemoryCorpus
from gradsentry.corpus.streams import unreadable
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    import datasets

_HUB_ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?(:[\w.-]{1,96})?")
_NO_DATA = {".md", ".txt", ".yaml", ".yml", ".py", ""}  # what lies beside data files in a repository


def open_corpus(data: object, settings: DataSettings = DataSettings()) -> Corpus:  # noqa: B008  (frozen)
    """Returns the data as a corpus; its first row is read, to tell the format.

    Args:
        data: A path of a file or a folder; a `datasets.Dataset` or `DatasetDict`; a list of dicts;
            or a Hub id, `owner/name` or `owner/name:config`.
        settings: How the rows are read.

    Raises:
        DataError: If there is no such data, or it is empty, broken, or of no known format.
    """
    match data:
        case "":
            raise DataError("no data is named", mend="give a path or a Hub id")
        case str() if _is_hub_id(data):
            repository, _, config = data.partition(":")
            return _of_hub(repository, config or None, settings)
        case str() | Path():
            return _of_path(Path(data), settings)
        case _:
            return _of_memory(data, settings)


def _of_memory(data: object, settings: DataSettings) -> Corpus:
    # Importing it takes most of a second, which a scan of a file need not wait.
    import datasets

    match data:
        case datasets.DatasetDict():
            return _of_splits(data, settings)
        case datasets.Dataset():
            return _of_dataset("dataset", data, settings)
        case Sequence() if not isinstance(data, bytes):
            return _of_list(data, settings)
        case _:
            raise DataError(
                f"data of type {type(data).__name__} cannot be read twice, as a scan needs to",
                mend="give a path, a Dataset, a DatasetDict, a list of dicts, or a Hub id",
            )


def _is_hub_id(name: str) -> bool:
    """Returns whether the text has the form of a Hub id and is no path here."""
    return bool(_HUB_ID.fullmatch(name)) and not data_suffix(Path(name)) and not Path(name).exists()


def _of_path(path: Path, settings: DataSettings) -> Corpus:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataError("no such file or folder", where=str(path), mend="check the path") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        if settings.split is not None:  # only a folder that is laid out as a data set repository has splits
            return _of_hub(str(path), None, settings)
        return FileCorpus(path, _files_in(path), settings)
    container_of(path)
    if settings.split is not None:
        raise DataError(f"a file has no split `{settings.split}`", where=str(path), mend="leave out --split")
    return FileCorpus(path, [path], settings)


def _files_in(folder: Path) -> list[Path]:
    """Returns the data files under a folder, sorted; truth files that lie beside them are not data."""
    files = []
    for file in _walk(folder, above=frozenset()):
        if file.suffix.lower() in _NO_DATA or file.name.endswith(".truth.json"):
            continue
        container_of(file)  # refuses a file that might be data and would go unread
        files.append(file)
    if not files:
        raise DataError(
            "no data file in this folder", where=str(folder), mend=f"put {', '.join(SUFFIXES)} files there"
        )
    return files


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yields the files under a folder that are not hidden, sorted; links are followed, but never back up."""
    place = folder.resolve()
    if place in above:
        return
    try:
        entries = [(entry, entry.is_dir()) for entry in sorted(folder.iterdir())]
    except OSError as error:
        raise unreadable(folder, error) from None
    for entry, is_folder in entries:
        if entry.name.startswith("."):
            continue
        if is_folder:
            yield from _walk(entry, above | {place})
        else:
            yield entry


def _of_list(rows: Sequence[Any], settings: DataSettings) -> Corpus:
    def select(keep: Keep) -> list[Any]:
        return [row for row, kept in zip(rows, keep, strict=True) if kept]

    return MemoryCorpus("rows", rows, settings, select)


def _of_dataset(name: str, dataset: datasets.Dataset, settings: DataSettings) -> Corpus:
    def select(keep: Keep) -> datasets.Dataset:
        return dataset.select(np.flatnonzero(keep))

    return MemoryCorpus(name, dataset.with_format(None), settings, select)


def _of_splits(splits: datasets.DatasetDict, settings: DataSettings) -> Corpus:
    split = _chosen_split(splits, settings)

    import datasets

    def select(keep: Keep) -> datasets.DatasetDict:
        return datasets.DatasetDict({**splits, split: splits[split].select(np.flatnonzero(keep))})

    return MemoryCorpus(split, splits[split].with_format(None), settings, select)


def _chosen_split(splits: Mapping[Any, object], settings: DataSettings) -> str:
    """Returns the split that was named, else the only one, else `train`."""
    names = [str(name) for name in splits]
    split = settings.split or (names[0] if len(names) == 1 else "train")
    if split not in names:
        given = f"no split `{split}`" if settings.split else "several splits, and none is named"
        raise DataError(given, where="--split", mend=f"choose one of {', '.join(names)}")
    return split


def _of_hub(name: str, config: str | None, settings: DataSettings) -> Corpus:
    """Returns a data set from the Hub, or from a folder that is laid out as one; no code of it is run."""
    import datasets

    try:
        loaded = datasets.load_dataset(name, config)
    # The Hub's client, the parsers and the network each have exceptions of their own.
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), "")
        raise DataError(
            f"no file of this name, nor could it be loaded as a data set ({type(error).__name__}: {reason})",
            where=name,
            mend="check the name, the configuration (`name:configuration`) and the network",
        ) from None
    split = _chosen_split(loaded, settings)
    return _of_dataset(f"{name}/{split}", loaded[split], settings)
