"""Data that is no file here, copied to be read: standard input, and what fsspec opens (`s3://`, `hf://`)."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.streams import not_written
from gradsentry.errors import DataError, first_line
from gradsentry.extras import require

STDIN = "-"
_HEADS = {b"PAR1": ".parquet", b"[": ".json"}


def copied_stdin() -> Path:
    """Returns a file with what standard input holds: Parquet, a JSON list, else JSON Lines.

    It is taken away when the program ends: a scan reads data more than once.

    Raises:
        DataError: If standard input is a terminal.
        ScoringError: If the disk is full.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input is a terminal", where=STDIN, mend="give a path, or pipe the rows in")
    stream = sys.stdin.buffer
    head = stream.read(4)
    suffix = next((kind for begin, kind in _HEADS.items() if head.lstrip().startswith(begin)), ".jsonl")
    path = _folder() / f"stdin{suffix}"
    _copy(stream, path, head)
    return path


def copied(url: str) -> Path:
    """Returns a file with what a URL holds, under the name that it has there; see `copied_stdin`.

    Raises:
        SettingsError: If fsspec is not installed.
        DataError: If it is no data file, or cannot be had.
        ScoringError: If the disk is full.
    """
    name = PurePosixPath(url.partition("://")[2]).name
    if not data_suffix(Path(name)):
        raise DataError("names no data file", where=url, mend="name a .jsonl, .json, .csv or .parquet file")
    require("remote")
    import fsspec

    path = _folder() / name
    try:
        stream = fsspec.open(url, "rb").open()
    except ImportError as error:  # the package of that file system
        mend = "install what it names, or download the file"
        raise DataError(f"cannot be opened ({first_line(error)})", where=url, mend=mend) from None
    except Exception as error:  # each file system has exceptions of its own
        what = f"cannot be had ({type(error).__name__}: {first_line(error)})"
        raise DataError(what, where=url, mend="check the name, the rights and the network") from None
    with stream:
        _copy(stream, path)
    return path


def _folder() -> Path:
    """Returns a folder that is taken away when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="gradsentry-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copy(stream: BinaryIO, path: Path, head: bytes = b"") -> None:
    try:
        with path.open("wb") as file:
            file.write(head)
            shutil.copyfileobj(stream, file)
    except OSError as error:
        raise not_written(path, error) from error
