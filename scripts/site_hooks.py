"""What `make docs` adds to docs/: pages that stand elsewhere, the command line from the code, linked files.

mkdocs calls the functions that begin with `on_`. A page of docs/ links to the rest of the repository as it
lies there; in the site those links lead to the page that the file became, or to a copy of it under `files/`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages that stand in the repository's root, by their place there: their place in the site."""
CLI = "cli.md"
FILES = "files/"
_LINK = re.compile(r"(\]\()([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the root, the page on the command line, and the files that pages link to."""
    for place, uri in PAGES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / place)))
    files.append(File.generated(config, CLI, content=command_line()))
    linked = {
        place
        for file in files.documentation_pages()
        if file.src_uri != CLI and file.src_uri.endswith(".md")
        for place in linked_places(in_repository(file.src_uri), file.content_string)
        if not in_site(place)
    }
    for place in sorted(linked):
        if (ROOT / place).is_file():
            files.append(File.generated(config, FILES + place, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Returns a page's text with its links as the site has them."""
    here = in_repository(page.file.src_uri)

    def moved(match: re.Match[str]) -> str:
        opening, target = match.groups()
        if "://" in target:
            return match[0]
        place = _place(here, target)
        uri = in_site(place) or FILES + place
        return opening + posixpath.relpath(uri, posixpath.dirname(page.file.src_uri))

    return _LINK.sub(moved, markdown)


def in_repository(uri: str) -> str:
    """Returns where a page of the site stands in the repository."""
    return next((place for place, made in PAGES.items() if made == uri), DOCS + uri)


def in_site(place: str) -> str:
    """Returns where a file of the repository stands in the site; nothing if it is no part of it."""
    return PAGES.get(place) or (place.removeprefix(DOCS) if place.startswith(DOCS) else "")


def linked_places(page: str, text: str) -> set[str]:
    """Returns the places in the repository that a page's text links to."""
    return {_place(page, target) for _, target in _LINK.findall(text) if "://" not in target}


def _place(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def command_line() -> str:
    """Returns the page on the command line: what the parser says of every command and option."""
    import typer
    from typer.cli import get_docs_for_click
    from typer.core import TyperGroup
    from typer.main import get_command

    from gradsentry.cli import app

    command = get_command(app)
    assert isinstance(command, TyperGroup)
    context = typer.Context(command, info_name="gradsentry", **command.context_settings)
    text = get_docs_for_click(obj=command, ctx=context, name="gradsentry")
    for name, one in command.commands.items():
        # Typer cuts these to fit a terminal.
        short, whole = one.get_short_help_str(), one.get_short_help_str(limit=1000)
        text = text.replace(f"* `{name}`: {short}\n", f"* [`{name}`](#gradsentry-{name}): {whole}\n", 1)
    return text.replace("# `gradsentry`", "# The command line", 1)
