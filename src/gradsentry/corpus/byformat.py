"""Files that somebody else listed, as those of a commit -> the data files among them, by format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.ownfiles import own_kind
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings

_OF_ANYTHING = (".json", ".csv", ".tsv")
"""Kinds of file that hold anything: settings, tables. The other kinds hold rows, or are broken."""


@dataclass(frozen=True)
class Parted:
    """Files, parted.

    Attributes:
        groups: The data files of each format, in order.
        left_out: What holds no rows, in clauses.
    """

    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]


def by_format(named: Sequence[str], settings: DataSettings) -> Parted:
    """Returns the data files among some, parted by the format of their rows.

    Args:
        named: Files.
        settings: How rows are read.

    Raises:
        DataError: If one cannot be read, and is of a kind that holds rows.
    """
    groups: dict[str, list[str]] = {}
    left_out = []
    for name in named:
        if kind := own_kind(Path(name)):
            left_out.append(f"{name}: {kind}")
            continue
        try:
            groups.setdefault(open_corpus(name, settings).format, []).append(name)
        except DataError as error:
            if data_suffix(Path(name)).lower().partition(".gz")[0].removesuffix(".zst") not in _OF_ANYTHING:
                raise
            left_out.append(f"{name}: {error.what}")
    return Parted(tuple(map(tuple, groups.values())), tuple(left_out))
