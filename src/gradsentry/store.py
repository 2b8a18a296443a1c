"""The run directory: its manifest, which says what was scored with what, and its other files.

Every file is written under a temporary name and renamed when it is whole. The scores are `scorefiles.py`'s.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from gradsentry.corpus import Corpus
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.streams import replacing
from gradsentry.errors import RunError
from gradsentry.scorefiles import ScoreFiles
from gradsentry.scoretable import Scores

MANIFEST, SCORES, EVIDENCE, VERDICT = "manifest.json", "scores", "evidence.json", "verdict.json"
REFERENCE, ROWS, VERIFY, MOVES = "reference.json", "rows.parquet", "verify.json", "moves.json"

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


def data_identity(corpus: Corpus) -> Json:
    """Returns what tells data from other data, and how they are read."""
    return {"format": corpus.format, "sha256": corpus.sha256(), "reading": corpus.reading.identity()}


def runs_in(folder: Path) -> str:
    """Returns which runs of a folder to name, as there is one of each format, in words; of none nothing."""
    runs = [str(one.parent) for one in sorted(folder.glob(f"*/{MANIFEST}"))]
    return f"name a run in it: {' or '.join(runs)}" if runs else ""


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
        if (path / MANIFEST).is_file():
            return cls(path)
        mend = runs_in(path) or f"it has no {MANIFEST}; scan with --out first"
        raise RunError("is no run directory", where=str(path), mend=mend)

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
            raise RunError("is a file", where=str(path), mend="name another directory")
        if (path / MANIFEST).is_file():
            run = cls(path)
            known = run.manifest()["identity"]
            if ("model" in known) != ("model" in identity):
                there = "a scan" if "model" in known else "what was found in texts alone, without a model"
                raise RunError(f"holds {there}", where=str(path), mend="name another directory")
            if known.get("columns") != identity.get("columns"):
                raise RunError(
                    "holds scores of another version of GradSentry",
                    where=str(path),
                    mend="name another directory",
                )
            if (lines := differences(known, json_copy(identity))) and all(
                line.startswith("data.sha256 ") for line in lines
            ):
                what = "holds a run of other data, of this before a change, or of it read from elsewhere"
                raise RunError(what, where=str(path), mend="name another directory, or remove that one")
            if lines:
                raise RunError(
                    f"holds a run with other settings: {'; '.join(lines)}",
                    where=str(path),
                    mend="name another directory, or the settings of that run",
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
        """Returns the manifest.

        Raises:
            RunError: If it is missing or broken.
        """
        manifest = self.read_json(MANIFEST)
        if not isinstance(manifest.get("identity"), dict):
            raise _no_manifest(self.path / MANIFEST, "identity: not there")
        return manifest

    def finished_manifest(self) -> Json:
        """Returns the manifest of a run that is finished.

        Raises:
            RunError: If it is missing, broken, or of a run that is not.
        """
        manifest = self.manifest()
        try:
            _Manifest.model_validate(manifest)
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise _no_manifest(self.path / MANIFEST, what) from None
        return manifest

    def score_files(self) -> ScoreFiles:
        """Returns the files of the scores.

        Raises:
            RunError: If the manifest is broken.
        """
        identity = json.dumps(self.manifest()["identity"], sort_keys=True)
        return ScoreFiles(self.path / SCORES, hashlib.sha256(identity.encode()).hexdigest())

    def scores(self) -> Scores:
        """Returns the score table, in row order.

        Raises:
            RunError: If a shard is broken, missing, belongs elsewhere, or is of another version.
        """
        return self.score_files().scores()

    def read_json(self, name: str) -> Json:
        """Returns a JSON file of the run.

        Raises:
            RunError: If it is missing or broken.
        """
        file = self.path / name
        # A scan goes on from the manifest, so it does not mend that.
        mend = "scan again into another directory" if name == MANIFEST else "scan again"
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"cannot be read ({error})", where=str(file), mend=mend) from None
        if not isinstance(value, dict):
            raise RunError("holds no JSON object", where=str(file), mend=mend)
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


class _Data(BaseModel):
    format: str
    sha256: str
    reading: dict[str, Any]


class _Fingerprint(BaseModel):
    fingerprint: str
    dtype: str


class _Identity(BaseModel):
    data: _Data
    model: _Fingerprint | None = None
    score: dict[str, Any] = {}


class _Source(BaseModel):
    name: str
    data: str | list[str]


class _Model(BaseModel):
    name: str
    device: str
    tied_embeddings: bool


class _Manifest(BaseModel):
    """What the manifest of a finished run has, and others read of it."""

    identity: _Identity
    source: _Source
    model: _Model | None
    started: str
    seconds: float
    rows_resumed: int
    versions: dict[str, str]


def _no_manifest(path: Path, what: str) -> RunError:
    mend = "scan again into another directory"
    return RunError(f"is not what a scan writes ({what})", where=str(path), mend=mend)


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
