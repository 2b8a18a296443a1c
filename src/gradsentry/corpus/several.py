"""Several files and folders -> one listing, as if they lay in one folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gradsentry.corpus.folders import Listing, Part, of_split, split_of, whole_listing
from gradsentry.errors import DataError
from gradsentry.settings import DataSettings


def several_listing(named: Sequence[Path], settings: DataSettings) -> Listing:
    """Returns the data files that are named and those of the folders that are, in that order.

    Each stands under its own name, with as many of the folders above it as tell it from the others.

    Raises:
        DataError: If a folder holds no data, there is no such split, or a file is meant twice.
    """
    # Without links followed: a link's own name says what it holds.
    full = [Path(os.path.normpath(path.absolute())).parts[1:] for path in named]
    listing = _listed(named, [_shortest_end(one, full) for one in full], settings)
    _refuse_twice(listing.parts)
    if len({part.place for part in listing.parts}) < len(listing.parts):
        listing = _listed(named, [Path(*one) for one in full], settings)
    return of_split(listing, settings.split)


def _listed(named: Sequence[Path], places: Sequence[Path], settings: DataSettings) -> Listing:
    listings = [_listing(path, called, settings) for path, called in zip(named, places, strict=True)]
    parts = tuple(part for listing in listings for part in listing.parts)
    return Listing(parts, tuple(clause for listing in listings for clause in listing.left_out))


def _listing(path: Path, called: Path, settings: DataSettings) -> Listing:
    if not path.is_dir():
        return Listing((Part(path, split_of(Path(called.name)), called),), ())
    listing = whole_listing(path, settings, called)
    return Listing(listing.parts, tuple(f"in {path}: {clause}" for clause in listing.left_out))


def _shortest_end(path: tuple[str, ...], among: Sequence[tuple[str, ...]]) -> Path:
    """Returns the shortest end of a path that is the end of no other."""
    depths = range(1, len(path) + 1)
    shared = (sum(other[-depth:] == path[-depth:] for other in among) > 1 for depth in depths)
    depth = next((depth for depth, is_shared in zip(depths, shared, strict=True) if not is_shared), len(path))
    return Path(*path[-depth:])


def _refuse_twice(parts: Sequence[Part]) -> None:
    """Refuses a file that would be read twice: its rows would be taken for twice as many."""
    times = Counter(os.path.realpath(part.path.parent) + os.sep + part.path.name for part in parts)
    for path, count in times.items():
        if count > 1:
            raise DataError("is named twice", where=path, mend="name it once")
