"""The benchmark: attacks x data sets x rates x defences. The only place where truth meets scores."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsentry.bench.grid import Grid
    from gradsentry.bench.running import GridResult
    from gradsentry.bench.spec import Spec

__all__ = ["Grid", "GridResult", "Spec"]


def __getattr__(name: str) -> object:
    # The grid needs the extra `bench`; a run's metrics against its truth do not, nor does a wrong spec.
    if name in __all__:
        homes = {"Grid": "grid", "GridResult": "running", "Spec": "spec"}
        return getattr(import_module(f"gradsentry.bench.{homes[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
