"""GradSentry reads fine-tuning data before training and says which samples to drop, and why."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gradsentry.about import VERSION

if TYPE_CHECKING:
    from gradsentry import errors as errors
    from gradsentry import evidence as evidence
    from gradsentry import integrations as integrations
    from gradsentry import settings as settings
    from gradsentry.opening import open_run
    from gradsentry.outcome import Verdict
    from gradsentry.screening import scan
    from gradsentry.textual import find_evidence, screen

__version__ = VERSION
__all__ = ["Verdict", "__version__", "find_evidence", "open_run", "scan", "screen"]

_MODULES = ("errors", "evidence", "integrations", "settings")
"""Those whose names are public too; `import gradsentry` alone brings them, once they are named."""

_HOMES = {
    "Verdict": "outcome",
    "find_evidence": "textual",
    "open_run": "opening",
    "scan": "screening",
    "screen": "textual",
}


def __getattr__(name: str) -> object:
    # Importing the package must import nothing heavy: the command line answers --help at once.
    if name in _MODULES or name in _HOMES:
        return _imported(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _imported(name: str) -> object:
    """Returns a public name from where it lives, or a module of such.

    Raises:
        SettingsError: If an optional package is missing; it says what to type.
    """
    try:
        module = import_module(f"gradsentry.{_HOMES.get(name, name)}")
    except ModuleNotFoundError as error:
        from gradsentry.extras import missing_module

        raise missing_module(error) or error from None
    return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
