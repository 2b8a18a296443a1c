"""Optional packages that some of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from gradsentry.errors import SettingsError


def require(extra: str, packages: Mapping[str, str]) -> None:
    """Does nothing where all packages are there.

    Args:
        extra: The name of the extra, which is mostly the command's.
        packages: Module names, and the packages that hold them.

    Raises:
        SettingsError: If one is missing; it says how to install the extra.
    """
    if missing := [package for module, package in packages.items() if find_spec(module) is None]:
        raise SettingsError(
            f"{' and '.join(missing)} is not installed",
            where=extra,
            mend=f"pip install 'gradsentry[{extra}]'",
        )
