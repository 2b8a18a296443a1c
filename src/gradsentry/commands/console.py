"""What prints styled text: rich's console, but for what it does where nobody reads on."""

from __future__ import annotations

import rich.console


class Console(rich.console.Console):
    """A console that prints texts of the data as they are, and lets a broken pipe end the command."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Raises the `BrokenPipeError` again; rich would exit with 1, which means findings here."""
        raise  # noqa: PLE0704  (called from within its handler)
