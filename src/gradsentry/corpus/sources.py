"""What a user names as data, opened as one corpus: a file, a folder of files, rows in memory, a Hub id."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from gradsentry.corpus.configurations import several_configurations
from gradsentry.corpus.containers import SAVED_NAMES, container_of, data_suffix, is_saved, saved_files
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.filecorpus import FileCorpus
from gradsentry.corpus.folders import Part, chosen_split, listing_of, splits_left_out
from gradsentry.corpus.memorycorpus import MemoryCorpus
from gradsentry.corpus.ownfiles import own_kind, refuse_own
from gradsentry.corpus.remote import STDIN, copied, copied_stdin
from gradsentry.corpus.several import several_listing
from gradsentry.corpus.streams import unreadable
from gradsentry.corpus.tablecorpus import arrow_corpus, pandas_corpus, polars_corpus
from gradsentry.corpus.walking import walk
from gradsentry.errors import DataError, first_line
from gradsentry.hub import out_of_reach
from gradsentry.settings import DataSettings, Limits

if TYPE_CHECKING:
    import datasets

_HUB_ID = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?(:[\w.-]{1,96})?")
_HUB_URL = re.compile(r"(?:hf://datasets/|https?://huggingface\.co/datasets/)([\w.-]+/[\w.-]+)/?")
_SPLIT = re.compile(r"\w+(\.\w+)*")
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
    return _of_hub(name, settings) if _is_hub_id(name) else _of_path(Path(name), settings)


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
    _refuse_split(settings, "a list of rows" if isinstance(data, Sequence) else "a table", where="rows")
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
            return _of_datasets("dataset", data, settings)
        case datasets.IterableDataset():
            from gradsentry.corpus.iteratedcorpus import IteratedCorpus

            _refuse_split(settings, "an IterableDataset", where="dataset")
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
        return _of_hub(hub[1], settings)
    _refuse_split(settings, "a file", where=url)
    return _of_copy(copied(url), url, settings)


def _of_copy(path: Path, name: str, settings: DataSettings) -> Corpus:
    _refuse_split(settings, "a file", where=name)
    return FileCorpus([path], [Part(path, "", Path(path.name))], settings, name=name)


def _of_path(path: Path, settings: DataSettings, left_out: Sequence[str] = ()) -> Corpus:
    if (named := globbed(path)) is not None:
        return open_corpus([str(one) for one in named], settings)
    is_folder = _is_folder(path)
    refuse_own(path)
    if is_folder:
        if is_saved(path):
            return _of_saved(path, settings, left_out)
        listing = listing_of(path, settings)
        return FileCorpus([path], listing.parts, settings, [*left_out, *listing.left_out])
    _refuse_split(settings, "a file", where=str(path))
    return FileCorpus([path], [Part(path, "", Path(path.name))], settings, left_out)


def files_named(name: str) -> list[Path]:
    """Returns the files here that a name of data may mean: itself, of a pattern or a folder all."""
    paths = globbed(Path(name)) or [Path(name)] if name != "-" and "://" not in name else []
    return [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]


def globbed(path: Path) -> list[Path] | None:
    """Returns the files that a pattern names, in order of their names; None where it is a path.

    Raises:
        DataError: If it names none.
    """
    if not has_magic(str(path)) or os.path.exists(path):  # noqa: PTH110  (it may be a long text)
        return None
    if found := sorted(map(Path, glob(str(path), recursive=True))):  # noqa: PTH207  (a path, maybe absolute)
        return found
    raise DataError("no file has a name like it", where=str(path), mend="check the pattern")


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
        _mode(path)
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
        if not _is_folder(path):
            _refuse_split(settings.model_copy(update={"split": None}), "a file", where=str(path))
        elif is_saved(path):
            mend = "name it by itself"
            raise DataError("is what `save_to_disk` wrote, which is read alone", where=str(path), mend=mend)
    listing = several_listing(named, settings)
    return FileCorpus(named, listing.parts, settings, [*left_out, *listing.left_out])


def _is_folder(path: Path) -> bool:
    """Returns whether a path is a folder, and not a file that may hold rows.

    Raises:
        DataError: If it is neither.
    """
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return True
    if not stat.S_ISREG(mode):
        raise DataError(
            "is a pipe or a device, which cannot be read twice, as a scan needs to",
            where=str(path),
            mend="write it to a file",
        )
    container_of(path, Limits())
    return False


def _mode(path: Path) -> int:
    """Returns what the system says that a path is.

    Raises:
        DataError: If it is nothing, or the system does not say.
    """
    if str(path) == "-":
        raise DataError("standard input cannot be read twice, as a scan needs to", mend="write it to a file")
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise DataError("no such file or folder", where=str(path), mend="check the path") from None
    except OSError as error:
        raise unreadable(path, error) from None


def _refuse_split(settings: DataSettings, kind: str, *, where: str) -> None:
    for option, name in (("split", settings.split), ("subset", settings.subset)):
        if name is not None:
            word = "configuration" if option == "subset" else option
            raise DataError(f"{kind} has no {word} `{name}`", where=where, mend=f"leave out --{option}")


def _of_datasets(
    name: str,
    data: datasets.Dataset | datasets.DatasetDict,
    settings: DataSettings,
    left_out: Sequence[str] = (),
    *,
    saved: bool = False,
) -> Corpus:
    import datasets

    from gradsentry.corpus.datasetcorpus import DatasetCorpus
    from gradsentry.corpus.savedcorpus import SavedCorpus

    made = SavedCorpus if saved else DatasetCorpus
    if isinstance(data, datasets.Dataset):
        _refuse_split(settings, "a Dataset", where=name)
        data = data.take(min(settings.limit, len(data))) if settings.limit else data
        return made(name, data, settings, left_out)
    for split in data:
        if not _SPLIT.fullmatch(str(split)):
            mend = "rename it, in letters, digits and underscores"
            raise DataError("is no name of a split", where=str(split), mend=mend)
    names = [str(split) for split in data]
    chosen = chosen_split(names, settings.split)
    splits = _first_of_splits({split: data[split] for split in chosen}, settings.limit)
    return made(name, splits, settings, [*left_out, *splits_left_out(names, chosen)])


def _first_of_splits(splits: dict[str, datasets.Dataset], limit: int | None) -> datasets.DatasetDict:
    """Returns the first rows of splits, one after the other; a split of which none is read has none."""
    import datasets

    taken = datasets.DatasetDict()
    for split, rows in splits.items():
        read = sum(map(len, taken.values()))
        taken[split] = rows if limit is None else rows.select(range(min(len(rows), limit - read)))
    return taken


def _of_saved(path: Path, settings: DataSettings, left_out: Sequence[str]) -> Corpus:
    """Returns what `save_to_disk` wrote, and refuses a folder of it that holds other data as well.

    Whoever adds its three small files to a folder of data would have all else there left out.
    """
    import datasets

    try:
        data = datasets.load_from_disk(str(path))
    except Exception as error:  # the parsers have exceptions of their own
        raise DataError(
            f"cannot be read as a saved data set ({first_line(error)})",
            where=str(path),
            mend="save it again",
        ) from None
    if (beside := next(_beside_saved(path), None)) is not None:
        raise DataError(
            f"is what `save_to_disk` wrote, and other data lies in it: {beside.relative_to(path)}",
            where=str(path),
            mend="put the two into folders of their own",
        )
    return _of_datasets(str(path), data, settings, left_out, saved=True)


def _beside_saved(path: Path) -> Iterator[Path]:
    """Yields the data files in a folder of `save_to_disk` that its own files do not name."""
    named = set(saved_files(path))
    for file in walk(path).files:
        is_data = data_suffix(file) and file.name not in SAVED_NAMES
        if is_data or (file.suffix.lower() == ".arrow" and file not in named):
            yield file


def _of_hub(name: str, settings: DataSettings) -> Corpus:
    """Returns a data set from the Hub; no code of it is run."""
    import datasets

    repository, _, named = name.partition(":")
    if named and settings.subset not in (None, named):
        raise DataError("two configurations are named", where=name, mend="leave out --subset")
    config = settings.subset or named or None
    _ask_the_hub(repository, name)
    try:
        loaded = datasets.load_dataset(repository, config)
    # The Hub's client, the parsers and the network each have exceptions of their own.
    except Exception as error:
        if config is None and "Config name is missing" in str(error):
            raise several_configurations(_configurations(repository), where=repository) from None
        reason = next(iter(str(error).strip().splitlines()), "")
        raise DataError(
            f"no file of this name, nor could it be loaded as a data set ({type(error).__name__}: {reason})",
            where=name,
            mend="check the name, the configuration (--subset) and the network",
        ) from None
    others = [] if config else _other_configurations(repository, loaded)
    return _of_datasets(name, loaded, settings, [f"the configuration `{other}`" for other in others])


def _ask_the_hub(repository: str, name: str) -> None:
    """Asks the Hub once, where `datasets` would for half a minute; what it answers is left to that.

    Raises:
        DataError: If it cannot be reached, and the data set is not in the cache.
    """
    import datasets
    from huggingface_hub import hf_hub_url

    cached = Path(datasets.config.HF_DATASETS_CACHE) / repository.replace("/", "___")
    if cached.is_dir():
        return
    if why := out_of_reach(hf_hub_url(repository, "README.md", repo_type="dataset")):
        what = f"no such file or folder, and the Hub cannot be reached ({why})"
        raise DataError(what, where=name, mend="check the path, or the network")


def _other_configurations(repository: str, loaded: datasets.DatasetDict) -> list[str]:
    """Returns the configurations beside the one that was loaded because it is the default."""
    own = {rows.info.config_name for rows in loaded.values()}
    return [name for name in _configurations(repository) if name not in own]


def _configurations(repository: str) -> list[str]:
    """Returns the names of a repository's configurations; none where the Hub does not say."""
    import datasets

    try:
        return list(datasets.get_dataset_config_names(repository))
    except Exception:  # the network and the client have exceptions of their own
        return []
