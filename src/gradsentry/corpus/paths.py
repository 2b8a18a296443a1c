"""What a path is here: a file, a folder, a pattern of files, or nothing that can be read twice."""

from __future__ import annotations

import os
import stat
from glob import glob, has_magic
from pathlib import Path

from gradsentry.corpus.containers import container_of
from gradsentry.corpus.streams import unreadable
from gradsentry.errors import DataError
from gradsentry.settings import Limits


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


def is_folder(path: Path) -> bool:
    """Returns whether a path is a folder, and not a file that may hold rows.

    Raises:
        DataError: If it is neither.
    """
    mode = mode_of(path)
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


def mode_of(path: Path) -> int:
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
