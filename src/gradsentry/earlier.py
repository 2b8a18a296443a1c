"""Files of a folder that take the place of others, which are kept.

What lay there is kept under `earlier/001`, `earlier/002` and so on, as hard links where the file system has
them: a file is never changed in place here, so that costs no room but that of what the new files replace.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from gradsentry.corpus.streams import make_folder, not_written

EARLIER = "earlier"


def differing(folder: Path, staged: Path, names: Iterable[str]) -> list[str]:
    """Returns which of the names mean another thing in two folders: other content, or there in one only."""
    return [name for name in names if not _same(folder / name, staged / name)]


def keep_earlier(folder: Path, names: Iterable[str]) -> Path:
    """Keeps what lies under the names in a folder, and returns where: a folder that was not there before.

    Raises:
        ScoringError: If the disk is full.
        DataError: If the files cannot be written for another reason.
    """
    taken = [int(each.name) for each in (folder / EARLIER).glob("*") if each.name.isdecimal()]
    kept = folder / EARLIER / f"{max(taken, default=0) + 1:03d}"
    partial = kept.with_name(f"{kept.name}.part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial)
        for path in (folder / name for name in names):
            if path.is_dir():
                shutil.copytree(path, partial / path.name, copy_function=_link)
            elif path.exists():
                _link(path, partial / path.name)
        partial.rename(kept)
    except OSError as error:
        raise not_written(kept, error) from error
    return kept


def take_place(folder: Path, staged: Path, names: Iterable[str]) -> None:
    """Moves what is staged under the names into a folder; what is not staged is taken away there.

    Raises:
        DataError: If the files cannot be moved.
    """
    for name in names:
        path, new = folder / name, staged / name
        try:
            if path.is_dir():
                shutil.rmtree(path)
            if new.exists():
                new.replace(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(path, error) from error


def _same(one: Path, other: Path) -> bool:
    if one.is_dir() and other.is_dir():
        inside = [{file.relative_to(top) for file in top.rglob("*")} for top in (one, other)]
        return inside[0] == inside[1] and all(
            _same(one / name, other / name) for name in inside[0] if not (one / name).is_dir()
        )
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    return not one.exists() and not other.exists()


def _link(source: str | Path, target: str | Path) -> None:
    """Links a file, or copies it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
