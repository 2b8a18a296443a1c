"""A part of a page that a script writes, among text that is written by hand."""

from __future__ import annotations

END = "<!-- End of what it writes. -->"


def with_section(text: str, script: str, written: str) -> str:
    """Returns a page whose part by a script is another one; where it has none, it comes last.

    Args:
        text: The page.
        script: The script's name, which marks its part; a page may have parts of several.
        written: What the script writes.
    """
    begin = f"<!-- Written by benchmarks/{script}. -->"
    part = f"{begin}\n\n{written}\n\n{END}"
    before, mark, rest = text.partition(begin)
    return before + part + rest.partition(END)[2] if mark else f"{text.rstrip()}\n\n{part}\n"
