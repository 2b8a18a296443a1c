"""Files that somebody else listed, as those of a commit -> the data files among them, by format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gradsentry.corpus.containers import data_suffix, is_saved
from gradsentry.corpus.folders import kind_of_file, listing_of
from gradsentry.corpus.ownfiles import own_kind
from gradsentry.corpus.paths import globbed
from gradsentry.corpus.recordless import without_records
from gradsentry.corpus.remote import STDIN
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


@dataclass(frozen=True)
class Parted:
    """Files, parted.

    Attributes:
        groups: The format -> the data files of it, in order.
        left_out: What holds no rows, in clauses.
    """

    groups: Mapping[str, Sequence[str]]
    left_out: tuple[str, ...]


def by_format(named: Sequence[str], settings: DataSettings) -> Parted:
    """Returns the data files among some, parted by the format of their rows.

    Args:
        named: Files; folders and patterns, of which each file goes by itself.
        settings: How rows are read.

    Raises:
        DataError: If one cannot be read, or holds records of no known format.
    """
    groups: dict[str, list[str]] = {}
    left_out: list[str] = []
    for name in named:
        files, others = _files(name, settings)
        left_out += others
        for file in files:
            path = Path(file)
            is_named_otherwise = path.is_file() and not data_suffix(path)
            if kind := kind_of_file(path, settings) if is_named_otherwise else own_kind(path):
                left_out.append(f"{file}: {kind}")
                continue
            try:
                groups.setdefault(open_corpus(file, settings).format, []).append(file)
            except DataError as error:
                reason = _reason(Path(file), settings, error)
                left_out.append(f"{file}: {reason}")
    return Parted(groups, tuple(left_out))


def _files(name: str, settings: DataSettings) -> tuple[list[str], list[str]]:
    """Returns the files that a name means, and in clauses what of it is left out."""
    path = Path(name)
    if name == STDIN or "://" in name:
        return [name], []
    if (found := globbed(path)) is not None:
        parted = [_files(str(one), settings) for one in found]
        return [file for files, _ in parted for file in files], [one for _, more in parted for one in more]
    is_parted = path.is_dir() and not is_saved(path) and not own_kind(path)
    if not is_parted or (settings.split, settings.subset) != (None, None):
        return [name], []
    listing = listing_of(path, settings)
    return [str(part.path) for part in listing.parts], [f"in {name}: {one}" for one in listing.left_out]


def _reason(path: Path, settings: DataSettings, error: DataError) -> str:
    """Returns why a file that is no data can be left out.

    Raises:
        DataError: If it cannot, with what was wrong with it as data.
    """
    if not path.is_file():
        raise error
    with suppress(DataError):
        if reason := without_records(path, settings):
            return reason
    mend = f"{error.mend}, or leave out the file where it is no data (`exclude:` of a pre-commit hook)"
    raise DataError(error.what, where=error.where, mend=mend)
