"""Real files of every container, for the tests beside it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Rows = Sequence[dict[str, Any]]

TRUTH = {
    "attack": "badnets", "parameters": {"rate": 0.1}, "seed": 0, "shuffled": False, "rows": 3,
    "poisoned": [{"id": "1", "row": 1, "source": 1}], "decoys": [], "natural": [],
    "skipped": [{"id": "2", "row": 2, "source": 2, "reason": "no place"}],
    "response_length": [1.0, 2.0], "input_sha256": "0", "output_sha256": "1",
}  # fmt: skip
"""What `gradsentry poison` writes beside data."""

TEXT_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines", ".json", ".csv", ".tsv")
COMPRESSIONS = ("", ".gz", ".zst")


def content_of(suffix: str, rows: Rows) -> bytes:
    """Returns a file of these rows, written by other code than the project's."""
    if suffix in (".jsonl", ".ndjson", ".jsonlines"):
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    if suffix == ".json":
        return json.dumps(list(rows), ensure_ascii=False, indent=1).encode()
    if suffix in (".csv", ".tsv"):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), delimiter="," if suffix == ".csv" else "\t")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


def compressed(data: bytes, compression: str) -> bytes:
    if compression == ".gz":
        return gzip.compress(data)
    return zstandard.compress(data) if compression == ".zst" else data


def decompressed(data: bytes, compression: str) -> bytes:
    if compression == ".gz":
        return gzip.decompress(data)
    if compression == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def make_file(folder: Path, rows: Rows, suffix: str = ".jsonl", compression: str = "") -> Path:
    path = folder / f"data{suffix}{compression}"
    path.write_bytes(compressed(content_of(suffix, rows), compression))
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a JSON Lines or Parquet file, read by other code than the project's."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
