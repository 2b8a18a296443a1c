"""Arrow arrays -> how many bytes each row takes once dictionaries are looked up and lists written out.

A dictionary of one long string costs an array little, and each row that points to it all of the string. So
what rows take is reckoned before they are made. Linear in the values, and in the entries of a dictionary.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_SLOT = 8  # what a number, a place in a list or an offset of text takes


def row_bytes(batch: pa.RecordBatch) -> Ints:
    """Returns how many bytes each row takes.  # [rows]"""
    total = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        total += _bytes(column)
    return total


def _bytes(array: pa.Array) -> Ints:
    """Returns how many bytes each value takes.  # [values]"""
    if isinstance(array, pa.ExtensionArray):
        return _bytes(array.storage)
    return np.full(len(array), _SLOT, np.int64) + _held(array, array.type)


def _held(array: pa.Array, kind: pa.DataType) -> Ints | int:
    """Returns how many bytes each value holds beside its own slot; the types that hold none say 0."""
    held: Ints | int = 0
    if pa.types.is_dictionary(kind):
        entries = _bytes(array.dictionary)
        held = entries[_filled(array.indices)] if len(entries) else 0
    elif _is_text(kind):
        held = _filled(pc.binary_length(array))
    elif pa.types.is_struct(kind):
        held = sum((_bytes(array.field(place)) for place in range(kind.num_fields)), start=0)
    elif pa.types.is_fixed_size_list(kind):
        at = np.arange(array.offset, array.offset + len(array) + 1) * kind.list_size
        held = np.diff(_ends(_bytes(array.values))[at])
    elif pa.types.is_map(kind):
        inner = _bytes(array.keys) + _bytes(array.items)
        held = np.diff(_ends(inner)[array.offsets.to_numpy()])
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        held = np.diff(_ends(_bytes(array.values))[array.offsets.to_numpy()])
    return held


def _is_text(kind: pa.DataType) -> bool:
    is_kind = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in (*is_kind, pa.types.is_fixed_size_binary))


def _filled(numbers: pa.Array) -> Ints:
    """Returns numbers, 0 in place of null."""
    filled: Ints = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return filled


def _ends(sizes: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
