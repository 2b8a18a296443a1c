"""Which container a file is, told by its suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gradsentry.corpus.csvfiles import Table
from gradsentry.corpus.jsonfiles import Json
from gradsentry.corpus.parquetfiles import Parquet
from gradsentry.corpus.records import Container
from gradsentry.corpus.streams import COMPRESSIONS, refuse_pointer
from gradsentry.errors import DataError
from gradsentry.settings import Limits

SUFFIXES: dict[str, Callable[[Limits], Container]] = {
    ".jsonl": Json,
    ".ndjson": Json,
    ".jsonlines": Json,
    ".json": Json,
    ".csv": Table,
    ".tsv": Table,
    ".parquet": Parquet,
}


_SAVED = (("state.json", "dataset_info.json"), ("dataset_dict.json",))
"""What a folder holds that `save_to_disk` of `datasets` wrote: of a `Dataset`, or of a `DatasetDict`."""
SAVED_NAMES = frozenset(name for names in _SAVED for name in names)


def is_saved(folder: Path) -> bool:
    """Returns whether `save_to_disk` of `datasets` wrote a folder."""
    return any(all((folder / name).is_file() for name in names) for names in _SAVED)


def saved_files(folder: Path) -> Iterator[Path]:
    """Yields the files of rows that a folder of `save_to_disk` names, of all splits; none of a broken one."""
    splits = _listed(folder / "dataset_dict.json", "splits")
    for place in (folder, *(folder / str(split) for split in splits)):
        for file in _listed(place / "state.json", "_data_files"):
            if isinstance(file, dict):
                yield place / str(file.get("filename"))


def _listed(file: Path, key: str) -> list[Any]:
    """Returns the list under a key of a JSON object; an empty one where there is none."""
    try:
        held = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    found = held.get(key) if isinstance(held, dict) else None
    return found if isinstance(found, list) else []


def data_suffix(path: Path) -> str:
    """Returns the suffix that says what the file holds, compression included; empty for another file."""
    compression = path.suffix if path.suffix.lower() in COMPRESSIONS else ""
    suffix = Path(path.name.removesuffix(compression)).suffix
    return suffix + compression if suffix.lower() in SUFFIXES else ""


def container_of(path: Path, limits: Limits) -> Container:
    """Returns how the file is read and written; within these limits.

    Raises:
        DataError: If its suffix is none that is known, its path cannot be given to Arrow, or Git LFS did not
            fetch it.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise DataError("its path is no UTF-8 text", where=str(path), mend="rename it") from None
    refuse_pointer(path)
    suffix = data_suffix(path)
    if not suffix:
        raise DataError(
            f"unknown kind of file `{path.name}`",
            where=str(path),
            mend=f"give {', '.join(SUFFIXES)}, plain or with {' or '.join(COMPRESSIONS)}",
        )
    return SUFFIXES["." + suffix.lower().split(".")[1]](limits)


def with_data_suffix(path: Path, suffix: str) -> Path:
    """Returns the path with the suffix, appended where it has no data suffix yet.

    Raises:
        DataError: If it has the suffix of another container.
    """
    own = data_suffix(path)
    if own == suffix:
        return path
    if own:
        raise DataError(
            f"ends in {own}, but the data came as {suffix}", where=str(path), mend=f"let it end in {suffix}"
        )
    return path.with_name(path.name + suffix)
