"""Where people already work: what trainers, pipelines and CI systems take a verdict in."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from gradsentry.extras import missing_module

_PLACES = ("axolotl", "datasets", "datatrove", "llamafactory", "nemo_curator", "sides", "trl")
"""The modules that users name; each imports the library that it is for."""


def __getattr__(name: str) -> ModuleType:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise missing_module(error) or error from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
