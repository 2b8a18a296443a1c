"""GradSentry reads fine-tuning data before training and says which samples to drop, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradsentry.outcome import Verdict
    from gradsentry.screening import open_run, scan

__all__ = ["Verdict", "open_run", "scan"]


def __getattr__(name: str) -> object:
    # Importing the package must not import torch: the command line answers --help at once.
    if name in __all__:
        from gradsentry import screening

        return getattr(screening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
