"""What a user names as data, opened as one corpus: a file, a folder of files, rows in memory, a Hub id."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from gradsentry.corpus.containers import data_suffix, is_saved
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.datasetsources import of_datasets, of_hub, of_saved
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.folders import Part, listing_of, refuse_split
from gradsentry.corpus.memorycorpus import MemoryCorpus
from gradsentry.corpus.ownfiles import own_kind, refuse_own
from gradsentry.corpus.paths import globbed, is_folder, mode_of
from gradsentry.corpus.remote import STDIN, copied, copied_stdin
from gradsentry.corpus.several import several_listing
from gradsentry.corpus.tablecorpus import arrow_corpus, pandas_corpus, polars_corpus
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

_HUB_ID = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?(:[\w.-]{1,96})?")
_HUB_URL = re.compile(r"(?:hf://datasets/|https?://huggingface\.co/datasets/)([\w.-]+/[\w.-]+)/?")
_TAKEN = "a path, a Dataset, a DatasetDict, a data frame, a list of dicts, or a Hub id"
_SHOWN = 200  # characters of what may be a text, and no name


def open_corpus(data: object, settings: DataSettings = DataSettings()) -> Corpus:  # noqa: B008  (frozen)
    """Returns the data as a corpus; its first row is read, to tell the format.

    Of several splits all are read, unless the settings name one.

    Args:
        data: A path of a file or a folder, or several, read as one corpus; a `datasets.Dataset`,
            `DatasetDict` or `IterableDataset`; a data frame of pandas or polars, or a `pyarrow.Table`; a list
            of dicts; or a Hub id, `owner/name` or `owner/name:config`.
        settings: How the rows are read.

    Raises:
        DataError: If there is no such data, or it is empty, broken, or of no known format.
    """
    match data:
        case str():
            return _of_name(data, settings)
        case Path():
            return _of_path(data, settings)
        case [str() | Path() as only]:
            return open_corpus(only, settings)
        case [str() | Path(), *_]:
            return _of_several(_paths(data), settings)
        case _:
            return _of_memory(data, settings)


def _of_name(name: str, settings: DataSettings) -> Corpus:
    """Returns what a user calls data: a path, a pattern, a URL, a Hub id, or standard input."""
    _refuse_empty(name)
    if name == STDIN:
        return _of_copy(copied_stdin(), STDIN, settings)
    if "://" in name:
        return _of_url(name, settings)
    if not _is_hub_id(name):
        return _of_path(Path(name), settings)
    if "/" in name and Path(name).parent.is_dir():  # a slip in a path is likelier than an owner of that name
        mend = f"check the path; a data set of the Hub is hf://datasets/{name}"
        raise DataError("no such file or folder", where=name, mend=mend)
    return of_hub(name, settings)


def _refuse_empty(name: object) -> None:
    """Refuses an empty name, which would be the folder that one is in."""
    if name == "":
        raise DataError("no data is named", mend="give a path or a Hub id")


def _of_memory(data: object, settings: DataSettings) -> Corpus:
    if settings.subset is not None:
        raise DataError("data in memory has no configurations", where="--subset", mend="leave it out")
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    if (corpus := _of_datasets_types(data, settings)) is not None:
        return corpus
    if settings.limit is not None:
        data = _first_rows(data, settings.limit)
    refuse_split(settings, "a list of rows" if isinstance(data, Sequence) else "a table", where="rows")
    match kind:
        case "pandas.DataFrame":
            return pandas_corpus(data, settings)
        case "polars.DataFrame":
            return polars_corpus(data, settings)
        case "polars.LazyFrame":
            raise DataError(
                "a LazyFrame holds no rows yet", where="rows", mend="give what its collect() returns"
            )
    match data:
        case pa.Table():
            return arrow_corpus(data, settings)
        case Sequence() if not isinstance(data, bytes):
            return MemoryCorpus(data, settings)
        case Mapping():
            mend = "give a list of dicts, one a row; of columns `datasets.Dataset.from_dict(data)`"
            raise DataError("is one dict, and no list of rows", where="data", mend=mend)
        case None:
            raise DataError("is None", where="data", mend=f"give {_TAKEN}")
    what = f"data of type {type(data).__name__} cannot be read twice, as a scan needs to"
    raise DataError(what, mend=f"give {_TAKEN}")


def _first_rows(data: Any, limit: int) -> object:  # noqa: ANN401  (whatever a user has in memory)
    """Returns the first rows of data in memory, in its type."""
    if hasattr(data, "head"):  # a frame
        return data.head(limit)
    return data[:limit] if isinstance(data, Sequence | pa.Table) else data


def _of_datasets_types(data: object, settings: DataSettings) -> Corpus | None:
    """Returns data that `datasets` holds as a corpus, or None where it is something else."""
    # Who has such an object has imported it; for others it would cost most of a second, or be missing.
    if "datasets" not in sys.modules:
        return None
    import datasets

    match data:
        case datasets.Dataset() | datasets.DatasetDict():
            return of_datasets("dataset", data, settings)
        case datasets.IterableDataset():
            from gradsentry.corpus.iteratedcorpus import IteratedCorpus

            refuse_split(settings, "an IterableDataset", where="dataset")
            return IteratedCorpus(data.take(settings.limit) if settings.limit else data, settings)
        case datasets.IterableDatasetDict():
            mend = f"give one of its splits: {', '.join(map(str, data))}"
            raise DataError("an IterableDatasetDict is not read", where="dataset", mend=mend)
    return None


def _is_hub_id(name: str) -> bool:
    """Returns whether the text has the form of a Hub id and is no path here."""
    has_form = bool(_HUB_ID.fullmatch(name)) and not data_suffix(Path(name))
    return has_form and not os.path.exists(name)  # noqa: PTH110  (a Path raises where the name is too long)


def _of_url(url: str, settings: DataSettings) -> Corpus:
    """Returns what a URL names: a file here, a data set of the Hub, or a file that fsspec opens."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise DataError("names another machine", where=url, mend="download it, and give the path")
        return _of_path(Path(unquote(parts.path)), settings)
    if hub := _HUB_URL.fullmatch(url):
        return of_hub(hub[1], settings)
    refuse_split(settings, "a file", where=url)
    return _of_copy(copied(url), url, settings)


def _of_copy(path: Path, name: str, settings: DataSettings) -> Corpus:
    refuse_split(settings, "a file", where=name)
    return FileCorpus([path], [Part(path, "", Path(path.name))], settings, name=name)


def _of_path(path: Path, settings: DataSettings, left_out: Sequence[str] = ()) -> Corpus:
    if (named := globbed(path)) is not None:
        return open_corpus([str(one) for one in named], settings)
    has_files = is_folder(path)
    refuse_own(path)
    if has_files:
        if is_saved(path):
            return of_saved(path, settings, left_out)
        listing = listing_of(path, settings)
        return FileCorpus([path], listing.parts, settings, [*left_out, *listing.left_out])
    refuse_split(settings, "a file", where=str(path))
    return FileCorpus([path], [Part(path, "", Path(path.name))], settings, left_out)


def _paths(named: Sequence[object]) -> list[Path]:
    """Returns the files and folders that a list names, those of its patterns too.

    Raises:
        DataError: If one is not there; of a list of texts none is.
    """
    if not any(map(_may_be_here, named)):
        first = str(named[0])
        where = first if len(first) <= _SHOWN else f"{first[:_SHOWN]}…"
        what, mend = "no such file or folder, nor are the others", "check the paths"
        mend += "; a Hub id is read alone, and rows are dicts"
        raise DataError(what, where=where, mend=mend)
    paths = [one for path in map(_as_path, named) for one in globbed(path) or [path]]
    for path in paths:
        mode_of(path)
    return paths


def _may_be_here(named: object) -> bool:
    """Returns whether a name may be one of something here; what is none has an error of its own."""
    if not named or not isinstance(named, str | Path) or "://" in str(named):
        return True
    return os.path.exists(named) or (has_magic(str(named)) and bool(glob(str(named), recursive=True)))  # noqa: PTH110, PTH207


def _as_path(named: object) -> Path:
    """Returns the path of one of several files or folders that are named.

    Raises:
        DataError: If it is none.
    """
    if not isinstance(named, str | Path):
        raise DataError("paths are mixed with data of other types", mend="give paths alone, or rows alone")
    _refuse_empty(named)
    if isinstance(named, str) and _is_hub_id(named):
        what = "no such file or folder, and a Hub id is read alone"
        raise DataError(what, where=named, mend="check the path, or name it by itself")
    if isinstance(named, str) and "://" in named and not named.startswith("file:"):
        raise DataError("is a URL, which is read alone", where=named, mend="name it by itself")
    return Path(unquote(urlsplit(str(named)).path)) if str(named).startswith("file:") else Path(named)


def _of_several(named: Sequence[Path], settings: DataSettings) -> Corpus:
    """Returns several files and folders as one corpus, as if they lay in one folder, without what is ours."""
    left_out = [f"{path}: {kind}" for path in named if (kind := own_kind(path))]
    named = [path for path in named if not own_kind(path)]
    if not named:
        raise DataError("none of them is data", where=left_out[0], mend="name the data")
    if len(named) == 1:
        return _of_path(named[0], settings, left_out)
    for path in named:
        if not is_folder(path):
            refuse_split(settings.model_copy(update={"split": None}), "a file", where=str(path))
        elif is_saved(path):
            mend = "name it by itself"
            raise DataError("is what `save_to_disk` wrote, which is read alone", where=str(path), mend=mend)
    listing = several_listing(named, settings)
    return FileCorpus(named, listing.parts, settings, [*left_out, *listing.left_out])
