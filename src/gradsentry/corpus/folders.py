"""A folder of data -> its files: which hold rows, of which split, of which configuration; the rest is named.

What a README declares as `configs` is read as `datasets` reads it. Without that every data file is read, and
the names of its folders and its own say which split it is of, again as `datasets` has it: `validation/a`,
`my-test.jsonl`, `data/dev-00000-of-00001`. A file whose names say nothing is of `train`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradsentry.corpus.configurations import chosen_configuration, configurations_of, files_of
from gradsentry.corpus.containers import SUFFIXES, container_of, data_suffix
from gradsentry.corpus.formats import FORMATS, format_of
from gradsentry.corpus.ownfiles import OUTSIDE, UNKNOWN, UNNAMED, own_kind
from gradsentry.corpus.recordless import NO_DATA, holds_rows, without_records
from gradsentry.corpus.records import Row
from gradsentry.corpus.walking import Bounds, other_kind, walk
from gradsentry.counts import first_few
from gradsentry.errors import DataError, meaning_to_say
from gradsentry.settings import DataSettings, Limits

# Kinds of file that trainers read and this does not. To leave one out could be to train on it unseen.
_UNREAD = {".arrow", ".avro", ".bz2", ".feather", ".lz4", ".orc", ".pickle", ".pkl", ".tar", ".tgz", ".xls"}
_UNREAD |= {".xlsx", ".xz", ".zip"}
_KEYWORDS = {
    "train": {"train", "training"},
    "validation": {"validation", "valid", "dev", "val"},
    "test": {"test", "testing", "eval", "evaluation"},
}
_SHARD = re.compile(r"(\w+(?:\.\w+)*)-\d{5}-of-\d{5}")
_SHOWN = 5  # names of files that are left out; the others are counted


@dataclass(frozen=True, slots=True)
class Part:
    """A data file of a corpus.

    Attributes:
        path: Where it lies.
        split: The split it is of.
        place: Where it stands among the files of the corpus, and of what is written of it.
    """

    path: Path
    split: str
    place: Path


@dataclass(frozen=True, slots=True)
class Listing:
    """What is read of a folder, and in clauses what is not."""

    parts: tuple[Part, ...]
    left_out: tuple[str, ...]


def listing_of(folder: Path, settings: DataSettings) -> Listing:
    """Returns the data files of a folder that the settings mean, sorted, and what is left out.

    Raises:
        DataError: If no file is data, one cannot be read, or no one of several configurations is named.
    """
    return of_split(whole_listing(folder, settings, Path()), settings.split)


def whole_listing(folder: Path, settings: DataSettings, called: Path) -> Listing:
    """Returns the data files of a folder, of all splits, and what is left out.

    Args:
        folder: The folder.
        settings: Which configuration is meant.
        called: The folder's own place in a corpus of several; its name may say the split too.

    Raises:
        DataError: As `listing_of`.
    """
    walked = walk(folder)
    kinds: dict[str, list[Path]] = {}
    for file in walked.files:
        kinds.setdefault(kind_of_file(file, settings), []).append(file)
    data = kinds.pop("", [])
    left_out = [f"{_named(folder, files)}: {kind}" for kind, files in sorted(kinds.items())]
    left_out += [f"{_named(folder, paths)}: {kind}" for kind, paths in walked.others.items()]
    configs = configurations_of(folder)
    name = chosen_configuration(configs, settings.subset, where=str(folder))
    if name is None:
        found = [(file, split_of(called.name / file.relative_to(folder))) for file in data]
    else:
        bounds = Bounds.of(folder)
        found = [
            one
            for one in _configured(folder, name, configs[name], data)
            if other_kind(one[0], bounds) is None
        ]
        left_out += [f"the configuration `{other}`" for other in configs if other != name]
        rest = sorted({*data} - {file for file, _ in found})
        if rest:
            left_out.append(f"{_named(folder, rest)}: not of the configuration `{name}`")
    if not found:
        raise _no_data(folder, is_linked=OUTSIDE in walked.others)
    parts = (Part(file, split, called / file.relative_to(folder)) for file, split in found)
    return Listing(tuple(parts), tuple(left_out))


def split_of(path: Path) -> str:
    """Returns the split that a file is of, told by its path in the folder."""
    if shard := _SHARD.match(path.name):
        return shard[1]
    for name in (*path.parts[:-1], path.name):
        words = re.split(r"[-._ 0-9]+", name)
        for split, keywords in _KEYWORDS.items():
            if keywords.intersection(words):
                return split
    return "train"


def chosen_split(names: Sequence[str], split: str | None) -> list[str]:
    """Returns the splits to read: all of them, or the one that is named.

    Raises:
        DataError: If there is none of that name.
    """
    if split is not None and split not in names:
        raise DataError(
            f"no split `{split}`",
            where="--split",
            mend=f"{meaning_to_say(split, names)}choose one of {', '.join(names)}",
        )
    return [name for name in names if split in (None, name)]


def splits_left_out(names: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """Returns a clause for each split that is not read."""
    return [f"the split `{name}`" for name in names if name not in chosen]


def of_split(listing: Listing, split: str | None) -> Listing:
    """Returns what of a listing is of the split that is named, or all of it.

    Raises:
        DataError: If there is no such split.
    """
    names = list(dict.fromkeys(part.split for part in listing.parts))
    chosen = chosen_split(names, split)
    parts = tuple(part for part in listing.parts if part.split in chosen)
    return Listing(parts, (*listing.left_out, *splits_left_out(names, chosen)))


def _configured(
    folder: Path, name: str, config: Mapping[str, Any], data: Sequence[Path]
) -> Iterator[tuple[Path, str]]:
    """Yields the files of a configuration with their splits."""
    if config.get("data_files") is not None:
        for file, split in files_of(folder, name, config):
            container_of(file, Limits())  # refuses a kind that cannot be read
            yield file, split
        return
    place = folder / str(config.get("data_dir") or ".")
    for file in data:
        if file.is_relative_to(place):
            yield file, split_of(file.relative_to(place))


def _no_data(folder: Path, *, is_linked: bool) -> DataError:
    mend = f"put {', '.join(SUFFIXES)} files there"
    if is_linked:
        mend = "its links lead out of it and are not followed: put the files themselves there, or name them"
    return DataError("no data file in this folder", where=str(folder), mend=mend)


def kind_of_file(file: Path, settings: DataSettings) -> str:
    """Returns what a file is that is left out; nothing for one that holds rows.

    Raises:
        DataError: If it might, and cannot be read.
    """
    if not data_suffix(file):
        if _UNREAD.intersection(suffix.lower() for suffix in file.suffixes):
            container_of(file, settings)
        return UNNAMED if holds_rows(file, settings) else NO_DATA
    if kind := own_kind(file):
        return kind
    if not file.is_file():
        mend = "put the file itself there, or remove it"
        raise DataError("is a link to nothing", where=str(file), mend=mend)
    if not _only_describes(file, settings):
        return ""
    return NO_DATA if without_records(file, settings) else UNKNOWN


def _only_describes(file: Path, settings: DataSettings) -> bool:
    """Returns whether a .json file is one object that is no row and holds none: `dataset_info.json`."""
    if not data_suffix(file).lower().startswith(".json") or data_suffix(file).lower().startswith(".jsonl"):
        return False
    records = container_of(file, settings).read(file)
    first, second = next(records, None), next(records, None)
    if first is None or second is not None:
        return False
    return not any(_is_row(row, settings) for row in (first.row, *_rows_inside(first.row)))


def _rows_inside(row: Row) -> Iterator[Row]:
    """Yields the first object of each list in a row."""
    for value in row.values():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield value[0]


def _is_row(row: Row, settings: DataSettings) -> bool:
    named = FORMATS.get(settings.format or "")
    return named.matches(row) if named else format_of(row) is not None


def _named(folder: Path, files: Sequence[Path]) -> str:
    """Returns the names of a few files, and how many more there are."""
    return first_few([file.relative_to(folder).as_posix() for file in files], _SHOWN)


def refuse_split(settings: DataSettings, kind: str, *, where: str) -> None:
    for option, name in (("split", settings.split), ("subset", settings.subset)):
        if name is not None:
            word = "configuration" if option == "subset" else option
            raise DataError(f"{kind} has no {word} `{name}`", where=where, mend=f"leave out --{option}")
