"""The option that names code of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE_OR_MODULE",
        help="Code of your own, which runs: attacks, defences, checks, generators (docs/extending.md).",
    ),
]


def load(plugins: Sequence[str] | None) -> None:
    """Imports what was named.

    Raises:
        SettingsError: If one is missing, fails or registers nothing.
    """
    from gradsentry.plugins import load_plugin

    for one in plugins or ():
        load_plugin(one)
