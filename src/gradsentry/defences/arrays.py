"""What an extractor returned -> arrays by name, or what is wrong with it in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.errors import UsageError, first_line
from gradsentry.plugins import described

Arrays = dict[str, NDArray[Any]]


def as_arrays(given: object, source: type) -> Arrays:
    """Returns what an extractor returned as arrays: of numbers, lists and tensors they are made.

    Args:
        given: What it returned.
        source: Its class, which an error names.

    Raises:
        UsageError: If that is no dict, or holds what numpy makes no array of.
    """
    if not isinstance(given, Mapping):
        raise unusable(source, type(given).__name__, "a dict of arrays or numbers by name")
    return {name: _array(value, name, source) for name, value in given.items()}


def put_row(arrays: Arrays, row: int, of_row: Mapping[str, NDArray[Any]], rows: int, source: type) -> None:
    """Writes what was read off a row into the arrays of all rows, and makes those where it is the first.

    Raises:
        UsageError: If another row had other names or shapes.
    """
    if not arrays:
        arrays |= {name: np.zeros((rows, *value.shape), value.dtype) for name, value in of_row.items()}
    if arrays.keys() != of_row.keys():
        names = " and ".join(", ".join(one) or "nothing" for one in (arrays, of_row))
        raise unusable(source, f"{names} for two rows", "the same names for each row")
    for name, value in of_row.items():
        if value.shape != arrays[name].shape[1:]:
            shapes = f"{arrays[name].shape[1:]} and {value.shape}"
            raise unusable(source, f"{name} of the shapes {shapes} for two rows", "one shape for all rows")
        arrays[name] = widened(arrays[name], value)
        arrays[name][row] = value


def widened(array: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Returns an array that can hold some values too: a number may be whole in one row, and not in all."""
    wanted = np.result_type(array.dtype, values.dtype)
    return array if array.dtype == wanted else array.astype(wanted)


def unusable(source: type, returned: str, wanted: str) -> UsageError:
    """Returns what is said of an extractor that returned something else than it should."""
    return UsageError(f"returned {returned}", where=described(source), mend=f"return {wanted}")


def _array(value: object, name: str, source: type) -> NDArray[Any]:
    # A tensor, which numpy takes as it is from the CPU alone; PyTorch is not imported to know one.
    held = value.detach().cpu() if hasattr(value, "detach") else value
    why = ""
    try:
        array = np.asarray(held)
        if not array.dtype.hasobject:
            return array
    except (TypeError, ValueError) as error:
        why = f" ({first_line(error)})"
    returned = f"{type(value).__name__} as {name}{why}"
    raise unusable(source, returned, "an array, or a number or list that makes one")
