"""A data set that is named by the configuration of a trainer, as commands take it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gradsentry.integrations.entries import Entry
    from gradsentry.settings import DataSettings

Flag = typer.Option
Dataset = Annotated[
    str | None,
    Flag(
        "--dataset", help="Of DATA, a dataset_info.json of LLaMA-Factory or a config of axolotl: which one."
    ),
]
Tokenizer = Annotated[
    str | None, Flag("--tokenizer", help="Of rows that are token ids with labels: a path or a Hub id.")
]


def named_entry(
    data: list[str], dataset: str | None, reading: DataSettings, out: Path | None
) -> Entry | None:
    """Returns the data set that a configuration names, or None where none is named.

    Args:
        data: The configuration.
        dataset: The name.
        reading: The options on reading; limits alone can be given.
        out: Where the rows that stay are to be written, if they are.

    Raises:
        SettingsError: If the options contradict each other.
        DataError: If there is no such entry, or one that cannot be read.
    """
    from dataclasses import replace

    from gradsentry.errors import DataError, SettingsError
    from gradsentry.settings import Limits

    if dataset is None:
        return None
    limits = {name: getattr(reading, name) for name in (*Limits.model_fields, "limit")}
    if len(data) > 1:
        raise SettingsError("several files are given", where="--dataset", mend="give one configuration")
    if reading != type(reading)(**limits):
        mend = "leave out --format, --columns, --split, --subset and --tokenizer"
        raise SettingsError("the configuration says how its rows are read", where="--dataset", mend=mend)
    entry, judging = _read(data[0], dataset)
    if out is not None and entry.is_preference:
        what = "of preference data both answers are judged, which Python does"
        raise DataError(what, where=dataset, mend=f"type `python -c {shlex.quote(judging(out))}`")
    return replace(entry, reading=entry.reading.model_copy(update=limits))


def _read(file: str, dataset: str) -> tuple[Entry, Callable[[Path], str]]:
    """Returns a data set of a configuration, and the code that judges both sides of it into a place."""
    if Path(file).suffix.lower() in (".yaml", ".yml"):
        from gradsentry.integrations import axolotl

        imported = "from gradsentry.integrations.axolotl import screen_config"
        return (
            axolotl.read_entry(file, dataset),
            lambda out: f"{imported}; screen_config({file!r}, out={str(out)!r})",
        )
    from gradsentry.integrations import llamafactory

    imported = "from gradsentry.integrations.llamafactory import screen_entry"
    return (
        llamafactory.read_entry(file, dataset),
        lambda out: f"{imported}; screen_entry({file!r}, {dataset!r}, out={str(out)!r})",
    )


def write_entry(entry: Entry, run: Path) -> Path:
    """Writes the entry of the rows that stay into a run directory, and returns the file that holds it."""
    return entry.write(next(iter(sorted(run.glob("clean*")))), run)
