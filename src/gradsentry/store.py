"""The run directory: shards of scores that survive a crash, and the manifest that says what they belong to.

Every file is written under a temporary name and renamed when it is whole, so whatever lies under its own name
can be trusted. A shard that is there is not computed again.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import replacing
from gradsentry.errors import RunError
from gradsentry.scoring import SCHEMA

MANIFEST, SCORES, EVIDENCE, VERDICT = "manifest.json", "scores", "evidence.json", "verdict.json"
REFERENCE, ROWS = "reference.json", "rows.parquet"
_SHARD = re.compile(r"(\d{6})\.parquet")

Json = dict[str, Any]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a directory for one writer.

    Raises:
        RunError: If another process holds it.
    """
    try:
        with FileLock(path / ".lock", timeout=0):
            yield
    except Timeout:
        raise RunError(
            "another process is writing there", where=str(path), mend="wait for it, or stop it"
        ) from None


class RunDirectory:
    """A run directory that exists.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Returns the run at a path.

        Raises:
            RunError: If there is none.
        """
        if not (path / MANIFEST).is_file():
            raise RunError(
                "is no run directory", where=str(path), mend=f"it has no {MANIFEST}; scan with --out first"
            )
        return cls(path)

    @classmethod
    def create_or_resume(cls, path: Path, identity: Mapping[str, Any]) -> RunDirectory:
        """Returns a run at a path: a new one, or the one there if it was made of the same things.

        Args:
            path: The directory; it may be missing or empty.
            identity: What the scores depend on: nested, of JSON values.

        Raises:
            RunError: If the path is a file, holds other things, or a run that differs; it says in what.
        """
        if path.exists() and not path.is_dir():
            raise RunError("is a file", where=str(path), mend="give another directory as --out")
        if (path / MANIFEST).is_file():
            run = cls(path)
            known = run.manifest().get("identity", {})
            if known.get("columns") != identity.get("columns"):
                raise RunError(
                    "holds scores of another version of GradSentry",
                    where=str(path),
                    mend="give another --out",
                )
            if lines := differences(known, json_copy(identity)):
                raise RunError(
                    f"holds a run with other settings: {'; '.join(lines)}",
                    where=str(path),
                    mend="give another --out, or the settings of that run",
                )
            return run
        # A manifest that was cut short by a crash is none, and nothing else is there yet.
        if path.is_dir() and any(file.name != f"{MANIFEST}.part" for file in path.iterdir()):
            raise RunError("is not empty and holds no run", where=str(path), mend="give another directory")
        run = cls(path)
        run.write_json(MANIFEST, {"identity": identity})
        return run

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the directory for one writer.

        Raises:
            RunError: If another process holds it.
        """
        with held(self.path):
            yield

    def manifest(self) -> Json:
        """Returns the manifest."""
        return self.read_json(MANIFEST)

    def shards(self) -> dict[int, Path]:
        """Returns the shards that are whole, by number."""
        files = sorted((self.path / SCORES).glob("*.parquet"))
        return {int(match[1]): file for file in files if (match := _SHARD.fullmatch(file.name))}

    def write_shard(self, number: int, table: pa.Table) -> None:
        """Writes a shard of scores; it is there whole or not at all."""
        self.write_table(f"{SCORES}/{number:06d}.parquet", table)

    def scores(self, columns: list[str] | None = None) -> pa.Table:
        """Returns the score table, or some of its columns, in row order.

        Raises:
            RunError: If a shard is broken, missing, or lacks a column that an earlier version did not write.
        """
        shards = self.shards()
        if sorted(shards) != list(range(len(shards))):
            raise RunError("a shard of scores is missing", where=str(self.path), mend="scan again to fill it")
        tables = []
        for file in shards.values():
            try:
                if missing := sorted({*SCHEMA.names} - {*pq.read_schema(file).names}):
                    raise RunError(
                        f"was written by another version of GradSentry: it lacks `{missing[0]}`",
                        where=str(file),
                        mend="scan again with another --out",
                    )
                tables.append(pq.read_table(file, columns=columns))
            except (pa.ArrowInvalid, OSError) as error:
                raise RunError(
                    f"cannot be read ({error})", where=str(file), mend="delete it and scan again"
                ) from None
        return pa.concat_tables(tables) if tables else SCHEMA.empty_table()

    def read_json(self, name: str) -> Json:
        """Returns a JSON file of the run.

        Raises:
            RunError: If it is missing or broken.
        """
        file = self.path / name
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"cannot be read ({error})", where=str(file), mend="scan again") from None
        if not isinstance(value, dict):
            raise RunError("holds no JSON object", where=str(file), mend="scan again")
        return value

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a JSON file of the run."""
        self.write_bytes(name, dump_json(value, indent=2) + b"\n")

    def write_table(self, name: str, table: pa.Table) -> None:
        """Writes a table of the run as Parquet; it is there whole or not at all."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self.write_bytes(name, buffer.getvalue())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file of the run; it is there whole or not at all."""
        with replacing(self.path / name) as stream:
            stream.write(content)


def json_copy(value: Mapping[str, Any]) -> Json:
    """Returns what a value is after it went through JSON: tuples are lists then."""
    copy: Json = json.loads(json.dumps(value))
    return copy


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Returns a line for each leaf of two nested mappings that differs."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key} was {before!r}, is {after!r}")
    return lines
