"""What prints styled text: rich's console, but for what it does where nobody reads on."""

from __future__ import annotations

from dataclasses import dataclass

import rich.console
from rich.segment import Segment

from gradsentry.commands.stdout import visible


class Console(rich.console.Console):
    """A console that spells out what cannot be seen, and lets a broken pipe end the command."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False)
        self.push_render_hook(_Visible())

    def on_broken_pipe(self) -> None:
        """Raises the `BrokenPipeError` again; rich would exit with 1, which means findings here."""
        raise  # noqa: PLE0704  (called from within its handler)


class _Visible(rich.console.RenderHook):
    """Spells out what cannot be seen in all that is printed, whoever forgot to."""

    def process_renderables(
        self, renderables: list[rich.console.ConsoleRenderable]
    ) -> list[rich.console.ConsoleRenderable]:
        return [_Shown(one) for one in renderables]


@dataclass(frozen=True)
class _Shown:
    """Something that can be printed, of which the terminal obeys nothing but its styles."""

    inner: rich.console.ConsoleRenderable

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> rich.console.RenderResult:
        for segment in console.render(self.inner, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
