"""YAML as a person writes it: the safe tags alone, and refused where it would cost more than its length.

YAML can name a part of itself and repeat it, nested so that a line becomes gigabytes; be nested so deeply
that no reader comes back; write one number over a megabyte. So the events of a text are looked at before any
of it is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gradsentry.errors import SettingsError, first_line
from gradsentry.limits import Limit

MOST_CHARACTERS = Limit("GRADSENTRY_YAML_CHARACTERS", 4 << 20)
MOST_LEVELS = 64
# Once what is repeated stands written out; cards of data sets have some thousand.
MOST_VALUES = Limit("GRADSENTRY_YAML_VALUES", 200_000)
MOST_OF_NUMBER = 1000  # characters of what is no text

# The same in C, where the installed package has it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader, which takes no key twice: of two values one would be lost without a word."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        """Returns a mapping. See `yaml.constructor.SafeConstructor`."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    problem = f"the key {key.value!r} stands twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


_MERGE = "tag:yaml.org,2002:merge"
_OPEN = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSE = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def parsed_yaml(text: str) -> object:
    """Returns what a YAML text says.

    Raises:
        ValueError: If it is no YAML, a value is none (the 99th of a month), or a limit of this module is
            passed.
    """
    try:
        _refuse_costly(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader)
    except yaml.YAMLError as error:
        raise ValueError(_told(error)) from None
    except (TypeError, AttributeError, RecursionError, OverflowError) as error:
        # What the constructors raise at tags on values of other kinds (`!!map 3`).
        raise ValueError(f"a value is not of its tag ({type(error).__name__})") from None


def mapping_in(path: Path) -> dict[Any, Any]:
    """Returns the mapping in a YAML file of settings.

    Raises:
        SettingsError: If the file cannot be read, or holds something else.
    """
    try:
        values = parsed_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise SettingsError(what, where=str(path), mend="check the path") from None
    except ValueError as error:
        what, mend = f"cannot be read as YAML ({error})", "write `key: value` lines"
        raise SettingsError(what, where=str(path), mend=mend) from None
    if not isinstance(values, dict):
        raise SettingsError("holds no mapping", where=str(path), mend="write `key: value` lines")
    return values


def _told(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"{error.problem} on line {error.problem_mark.line + 1}"
    return first_line(error)


def _refuse_costly(text: str) -> None:
    if len(text) > MOST_CHARACTERS.value:
        raise ValueError(f"more than {MOST_CHARACTERS.value:,.0f} characters; {MOST_CHARACTERS.setting}")
    most_values = MOST_VALUES.value
    sizes: dict[str, int] = {}  # of what has a name, written out
    total, opened = 0, list[tuple[str | None, int]]()
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"`*{event.anchor}` repeats what it stands in, or nothing")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            _refuse_long_number(event)
            sizes |= {event.anchor: 1} if event.anchor else {}
        elif isinstance(event, _OPEN):
            total += 1
            opened.append((event.anchor, total))
            sizes.pop(event.anchor or "", None)
        elif isinstance(event, _CLOSE):
            anchor, before = opened.pop()
            sizes |= {anchor: total - before + 1} if anchor else {}
        if len(opened) > MOST_LEVELS:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        if total > most_values:
            much = f"more than {most_values:,.0f} values once what is repeated stands written out"
            raise ValueError(f"{much}; {MOST_VALUES.setting}")


def _refuse_long_number(event: yaml.ScalarEvent) -> None:
    is_number = event.tag or (event.style in (None, "") and event.value[:1] in "+-.0123456789")
    if len(event.value) > MOST_OF_NUMBER and is_number:
        raise ValueError(f"a value that is no text has more than {MOST_OF_NUMBER:,} characters")
