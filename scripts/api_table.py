"""Writes the table of public names into docs/api.md, a line for each, from the docstrings of what it lists.

    python scripts/api_table.py

What is public is said by the directives of the page (`::: gradsentry.screen`), which the site alone shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/api.md"
HEADING = "## All names"

_DIRECTIVE = re.compile(r"^::: (\S+)$\n(?:^ {4}.*$\n)*", re.M)
_MEMBERS = re.compile(r"members: \[(.*)\]")
_TABLE = re.compile(rf"^{HEADING}\n.*?(?=^## )", re.M | re.S)


def page(text: str) -> str:
    """Returns the text of the page with the table of the names in it."""
    lines = [f"| `{name}` | {_first_line(name)} | {_arguments(name)} |" for name in names(text)]
    table = "\n".join([HEADING, "", "| name | what it is | arguments |", "|---|---|---|", *lines])
    return _TABLE.sub(lambda _: f"{table}\n\n", text)


def names(text: str) -> Iterator[str]:
    """Yields the names that the directives of the page list, members after what they are members of."""
    for found in _DIRECTIVE.finditer(text):
        members = _MEMBERS.search(found[0])
        if found[1] != "gradsentry.errors":  # a module, of which the page shows the members alone
            yield found[1]
        if members:
            yield from (f"{found[1]}.{member.strip()}" for member in members[1].split(","))


def _first_line(name: str) -> str:
    """Returns what the docstring of a name says of it, or that of the class whose attribute it is."""
    parent, member = _home(name)
    found = parent.all_members[member]
    said = found.docstring.value.split("\n\n")[0] if found.docstring else _attributes(parent).get(member)
    if not said:
        raise SystemExit(f"{name} has no docstring")
    return " ".join(said.split()).replace("|", "\\|")


def _arguments(name: str) -> str:
    """Returns what a function takes, or a class that a user makes, as one would write it."""
    parent, member = _home(name)
    found = parent.all_members[member]
    found = found.final_target if found.is_alias else found
    if found.is_class and any(one.name == "Settings" for one in found.mro()):
        fields = {
            key: one for kind in (*reversed(found.mro()), found) for key, one in kind.attributes.items()
        }
        told = [one for one in fields.values() if one.annotation is not None and not one.is_private]
        parts = ["*", *(f"{one.name}={_default(one.value)}" for one in told)]
    elif found.is_function or (found.is_class and not _is_result(found)):
        parts = list(_parameters(found.parameters))
    else:
        return ""
    return f"`{', '.join(parts)}`".replace("|", "\\|") if parts else ""


def _is_result(kind: Any) -> bool:  # noqa: ANN401
    """Returns whether a class is one that is returned or raised, and not made by who uses the package."""
    is_error = any(one.name == "GradSentryError" for one in (*kind.mro(), kind))
    return is_error or "dataclass" in kind.labels


def _parameters(given: griffe.Parameters) -> Iterator[str]:
    """Yields parameters as one writes them, without `self` and without types."""
    are_named = False
    for one in given:
        if one.name == "self":
            continue
        if one.kind is griffe.ParameterKind.keyword_only and not are_named:
            are_named = True
            yield "*"
        yield one.name if one.default is None else f"{one.name}={_default(one.default)}"


def _default(value: Any) -> str:  # noqa: ANN401
    """Returns a default value: of a pydantic field its own, in its place."""
    said = str(value)
    field = re.match(r"Field\((?:default=(?P<value>[^,)]+)|default_factory=(?P<kind>\w+))", said)
    if field is None:
        return said
    return field["value"] or f"{field['kind']}()"


def _home(name: str) -> tuple[Any, str]:
    """Returns the module or class that a name stands in, and its own name there."""
    home, _, member = name.removeprefix("gradsentry.").rpartition(".")
    parent: Any = _package()[home] if home else _package()
    return (parent.final_target if parent.is_alias else parent), member


def _attributes(kind: Any) -> dict[str, str]:  # noqa: ANN401  (a class of griffe)
    """Returns what the docstrings of a class and its bases say of its attributes."""
    said: dict[str, str] = {}
    for one in (*kind.mro(), kind):
        sections = one.docstring.parse("google") if one.docstring else []
        for section in sections:
            if isinstance(section, griffe.DocstringSectionAttributes):
                said |= {each.name: each.description for each in section.value}
    return said


@cache
def _package() -> griffe.Module:
    package = griffe.load("gradsentry", search_paths=[str(ROOT / "src")], resolve_aliases=True)
    if not isinstance(package, griffe.Module):
        raise SystemExit("gradsentry is no package")
    return package


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
