"""The files under a folder: each real folder is visited once, and no link leads out of it.

A folder of data comes from others: a link in it that leads elsewhere would put files of this machine into the
corpus, and into what is written of it. The cache of the Hugging Face Hub alone is made of such links, from
`snapshots/<revision>/` to the `blobs/` of the same repository.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gradsentry.corpus.ownfiles import OUTSIDE, RUN, is_run
from gradsentry.corpus.streams import unreadable

READ_ALREADY, NO_FILE, HIDDEN = "links to what is read already", "no regular file", "hidden"
"""What is neither followed nor read, beside `OUTSIDE` and `RUN`."""
_KEPT_BY_TOOLS = {".git", ".gitattributes", ".gitignore", ".gitkeep", ".DS_Store"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the files of a folder may lie."""

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Returns the bounds of a folder: itself, and for a snapshot of the Hub's cache its blobs."""
        real = _real(folder)
        snapshots = [one.parent for one in (real, *real.parents) if one.parent.name == "snapshots"]
        return cls((real, *(place.parent / "blobs" for place in snapshots[:1])))

    def hold(self, path: Path) -> bool:
        """Returns whether what a path leads to lies within."""
        real = _real(path)
        return any(real.is_relative_to(root) for root in self.roots)


@dataclass(frozen=True, slots=True)
class Walked:
    """What lies under a folder and is not hidden.

    Attributes:
        files: Files, and links that lead to nothing; sorted.
        others: What is neither followed nor read, sorted, by what it is.
    """

    files: tuple[Path, ...]
    others: dict[str, tuple[Path, ...]]


def walk(folder: Path) -> Walked:
    """Returns what lies under a folder.

    Raises:
        DataError: If a folder cannot be read.
    """
    bounds = Bounds.of(folder)
    files: list[Path] = []
    others: dict[str, list[Path]] = {}
    seen: set[Path] = set()
    folders, links = deque([folder]), deque[Path]()  # a folder goes by its own name where it has one here
    while folders or links:
        place = folders.popleft() if folders else links.popleft()
        if (real := _real(place)) in seen:
            others.setdefault(READ_ALREADY, []).append(place)
            continue
        seen.add(real)
        for entry, is_folder in _entries(place):
            if entry.name.startswith("."):
                others.setdefault(HIDDEN, []).append(entry)
            elif other := other_kind(entry, bounds):
                others.setdefault(other, []).append(entry)
            elif is_folder and is_run(entry):
                others.setdefault(RUN, []).append(entry)
            elif is_folder:
                (links if entry.is_symlink() else folders).append(entry)
            else:
                files.append(entry)
    return Walked(tuple(sorted(files)), {kind: tuple(sorted(paths)) for kind, paths in others.items()})


def other_kind(path: Path, bounds: Bounds) -> str | None:
    """Returns what a path is where it is not to be read; None for a file, a folder, and a link to nothing."""
    if not bounds.hold(path):
        return OUTSIDE
    return NO_FILE if path.exists() and not (path.is_file() or path.is_dir()) else None


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yields what a folder holds, and whether each is a folder; not what version control keeps there."""
    try:
        entries = [(entry, entry.is_dir()) for entry in sorted(folder.iterdir())]
    except OSError as error:
        raise unreadable(folder, error) from None
    yield from ((entry, is_folder) for entry, is_folder in entries if entry.name not in _KEPT_BY_TOOLS)


def _real(path: Path) -> Path:
    """Returns where a path leads; unlike `Path.resolve` it ends at a loop of links."""
    return Path(os.path.realpath(path))
