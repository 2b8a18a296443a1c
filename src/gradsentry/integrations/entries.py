"""A data set as the configuration of a trainer names it: what is read and how, and its entry when clean."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from gradsentry.corpus import Corpus, open_corpus
from gradsentry.corpus.streams import make_folder
from gradsentry.errors import DataError
from gradsentry.integrations.sides import OnFindings, Sides, decided
from gradsentry.settings import DataSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry(ABC):
    """A data set that a configuration names.

    Attributes:
        file: The configuration.
        name: What the data set is called there.
        values: What it says of the data set.
        data: What is read: a path, several, or a Hub id.
        reading: How the rows are read.
    """

    file: Path
    name: str
    values: Mapping[str, Any]
    data: str | list[str]
    reading: DataSettings

    @abstractmethod
    def write(self, clean: Path, folder: Path) -> Path:
        """Writes an entry of the clean rows into a folder, and returns the file that holds it.

        Args:
            clean: The rows that stay, as `Corpus.save` wrote them.
            folder: Where the entry is written.

        Raises:
            DataError: If the file would replace the configuration itself, or cannot be written.
        """

    @property
    def is_preference(self) -> bool:
        """Whether its rows say which answer is better or whether one is good, so that both sides count."""
        roles = set(self.reading.columns or ())
        return bool(roles & {"chosen", "liked"}) or self.reading.format == "preference"

    def refuse_place(self, folder: Path, name: str) -> Path:
        """Returns the file of this name in a folder, which must be another than the configuration."""
        if (folder / name).resolve() == self.file.resolve():
            raise DataError("would be replaced", where=str(self.file), mend="give another directory")
        return folder / name


def split_base(split: str | None) -> tuple[str | None, str]:
    """Returns the name of a split as `datasets` writes it, and which rows of it: `train[:500]`.

    Raises:
        DataError: If several are added up.
    """
    if split is None:
        return None, ""
    base, bracket, rows = split.partition("[")
    if "+" in split:
        mend = "make an entry of each"
        raise DataError("several splits are added up, which is not read", where=f"split {split}", mend=mend)
    return base, bracket + rows


def screened(
    entry: Entry,
    out: Path,
    file_name: str,
    judge: Callable[[Corpus], Sides],
    on_findings: OnFindings,
) -> tuple[Sides, Path]:
    """Judges the data of an entry on both sides, and writes the rows that stay.

    Args:
        entry: The entry.
        out: The folder that they are written to.
        file_name: Their name there, without a suffix.
        judge: What judges it, `judged` with its options.
        on_findings: What is done where something was found.

    Returns:
        What was found, and where the rows lie.

    Raises:
        FindingsError: If something was found, and that is refused.
        DataError: If no row stays.
    """
    corpus = open_corpus(entry.data, entry.reading)
    for clause in corpus.left_out:
        log.warning("gradsentry: %s: not read: %s", entry.name, clause)
    sides = judge(corpus)
    keep = decided(sides, on_findings, where=entry.name)
    if not keep.any():
        raise DataError("no row stays", where=entry.name, mend="look at the verdict of gradsentry.screen")
    make_folder(out)
    return sides, corpus.save(out / file_name, compress(corpus, keep))
