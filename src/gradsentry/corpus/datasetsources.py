"""What `datasets` holds, has saved, or loads from the Hub, as a corpus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gradsentry.corpus.configurations import several_configurations
from gradsentry.corpus.containers import SAVED_NAMES, data_suffix, saved_files
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.folders import chosen_split, refuse_split, splits_left_out
from gradsentry.corpus.walking import walk
from gradsentry.errors import DataError, first_line
from gradsentry.hub import out_of_reach
from gradsentry.settings import DataSettings

if TYPE_CHECKING:
    import datasets

_SPLIT = re.compile(r"\w+(\.\w+)*")


def of_datasets(
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
        refuse_split(settings, "a Dataset", where=name)
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


def of_saved(path: Path, settings: DataSettings, left_out: Sequence[str]) -> Corpus:
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
    return of_datasets(str(path), data, settings, left_out, saved=True)


def _beside_saved(path: Path) -> Iterator[Path]:
    """Yields the data files in a folder of `save_to_disk` that its own files do not name."""
    named = set(saved_files(path))
    for file in walk(path).files:
        is_data = data_suffix(file) and file.name not in SAVED_NAMES
        if is_data or (file.suffix.lower() == ".arrow" and file not in named):
            yield file


def of_hub(name: str, settings: DataSettings) -> Corpus:
    """Returns a data set from the Hub; no code of it is run."""
    if find_spec("datasets") is None:
        mend = "check the path; a data set of the Hub needs `pip install 'gradsentry[hub]'`"
        raise DataError("no such file or folder", where=name, mend=mend)
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
    return of_datasets(name, loaded, settings, [f"the configuration `{other}`" for other in others])


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
        mend = "check the path, or the network"
        if name == "embedded":  # the name of its rows in a benchmark
            mend += "; benchmarks alone know this name: `gradsentry demo --out DIR` writes the rows, poisoned"
        raise DataError(what, where=name, mend=mend)


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
