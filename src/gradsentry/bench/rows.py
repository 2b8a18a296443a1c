"""Features of single rows on the disk, by the content of the row.

A folder holds chunks; a chunk is a folder of `.npy` arrays with a row for each name in `rows.json`. It is
written under another name and renamed when it is whole, so a kill leaves whole chunks.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gradsentry.corpus.streams import make_folder
from gradsentry.defences import Features
from gradsentry.defences.arrays import widened
from gradsentry.errors import UsageError

_NAMES = "rows.json"
_IN_MEMORY = 1 << 28


class RowFiles:
    """Features of one extractor and model.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, tuple[Path, int]] = {}
        for names in sorted(folder.glob(f"*/{_NAMES}")):
            if names.parent.suffix != ".part":
                self._enter(names.parent, json.loads(names.read_text(encoding="utf-8")))

    def __contains__(self, row: str) -> bool:
        return row in self._places

    def add(self, rows: Sequence[str], features: Features) -> None:
        """Writes the features of rows, all of them or none."""
        chunk = self.folder / hashlib.sha256("".join(rows).encode()).hexdigest()[:16]
        part = chunk.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        make_folder(part)
        for name, values in features.items():
            np.save(part / f"{name}.npy", values, allow_pickle=False)
        (part / _NAMES).write_text(json.dumps(list(rows)), encoding="utf-8")
        shutil.rmtree(chunk, ignore_errors=True)
        part.rename(chunk)
        self._enter(chunk, rows)

    def gather(self, rows: Sequence[str]) -> Features:
        """Returns the features of rows, in their order; what is large lies in a temporary file.

        Raises:
            UsageError: If rows that were read at other times have other shapes.
        """
        by_chunk: dict[Path, list[tuple[int, int]]] = {}
        for place, row in enumerate(rows):
            chunk, number = self._places[row]
            by_chunk.setdefault(chunk, []).append((place, number))
        gathered: Features = {}
        for chunk, pairs in by_chunk.items():
            places, numbers = np.array(pairs).T
            for file in chunk.glob("*.npy"):
                values = np.load(file, mmap_mode="r", allow_pickle=False)
                if file.stem not in gathered:
                    gathered[file.stem] = _room((len(rows), *values.shape[1:]), values.dtype)
                if (shape := gathered[file.stem].shape[1:]) != values.shape[1:]:
                    what = f"{file.stem} has the shapes {shape} and {values.shape[1:]}"
                    where = f"features {self.folder.name}"
                    raise UsageError(what, where=where, mend="return one shape for all rows")
                gathered[file.stem] = widened(gathered[file.stem], values)
                gathered[file.stem][places] = values[numbers]
        return gathered

    def _enter(self, chunk: Path, rows: Sequence[str]) -> None:
        self._places |= {row: (chunk, number) for number, row in enumerate(rows)}


def _room(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.floating]:
    """Returns an array of zeros, on the disk where it is large; the file goes with it."""
    if np.prod(shape) * np.dtype(dtype).itemsize <= _IN_MEMORY:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)
