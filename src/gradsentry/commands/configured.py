"""Commands whose options can stand in a YAML file: `--config FILE`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gradsentry.errors import SettingsError


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Returns a command of which a file can hold the arguments and options; what is typed counts more."""

    @functools.wraps(command)
    def run(*, config: None, **given: Any) -> None:  # noqa: ANN401  (whatever the options are)
        command(**given)

    signature = inspect.signature(command, eval_str=True)
    file = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_File)
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    run.__signature__ = signature.replace(parameters=[*kept, file])  # type: ignore[attr-defined]
    return run


def _take_in(context: typer.Context, value: Path | None) -> None:
    """Makes what a file says the defaults of the command."""
    if value is not None:
        context.default_map = _values(value, context)


_File = Annotated[
    Path | None,
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
    from gradsentry.yamlfiles import parsed_yaml

    try:
        values = parsed_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot be read as YAML ({error})", where=str(file)) from None
    if not isinstance(values, dict):
        raise SettingsError("holds no mapping", where=str(file), mend="write `option: value` lines")
    known = {name: parameter for parameter in context.command.params for name in _names(parameter)}
    made: dict[str, Any] = {}
    for key, given in values.items():
        parameter = known.get(str(key).replace("_", "-"))
        if parameter is None or parameter.name is None:
            mend = f"known are {', '.join(sorted(known))}"
            raise SettingsError(f"{context.info_name} has no option `{key}`", where=str(file), mend=mend)
        many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        made[parameter.name] = [given] if many and not isinstance(given, list) else given
    return made


def _names(parameter: Any) -> list[str]:  # noqa: ANN401  (typer names no type)
    """Returns what a file calls a parameter: its long options, or the name of an argument."""
    options = [one.removeprefix("--") for one in parameter.opts if one.startswith("--")]
    if not options and not parameter.opts[0].startswith("-"):
        options = [str(parameter.name).replace("_", "-")]
    return [one for one in options if one not in ("config", "help")]
