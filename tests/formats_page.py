"""docs/formats.md, written from the tables of the tests: `PYTHONPATH=src:tests python tests/formats_page.py`.

A section is a table. What it says is worked out from its examples, so a page that differs from what the code
does fails `test_formats_page.py`. To add a line, add to the section's table; a section, add it to `sections`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
INTRO = """# What is read

Each line below is an example that the tests read. The page is written from them:

    PYTHONPATH=src:tests python tests/formats_page.py
"""


@dataclass(frozen=True)
class Section:
    """A table of the page.

    Attributes:
        title: Its heading.
        intro: What stands before the table: Markdown.
        columns: The heads of its columns.
        lines: Its lines, a cell for each column: Markdown; see `code`.
    """

    title: str
    intro: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]

    def text(self) -> str:
        for line in self.lines:
            assert len(line) == len(self.columns), f"{self.title}: {line[0]} has {len(line)} cells"
        cells = [self.columns, ["---"] * len(self.columns), *self.lines]
        table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
        return f"## {self.title}\n\n{self.intro.strip()}\n\n{table}\n"


def code(value: object) -> str:
    """Returns a cell that shows a text, or the JSON of another value, as code on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", "\\n").replace("|", "\\|")
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if fence == "``" or not text.strip() else f"{fence}{text}{fence}"


def sections() -> list[Section]:
    """Returns the sections of the page, in order, each from the module that holds its table."""
    from corpus import page_containers, page_row_formats, page_templates
    from models import page_families

    pages = (page_row_formats, page_templates, page_containers, page_families)
    return [one.section() for one in pages]


def page() -> str:
    return "\n".join([INTRO, *(section.text() for section in sections())])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
