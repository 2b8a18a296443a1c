"""The configurations that a data set repository declares in the head of its README, and their files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradsentry.errors import DataError, first_line
from gradsentry.yamlfiles import parsed_yaml

Configs = Mapping[str, Mapping[str, Any]]

_CARD, _YAML = "README.md", ".huggingface.yaml"  # the two places that `datasets` looks at


def configurations_of(folder: Path) -> Configs:
    """Returns what is declared as `configs`, by name; nothing where nothing is.

    Raises:
        DataError: If it cannot be read.
    """
    declared: dict[str, Any] = {}
    for name in (_CARD, _YAML):
        if (folder / name).is_file():
            declared |= _head(folder / name)
    configs = declared.get("configs") or []
    is_list = isinstance(configs, list) and all(isinstance(one, dict) for one in configs)
    if not is_list or not all(isinstance(one.get("config_name"), str) for one in configs):
        raise DataError(
            "its `configs` are no list of objects with a `config_name`",
            where=str(folder / _CARD),
            mend="mend them as the Hub's documentation has it",
        )
    return {config["config_name"]: config for config in configs}


def chosen_configuration(configs: Configs, named: str | None, *, where: str) -> str | None:
    """Returns the configuration to read: the one named, the only one, or the default; None of none.

    Raises:
        DataError: If there is none of that name, or several and neither a name nor a default.
    """
    if named is not None:
        if named not in configs:
            mend = f"choose one of {', '.join(configs)}" if configs else "leave out --subset"
            raise DataError(f"no configuration `{named}`", where=where, mend=mend)
        return named
    defaults = [name for name, config in configs.items() if name == "default" or config.get("default")]
    if len(configs) == 1 or len(defaults) == 1:
        return next(iter(defaults or configs))
    if configs:
        raise several_configurations([*configs], where=where)
    return None


def several_configurations(names: list[str], *, where: str) -> DataError:
    """Returns the error for a data set of several configurations of which none is named."""
    mend = f"name one with --subset: {', '.join(names)}"
    return DataError("has several configurations, each a data set of its own", where=where, mend=mend)


def files_of(folder: Path, name: str, config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yields the files that a configuration names in `data_files`, sorted within a split, with their splits.

    Raises:
        DataError: If a pattern is none, fits no file, or leads out of the folder.
    """
    # Most of a second, which a folder without configurations need not wait.
    from datasets.data_files import resolve_pattern, sanitize_patterns

    where, mend = str(folder / _CARD), "mend `data_files` there"
    top = folder.resolve()
    place = top / str(config.get("data_dir") or ".")
    try:
        patterns = sanitize_patterns(config["data_files"])
        for split, of_split in patterns.items():
            for pattern in map(str, of_split):
                if "://" in pattern or "::" in pattern:
                    raise ValueError(f"{pattern} is not a file of the folder")
                for found in sorted(resolve_pattern(pattern, str(place))):
                    file = Path(os.path.normpath(found))
                    if not file.is_relative_to(top):
                        raise ValueError(f"{pattern} leads out of the folder")
                    yield folder / file.relative_to(top), str(split)
    except (ValueError, OSError) as error:
        raise DataError(
            f"the configuration `{name}` cannot be read ({first_line(error)})", where=where, mend=mend
        ) from None


def _head(path: Path) -> dict[str, Any]:
    """Returns the YAML of a file, of a Markdown file that between the lines of dashes at its top."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.name == _CARD:
            lines = text.lstrip().splitlines()
            is_headed = lines[:1] == ["---"] and "---" in lines[1:]
            text = "\n".join(lines[1 : lines.index("---", 1)]) if is_headed else ""
        head = parsed_yaml(text)
    except (OSError, ValueError) as error:
        raise DataError(
            f"its head is no YAML ({first_line(error)})", where=str(path), mend="mend or remove it"
        ) from None
    return head if isinstance(head, dict) else {}
