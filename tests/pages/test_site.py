"""The site holds every page and option, its links lead somewhere, and its Markdown is read as meant."""

from __future__ import annotations

import importlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
import yaml
from mkdocs.config import load_config
from typer.main import get_command

import gradsentry
from gradsentry.cli import app

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
hooks = importlib.import_module("site_hooks")
CONFIG = load_config(str(ROOT / "mkdocs.yml"))
PAGES = sorted([*hooks.PAGES, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))])
LINK = re.compile(r"\]\(([^)\s]+)")


def rendered(page: str) -> tuple[str, set[str]]:
    """Returns a page as HTML, as the site reads it, and its anchors."""
    reader = markdown.Markdown(extensions=CONFIG.markdown_extensions, extension_configs=CONFIG.mdx_configs)
    html = reader.convert((ROOT / page).read_text(encoding="utf-8"))
    return html, set(re.findall(r'id="([^"]+)"', html))


class Paragraphs(HTMLParser):
    """The texts of paragraphs, without their code."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("p", "code"):
            self._open.append(tag)
        if tag == "p":
            self.texts.append("")

    def handle_endtag(self, tag):
        if tag in ("p", "code"):
            self._open.remove(tag)

    def handle_data(self, data):
        if self._open == ["p"]:
            self.texts[-1] += data


def unread(html: str) -> list[str]:
    """Returns the paragraphs that hold signs of Markdown which was not read as such."""
    reader = Paragraphs()
    reader.feed(html)
    return [text for text in reader.texts if re.search(r"(?m)^\s*(\||[-*] |\d\. |```|#+ )|\]\(|\*\*", text)]


@pytest.mark.parametrize("page", PAGES)
def test_markdown_is_read_as_meant(page):
    assert unread(rendered(page)[0]) == []


def test_a_list_or_table_behind_a_line_of_text_would_show():
    read = markdown.Markdown(extensions=["tables"]).convert
    assert len(unread(read("text\n- one\n\ntext\n| a | b |\n\nthe **end"))) == 3
    assert unread(read("text\n\n- one\n\n| a | b |\n| - | - |\n| 1 | `**` |")) == []


@pytest.mark.costly
@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        led = ROOT / page if not path else (ROOT / page).parent / path
        assert led.is_file(), target
        if anchor:
            assert anchor in rendered(str(led.resolve().relative_to(ROOT)))[1], target


def test_the_page_on_the_command_line_has_every_option_of_every_command():
    text = hooks.command_line()
    for name, command in get_command(app).commands.items():
        section = text.partition(f"## `gradsentry {name}`\n")[2].partition("\n## ")[0]
        shown = set(re.findall(r"--[a-z][a-z-]*", section))
        asked = {option for one in command.params for option in one.opts if option.startswith("--")}
        assert asked
        assert asked <= shown, name
        assert command.get_short_help_str(limit=1000) in text, name


def test_the_page_on_python_has_every_public_name():
    shown = set(re.findall(r"^::: gradsentry\.(\w+)$", (ROOT / "docs/api.md").read_text(), re.M))
    assert shown >= set(gradsentry.__all__) - {"__version__"}


@pytest.mark.parametrize("page", sorted({*PAGES} - {"docs/targets.md", "CHANGELOG.md"}))
def test_what_the_project_wants_of_itself_stands_on_a_page_of_its_own(page):
    said = re.search(r"(?i)\bwanted\b|\*\*missed", (ROOT / page).read_text(encoding="utf-8"))
    assert said is None


def test_every_page_is_in_the_menu_and_every_line_of_it_is_a_page():
    def listed(entry):
        if isinstance(entry, str):
            return [entry]
        return [uri for one in (entry.values() if isinstance(entry, dict) else entry) for uri in listed(one)]

    made = {*hooks.PAGES.values(), hooks.CLI}
    docs = ROOT / "docs"
    written = {
        path.relative_to(docs).as_posix() for end in ("md", "ipynb") for path in docs.rglob(f"*.{end}")
    }
    assert sorted(listed(CONFIG.nav)) == sorted(made | written)


def test_the_build_counts_its_warnings():
    # --quiet would take them from --strict too.
    (build,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if "mkdocs build" in line)
    assert "--strict" in build
    assert "quiet" not in build


def test_nothing_is_fetched_from_elsewhere():
    said = yaml.unsafe_load((ROOT / "mkdocs.yml").read_text())
    assert said["theme"]["font"] is False
    assert not {"offline", "privacy"} & {*map(str, said["plugins"])}  # both name scripts of others


def test_links_out_of_the_docs_are_those_of_the_site():
    moved = hooks.on_page_markdown(
        "[a](../SECURITY.md#x) [b](../src/y.json) [c](https://d.e)", Page("ci.md"), None, None
    )
    assert moved == "[a](security.md#x) [b](files/src/y.json) [c](https://d.e)"
    moved = hooks.on_page_markdown("[a](../../README.md) [b](../ci.md)", Page("deep/er.md"), None, None)
    assert moved == "[a](../index.md) [b](../ci.md)"
    assert hooks.on_page_markdown("[a](docs/ci.md)", Page("index.md"), None, None) == "[a](ci.md)"


class Page:
    """As much of a page of mkdocs as is asked for."""

    def __init__(self, uri: str) -> None:
        self.file = type("File", (), {"src_uri": uri})
