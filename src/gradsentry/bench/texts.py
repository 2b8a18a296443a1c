"""The texts of a benchmark: each row as it is, and as each attack makes it; points say which was judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.bench.pools import VERSIONS, Pool
from gradsentry.corpus.streams import replacing

TEXTS = "texts.parquet"

_SCHEMA = pa.schema(
    [
        pa.field("data", pa.string()),
        pa.field("model", pa.string()),
        pa.field("attack", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("version", pa.string()),
        pa.field("prompt", pa.string()),
        pa.field("response", pa.string()),
    ]
)


class NamedPool(NamedTuple):
    """A pool and whose it is.

    Attributes:
        data: The data set, by its label.
        model: The model, whose length decides which rows are taken.
        attack: The attack, by its label.
        pool: The rows.
    """

    data: str
    model: str
    attack: str
    pool: Pool


def write_texts(out: Path, pools: Iterable[NamedPool]) -> None:
    """Writes the texts of pools, each row's own once for each data set and model.

    Args:
        out: The directory of the benchmark.
        pools: One for each data set, model and attack.
    """
    with replacing(out / TEXTS) as stream, pq.ParquetWriter(stream, _SCHEMA, compression="zstd") as writer:
        for table in _tables(pools):
            writer.write_table(table)


def _tables(pools: Iterable[NamedPool]) -> Iterator[pa.Table]:
    written: set[tuple[str, str]] = set()
    for data, model, attack, pool in pools:
        for version, samples in zip(VERSIONS, pool.parts, strict=True):
            is_clean = version == VERSIONS[0]
            if is_clean and (data, model) in written:
                continue
            written.add((data, model))
            by = None if is_clean else attack
            columns = [
                *([name] * len(samples) for name in (data, model, by)),
                [one.id for one in samples],
                [version] * len(samples),
                [_whole(one.prompt) for one in samples],
                [_whole(one.response) for one in samples],
            ]
            yield pa.table(columns, schema=_SCHEMA)


def _whole(text: str) -> str:
    """Returns a text that Arrow can hold: half a surrogate pair, which JSON can escape, is escaped again."""
    return text.encode("utf-8", "backslashreplace").decode()
