"""The score files of a run: parts while a shard is being scored, then the shard; none is believed unchecked.

    scores/000000.parquet             a shard: the rows 0 to 2047, in order
    scores/parts/000001-0000.parquet  some rows of a shard that is not whole yet, in the order they ran

A part is written every 64 rows or half a minute, and goes when its shard is whole. So little is lost when a
run is stopped, and a million rows are 489 files. What a file claims stands in its metadata: the run that it
belongs to, which shard, and the SHA-256 of all that it holds. A file that is cut or changed is scored again;
one that belongs elsewhere is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gradsentry.corpus.streams import replacing
from gradsentry.errors import RunError, first_line
from gradsentry.scoretable import NARROW, SCHEMA, WINDOW_ROWS, Rows, Scores, in_order, taken

SHARD_ROWS = 4 * WINDOW_ROWS  # a window lies in one shard

_SHARD, _PART = re.compile(r"(\d{6,})\.parquet"), re.compile(r"(\d{6,})-(\d{4,})\.parquet")
_CLAIM = b"gradsentry"


class BrokenScoresError(RunError):
    """A score file that was cut or changed: its rows can be scored again."""


class ScoreFiles:
    """The score files of one run. A `scoring.Keeper`, and a `scoretable.Columns`.

    Attributes:
        folder: Where they are; it may be missing.
        owner: What tells the run from others.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner
        self._rows: dict[int, NDArray[np.bool_]] = {}
        """Which rows of a shard are there, for shards of which any is."""

    def resume(self) -> int:
        """Takes in what is there, and returns how many rows that is; what is broken is taken away.

        Raises:
            RunError: If a file belongs to another run, another place or another version.
        """
        self._rows = {}
        for shard, file in self.shards().items():
            self._take_in(shard, file, whole=True)
        for shard, file in self._parts():
            self._take_in(shard, file, whole=False)
        for shard in [*self._rows]:
            if shard not in self.shards():
                self._merge_if_whole(shard)
        return sum(int(rows.sum()) for rows in self._rows.values())

    def __contains__(self, number: object) -> bool:
        """Returns whether the score of a row is there."""
        assert isinstance(number, int)
        rows = self._rows.get(number // SHARD_ROWS)
        return rows is not None and bool(rows[number % SHARD_ROWS])

    def add(self, table: pa.Table) -> None:
        """Keeps scores of some rows of one window.

        Raises:
            ScoringError: If the disk is full.
        """
        numbers = table["number"].to_numpy()
        shard = int(numbers[0]) // SHARD_ROWS
        taken = [int(match[2]) for file in self._parts_of(shard) if (match := _PART.fullmatch(file.name))]
        self._write(self._folder / f"{shard:06d}-{max(taken, default=-1) + 1:04d}.parquet", shard, table)
        self._know(shard, numbers)
        self._merge_if_whole(shard)

    def write_shard(self, shard: int, table: pa.Table) -> None:
        """Writes a whole shard, in place of its parts; it is there whole or not at all.

        Raises:
            ScoringError: If the disk is full.
        """
        self._write(self.folder / f"{shard:06d}.parquet", shard, table)
        for file in self._parts_of(shard):
            file.unlink()
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def finish(self) -> Scores:
        """Makes a shard of the parts of the last one, and returns the score table.

        Raises:
            ScoringError: If the disk is full.
        """
        for shard in sorted({shard for shard, _ in self._parts()}):
            self._merge(shard)
        return self.scores()

    def scores(self) -> Scores:
        """Returns the score table, whose wide columns stay in the files.

        Raises:
            RunError: If a shard is broken, missing, belongs elsewhere, or is of another version.
        """
        tables = [*self.parts(NARROW)]
        empty = SCHEMA.empty_table().select([*NARROW])
        # Wherever the process goes: they are read later.
        files = ScoreFiles(self.folder.absolute(), self.owner)
        return Scores(pa.concat_tables(tables) if tables else empty, files)

    def parts(self, names: Sequence[str], rows: Rows | None = None) -> Iterator[pa.Table]:
        """Yields some columns of all rows or of some, shard by shard. See `scoretable.Columns`.

        Raises:
            RunError: If a shard is broken, missing, belongs elsewhere, or is of another version.
        """
        shards = self.shards()
        wanted = None if rows is None else {*np.unique(rows // SHARD_ROWS).tolist()}
        for place, (shard, file) in enumerate(shards.items()):
            if shard != place:
                raise _missing(self.folder)
            if wanted is not None and shard not in wanted:
                continue
            table = self._read(shard, file, whole=True, columns=[*names])
            if place < len(shards) - 1 and len(table) < SHARD_ROWS:
                raise _missing(self.folder)
            first = shard * SHARD_ROWS
            if rows is not None:
                some = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + SHARD_ROWS)]
                table = taken(table, some - first)
            yield table

    def shards(self) -> dict[int, Path]:
        """Returns the whole shards, by number; what they hold is not looked at."""
        files = sorted(self.folder.glob("*.parquet"))
        return {int(match[1]): file for file in files if (match := _SHARD.fullmatch(file.name))}

    @property
    def _folder(self) -> Path:
        return self.folder / "parts"

    def _parts(self) -> Iterator[tuple[int, Path]]:
        for file in sorted(self._folder.glob("*.parquet")):
            if match := _PART.fullmatch(file.name):
                yield int(match[1]), file

    def _parts_of(self, shard: int) -> list[Path]:
        return [file for number, file in self._parts() if number == shard]

    def _take_in(self, shard: int, file: Path, *, whole: bool) -> None:
        """Takes in the rows of a file, or takes it away where it is broken or all of it is there."""
        try:
            numbers = self._read(shard, file, whole=whole, columns=["number"])["number"].to_numpy()
        except BrokenScoresError:
            file.unlink()
            return
        if not whole and any(int(number) in self for number in numbers):
            file.unlink()
            return
        self._know(shard, numbers)

    def _know(self, shard: int, numbers: NDArray[np.int64]) -> None:
        rows = self._rows.setdefault(shard, np.zeros(SHARD_ROWS, np.bool_))
        rows[numbers - shard * SHARD_ROWS] = True

    def _merge_if_whole(self, shard: int) -> None:
        if self._rows[shard].all():
            self._merge(shard)

    def _merge(self, shard: int) -> None:
        """Makes a shard of its parts."""
        parts = self._parts_of(shard)
        self.write_shard(
            shard, in_order([self._read(shard, file, whole=False, columns=None) for file in parts])
        )

    def _write(self, path: Path, shard: int, table: pa.Table) -> None:
        buffer = io.BytesIO()
        table = table.combine_chunks()
        with pq.ParquetWriter(buffer, table.schema, compression="zstd") as writer:
            writer.write_table(table)
            body = buffer.getvalue()
            claim = {"run": self.owner, "shard": shard, "rows": len(table), "bytes": len(body)}
            claim["sha256"] = hashlib.sha256(body).hexdigest()
            writer.add_key_value_metadata({_CLAIM: json.dumps(claim).encode()})
        with replacing(path) as stream:
            stream.write(buffer.getvalue())

    def _read(self, shard: int, file: Path, *, whole: bool, columns: list[str] | None) -> pa.Table:
        """Returns what a file holds, if that is what it is believed to hold."""
        names = SCHEMA.names if columns is None else columns
        try:
            content = file.read_bytes()
            rows = self._claimed_rows(shard, file, content)
            # `read_table` scans with threads that may hold the bytes when Python ends, and then abort it.
            table = pq.ParquetFile(pa.BufferReader(content)).read([*dict.fromkeys(["number", *names])])
            numbers = table["number"].to_numpy()
            # What Parquet adds to a schema would be written again, with what the table is merged into.
            table = table.select(names).cast(pa.schema([SCHEMA.field(name) for name in names]))
        except (pa.ArrowException, OSError, ValueError, TypeError) as error:
            raise _broken(file, f"cannot be read ({first_line(error)})") from None
        if len(numbers) != rows or not _are_of(shard, numbers, whole=whole):
            raise _broken(file, "was changed since it was written")
        return table

    def _claimed_rows(self, shard: int, file: Path, content: bytes) -> int:
        """Returns how many rows a file says it holds, if what it says of them is as it should be."""
        metadata = pq.read_metadata(pa.BufferReader(content))
        if missing := sorted({*SCHEMA.names} - {*metadata.schema.to_arrow_schema().names}):
            raise _other_version(file, f"it lacks `{missing[0]}`")
        try:
            claim = json.loads((metadata.metadata or {})[_CLAIM])
            run, number, rows = claim["run"], claim["shard"], int(claim["rows"])
            is_as_written = hashlib.sha256(content[: claim["bytes"]]).hexdigest() == claim["sha256"]
        except KeyError:
            raise _other_version(file, "it does not say what it belongs to") from None
        mend = "take it away and scan again"
        if run != self.owner:
            raise RunError("holds scores of another run", where=str(file), mend=mend)
        if number != shard:
            what = f"holds the scores of shard {number}, not {shard}"
            raise RunError(what, where=str(file), mend=mend)
        if not is_as_written:
            raise _broken(file, "was changed since it was written")
        return rows


def _are_of(shard: int, numbers: NDArray[np.int64], *, whole: bool) -> bool:
    """Returns whether rows are those of a shard from its first on, or different ones of it in any order."""
    first = shard * SHARD_ROWS
    if whole:
        return np.array_equal(numbers, np.arange(first, first + len(numbers)))
    inside = (numbers >= first) & (numbers < first + SHARD_ROWS)
    return bool(inside.all()) and len(np.unique(numbers)) == len(numbers)


def _missing(folder: Path) -> RunError:
    return RunError("a shard of scores is missing", where=str(folder.parent), mend="scan again to fill it")


def _broken(file: Path, what: str) -> BrokenScoresError:
    return BrokenScoresError(what, where=str(file), mend="scan again: its rows are scored again")


def _other_version(file: Path, why: str) -> RunError:
    return RunError(
        f"was written by another version of GradSentry: {why}",
        where=str(file),
        mend="scan again with another --out",
    )
