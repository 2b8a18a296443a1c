"""Settings as such: frozen, and what is wrong with the values that they are made of, in a line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from gradsentry.errors import SettingsError, meaning_to_say
from gradsentry.yamlfiles import mapping_in

TOLD = "told"
"""The type of a problem whose message says all; what was given is not repeated."""

_SHOWN = 10  # wrong keys in a line; who has more has given another file


class Settings(BaseModel):
    """The base of all settings: frozen, and an unknown key is an error.

    Raises:
        SettingsError: With each wrong key, what is wrong with it and what was given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:  # the signatures are those of the fields

        def __init__(self, **values: object) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise refused(error, type(self), where=type(self).__name__) from None

        # Settings within others, or read from a file, are validated as if it were pydantic's own: what is
        # wrong with them is said of the whole.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def read(cls, values: Mapping[str, Any], *, where: str) -> Self:
        """Returns validated settings.

        Raises:
            SettingsError: With each wrong key, what is wrong with it and what was given.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise refused(error, cls, where=where) from None

    @classmethod
    def read_yaml(cls, path: Path) -> Self:
        """Returns the settings in a YAML file.

        Raises:
            SettingsError: If the file cannot be read, is no YAML mapping, or holds a wrong key.
        """
        return cls.read(mapping_in(path), where=str(path))


def refused(error: ValidationError, kind: type[Settings], *, where: str) -> SettingsError:
    """Returns what is said of values that are no settings: each wrong key, and the keys that there are.

    Args:
        error: What the validation found.
        kind: The settings that they should be.
        where: The file or the option that they stand in.
    """
    found = error.errors()
    # A list of which an entry is wrong counts as too short besides.
    inner = {problem["loc"][:depth] for problem in found for depth in range(1, len(problem["loc"]))}
    problems = [problem for problem in found if problem["loc"] not in inner]
    homes = [_settings_at(kind, problem["loc"][:-1]) for problem in problems]
    clauses = [_clause(problem) for problem in problems]
    guesses = [_guess(problem, home) for problem, home in zip(problems, homes, strict=True)]
    if len(problems) > 1:
        clauses = [
            f"{clause} ({guess.strip()})" if guess else clause
            for clause, guess in zip(clauses, guesses, strict=True)
        ]
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    places = {
        home: ".".join(map(str, problem["loc"][:-1]))
        for home, problem in zip(homes, problems, strict=True)
        if problem["type"] != TOLD
    }
    known = [
        f"known keys{f' of {place}' if len(places) > 1 and place else ''}: {', '.join(home.model_fields)}"
        for home, place in places.items()
    ]
    mend = (guesses[0] if len(problems) == 1 else "") + "; ".join(known)
    return SettingsError("; ".join(clauses[:_SHOWN]) + more, where=where, mend=mend)


def _clause(problem: ErrorDetails) -> str:
    """Returns a wrong key, what is wrong with it and what was given."""
    key = ".".join(str(part) for part in problem["loc"]) or "settings"
    if problem["type"] == "extra_forbidden":
        return f"{key}: no such key"
    has_value = problem["type"] not in ("missing", TOLD)
    given = f" (given: {reprlib.repr(problem['input'])})" if has_value else ""
    return f"{key}: {problem['msg']}{given}"


def _guess(problem: ErrorDetails, kind: type[Settings]) -> str:
    """Returns a question that names the key which is like an unknown one."""
    is_unknown = problem["type"] == "extra_forbidden"
    return meaning_to_say(str(problem["loc"][-1]), kind.model_fields) if is_unknown else ""


def _settings_at(kind: type[Settings], place: tuple[int | str, ...]) -> type[Settings]:
    """Returns the settings that stand at a place in others; these where none do."""
    for part in place:
        field = kind.model_fields.get(str(part))
        kind = next(settings_in(field.annotation), kind) if field else kind
    return kind


def settings_in(annotation: object) -> Iterator[type[Settings]]:
    """Yields the settings that a type is made of, such as those of a list."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for part in get_args(annotation):
        yield from settings_in(part)
