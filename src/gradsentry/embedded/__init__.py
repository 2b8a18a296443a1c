"""The question-answering set that ships with the package, for `demo` and the tests."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def embedded_data_path() -> Path:
    """Returns where the embedded data set lies.

    Returns:
        The path of a JSON Lines file with the columns `id`, `question` and `answers`.
    """
    return Path(str(files(__name__) / "qa.jsonl"))
