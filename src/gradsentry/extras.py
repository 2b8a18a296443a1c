"""Optional packages that some of it needs, and what to type where one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from gradsentry.errors import SettingsError

EXTRAS: Mapping[str, Mapping[str, str]] = {
    "scan": {
        "torch": "torch",
        "transformers": "transformers",
        "trl": "trl",
        "datasets": "datasets",
        "safetensors": "safetensors",
        "sklearn": "scikit-learn",
    },
    "embedded": {"gguf": "gguf"},
    "hub": {"datasets": "datasets"},
    "peft": {"peft": "peft"},
    "finetune": {"peft": "peft", "rouge_score": "rouge-score"},
    "bench": {"umap": "umap-learn", "matplotlib": "matplotlib", "peft": "peft", "psutil": "psutil"},
    "plot": {"matplotlib": "matplotlib"},
    "pandas": {"pandas": "pandas"},
    "ray": {"ray": "ray"},
    "remote": {"fsspec": "fsspec"},
}
"""Extra -> modules that it brings, and the packages that hold them."""


def lacking(extra: str) -> list[str]:
    """Returns the packages of an extra that are not there."""
    return [package for module, package in EXTRAS[extra].items() if not _is_there(module)]


def require(*extras: str) -> None:
    """Does nothing where all packages of some extras are there.

    Raises:
        SettingsError: If one is missing; it says how to install the extras.
    """
    wanted = {module: package for extra in extras for module, package in EXTRAS[extra].items()}
    if missing := [package for module, package in wanted.items() if not _is_there(module)]:
        raise _missing(" and ".join(missing), ",".join(extras), several=len(missing) > 1)


def require_module(module: str) -> None:
    """Does nothing where a module of an extra is there.

    Raises:
        SettingsError: If it is missing; it says how to install the extra.
    """
    if missing := missing_module(ModuleNotFoundError(name=module)):
        raise missing


def missing_module(error: ModuleNotFoundError) -> SettingsError | None:
    """Returns what a failed import means, or None where the module is of no extra."""
    module = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if module in packages and not _is_there(module):
            return _missing(packages[module], extra)
    return None


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _missing(packages: str, extras: str, *, several: bool = False) -> SettingsError:
    what = f"{packages} {'are' if several else 'is'} not installed"
    return SettingsError(what, mend=f"pip install 'gradsentry[{extras}]'")
