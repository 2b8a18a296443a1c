"""Commands whose options can stand in a YAML file: `--config FILE`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gradsentry.errors import SettingsError, UsageError, meaning_to_say


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Returns a command of which a file can hold the arguments and options; what is typed counts more."""

    @functools.wraps(command)
    def run(*, config: _FromFile | None, **given: Any) -> None:  # noqa: ANN401  (whatever the options are)
        try:
            command(**given)
        except UsageError as error:
            if config is None or not config.is_meant(error.where):
                raise
            where = str(config.file) if error.where == "options" else f"{config.file}: {error.where}"
            raise type(error)(error.what, where=where, mend=error.mend) from None

    signature = inspect.signature(command, eval_str=True)
    file = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_File)
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    run.__signature__ = signature.replace(parameters=[*kept, file])  # type: ignore[attr-defined]
    return run


@dataclass(frozen=True)
class _FromFile:
    """A file of options, and which of its options no typed one outweighs."""

    file: Path
    values: dict[str, Any]
    context: typer.Context

    def is_meant(self, where: str) -> bool:
        """Returns whether the place that an error names stands in the file."""
        held = [
            (name, value)
            for name, value in self.values.items()
            if (source := self.context.get_parameter_source(name)) and source.name == "DEFAULT_MAP"
        ]
        options = tuple(f"--{name.rstrip('_').replace('_', '-')}" for name, _ in held)
        paths = [one for _, value in held for one in (value if isinstance(value, list) else [value])]
        is_option = where.partition(" ")[0] in options
        return bool(held) and (where == "options" or is_option or where in map(str, paths))


def _take_in(context: typer.Context, value: str | None) -> _FromFile | None:
    """Makes what a file says the defaults of the command."""
    if value is None:
        return None
    file = Path(value)
    context.default_map = _values(file, context)
    return _FromFile(file, dict(context.default_map), context)


_File = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_take_in,
        help="A YAML file of options, such as `false-alarm-rate: 0.001`; what is typed counts more.",
    ),
]


def _values(file: Path, context: typer.Context) -> dict[str, Any]:
    """Returns the values in a file, by the command's own names.

    Raises:
        SettingsError: If the file cannot be read, or holds what is no option of the command.
    """
    from gradsentry.yamlfiles import mapping_in

    values = mapping_in(file)
    known = {name: parameter for parameter in context.command.params for name in _names(parameter)}
    made: dict[str, Any] = {}
    for key, given in values.items():
        parameter = known.get(str(key).replace("_", "-"))
        if parameter is None or parameter.name is None:
            mend = f"{meaning_to_say(str(key), known)}known are {', '.join(sorted(known))}"
            raise SettingsError(f"{context.info_name} has no option `{key}`", where=str(file), mend=mend)
        made[parameter.name] = _value(parameter, given, context, where=f"{file}: {key}")
    return made


def _value(parameter: Any, given: object, context: typer.Context, *, where: str) -> Any:  # noqa: ANN401
    """Returns a value of a file as it would be typed, where the parameter takes it.

    Raises:
        SettingsError: If it does not.
    """
    if given is None:
        raise SettingsError("has no value", where=where, mend="write one, or leave the line out")
    is_flag = getattr(parameter, "is_flag", False)
    many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
    listed = given if many and isinstance(given, list) else [given]
    if is_flag and not isinstance(given, bool):
        raise SettingsError(f"is {given!r}, no yes or no", where=where, mend="write true or false")
    for one in listed:
        if isinstance(one, str) or (isinstance(one, bool) == is_flag and isinstance(one, int | float)):
            continue
        takes = "a text or a number, or a list of them" if many else "one text or number"
        mend = f"write {takes}; what is a text and does not look like one in YAML goes in quotation marks"
        raise SettingsError(f"cannot be {_kind(one)}", where=where, mend=mend)
    typed = given if is_flag else [str(one) for one in listed] if many else str(given)
    try:
        parameter.process_value(context, typed)
    except typer.BadParameter as error:
        said = error.message.removeprefix("Value error, ").rstrip(".")
        mend = f"see {context.command_path} --help"
        raise SettingsError(f"is {given!r} ({said})", where=where, mend=mend) from None
    return typed


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", bool: "true or false"}
    return names.get(type(value), f"of type {type(value).__name__}")


def _names(parameter: Any) -> list[str]:  # noqa: ANN401  (typer names no type)
    """Returns what a file calls a parameter: its long options, or the name of an argument."""
    options = [one.removeprefix("--") for one in parameter.opts if one.startswith("--")]
    if not options and not parameter.opts[0].startswith("-"):
        options = [str(parameter.name).replace("_", "-")]
    return [one for one in options if one not in ("config", "help")]
