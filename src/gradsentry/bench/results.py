"""The files of a benchmark: results, points, tables, plots, and the spec that reruns it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from gradsentry.bench.cells import BESIDE, Record
from gradsentry.bench.finetune_tables import finetuning_table
from gradsentry.bench.plots import draw_plots
from gradsentry.bench.spec import Lock, Spec
from gradsentry.bench.tables import all_tables
from gradsentry.bench.texts import TEXTS
from gradsentry.corpus.streams import replacing
from gradsentry.errors import RunError

RESULTS, POINTS, TABLES, LOCK = "results.parquet", "points.parquet", "tables.md", "spec.lock.yaml"
NAMED = "named.jsonl"
FINETUNING, FINETUNING_TABLE, PLOTS = "finetune.json", "finetune.md", "plots"
GRID_FILES = (RESULTS, POINTS, NAMED, TEXTS, TABLES, PLOTS, LOCK)
FINETUNING_FILES = (FINETUNING, FINETUNING_TABLE, LOCK)


def write_results(out: Path, records: Sequence[Record], locked: Spec) -> None:
    """Writes every file of a benchmark but its texts.

    Args:
        out: The directory.
        records: A record for each cell.
        locked: The spec with what it was run with.
    """
    cells = pa.Table.from_pylist([{k: v for k, v in one.items() if k not in BESIDE} for one in records])
    _write_table(out / RESULTS, cells)
    _write_table(out / POINTS, pa.concat_tables([_POINTS.empty_table(), *_points(records)]))
    _write(out / NAMED, b"".join(json.dumps(line).encode() + b"\n" for line in _named(records)))
    _write_lock(out, locked)
    records, points = read_records(out), read_points(out, locked.plot_rate)
    undrawn = draw_plots(out / PLOTS, records, points, locked.plot_rate)
    _write(out / TABLES, all_tables(records, undrawn, locked.locked or Lock()).encode())


def write_finetuning(out: Path, records: Sequence[Record], locked: Spec) -> None:
    """Writes the files of the fine-tunings of a benchmark.

    Args:
        out: The directory.
        records: A record for each cell that was reached.
        locked: The spec with what it was run with.
    """
    lines = ",\n".join(json.dumps(record) for record in records)
    _write(out / FINETUNING, f"[\n{lines}\n]\n".encode())
    _write(out / FINETUNING_TABLE, f"# Fine-tuning\n\n{finetuning_table(records)}\n".encode())
    _write_lock(out, locked)


def read_finetuning(out: Path) -> list[Record]:
    """Returns the records of the fine-tunings of a benchmark's directory.

    Raises:
        RunError: If there are none.
    """
    file = out / FINETUNING
    try:
        records: list[Record] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot be read ({error})", where=str(file), mend="run the benchmark first") from None
    return records


def read_records(out: Path) -> list[Record]:
    """Returns the records of a benchmark's directory.

    Raises:
        RunError: If there are none.
    """
    records: list[Record] = _read(out / RESULTS).to_pylist()
    return records


def read_points(out: Path, rate: float | None = None) -> list[Record]:
    """Returns the scores row by row of a benchmark's directory; `columns.py` says what stands there.

    Args:
        out: The directory.
        rate: The one that is asked for; None asks for all.

    Raises:
        RunError: If there are none.
    """
    table = _read(out / POINTS)
    points: list[Record] = (table if rate is None else table.filter(pc.field("rate") == rate)).to_pylist()
    return points


_POINTS = pa.schema(
    [
        pa.field("data", pa.string()),
        pa.field("attack", pa.string()),
        pa.field("model", pa.string()),
        pa.field("rate", pa.float64()),
        pa.field("seed", pa.int64()),
        pa.field("defence", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("version", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("flagged", pa.bool_()),
        pa.field("poisoned", pa.bool_()),
        pa.field("length", pa.int32()),
    ]
)


def _points(records: Sequence[Record]) -> Iterator[pa.Table]:
    for record in records:
        if columns := record["points"]:
            rows = len(columns["score"])
            yield pa.table(
                {name: columns.get(name) or [record.get(name)] * rows for name in _POINTS.names}, _POINTS
            )


def _named(records: Sequence[Record]) -> Iterator[Record]:
    for record in records:
        cell = {name: record[name] for name in ("data", "attack", "model", "rate", "seed", "defence")}
        yield from (cell | one for one in record.get("named") or ())


def _read(file: Path) -> pa.Table:
    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise RunError(f"cannot be read ({error})", where=str(file), mend="run the benchmark first") from None


def _write_lock(out: Path, locked: Spec) -> None:
    """Writes the spec with its hashes; not where data could not be read, which nothing would hold it to."""
    lock = locked.locked
    if lock and any(not one.optional and one.shown not in lock.data for one in locked.data):
        (out / LOCK).unlink(missing_ok=True)
        return
    _write(out / LOCK, yaml.safe_dump(locked.model_dump(mode="json"), sort_keys=False).encode())


def _write_table(file: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    _write(file, buffer.getvalue())


def _write(file: Path, content: bytes) -> None:
    with replacing(file) as stream:
        stream.write(content)
