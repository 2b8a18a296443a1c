"""The code blocks of the pages, fenced and indented, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
IN_ROOT = ("README.md", "SECURITY.md", "CONTRIBUTING.md")
PAGES = sorted([*IN_ROOT, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))])
LANGUAGES = ("", "shell", "python", "yaml", "toml", "json", "text", "bibtex")
PROGRAMS = ("gradsentry", "python", "pip", "make", "bash", "docker", "ray", "GRADSENTRY_FUZZ=50")
# A command of ours within another one, or in a file of settings.
WITHIN = re.compile(r"""(?:^|[\s"'])gradsentry ((?:[a-z]+) [^"']*)""")


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        page: Its place in the repository.
        line: Where it begins, from 1.
        language: The first word behind its fence; of an indented block nothing.
        text: What it holds.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """What a test is called by."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The lines that a shell would run, in words."""
        if self.language not in ("", "shell"):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [shlex.split(line, comments=True) for line in lines if line.split(" ")[0] in PROGRAMS]


def blocks(page: str) -> list[Block]:
    """Returns the code blocks of a page, in their order."""
    found = MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))
    return [
        Block(page, token.map[0] + 1, (token.info.split() or [""])[0], token.content)
        for token in found
        if token.type in ("fence", "code_block") and token.map
    ]


BLOCKS = [block for page in PAGES for block in blocks(page)]


def ours_within(words: list[str]) -> list[list[str]]:
    """Returns the commands of ours in a line of another program, without `gradsentry`."""
    if words[0] == "docker" and "gradsentry" in words[:-1]:
        return [words[words.index("gradsentry") + 1 :]] if words[1] == "run" else []
    return [shlex.split(inner) for word in words for inner in WITHIN.findall(word)]
