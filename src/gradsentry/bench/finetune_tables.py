"""Records of fine-tunings -> a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from gradsentry.bench.cells import Record
from gradsentry.bench.tables import UNDEFINED, markdown, number
from gradsentry.store import Json

_WHAT = ("data", "attack", "rate", "method", "defence")
_MEASURED = ("rows kept", "poisoned kept", "ASR", "CACC (EMR)", "KMR")


def finetuning_table(records: Sequence[Record]) -> str:
    """Returns a row for each cell, the rates with their 95 % intervals; a cell without a result says why."""
    return markdown([*_WHAT, *_MEASURED], [_row(record) for record in records])


def _row(record: Record) -> list[str]:
    what = [f"{record[name]:g} %" if name == "rate" else record[name] for name in _WHAT]
    if record["status"] != "done":
        reason = f"{record['status']}: {record['error']}".replace("|", "\\|")
        return [*what, reason, *[UNDEFINED] * 4]
    return [
        *what,
        f"{record['kept']} of {record['rows']}",
        f"{record['kept_poisoned']} of {record['poisoned']}",
        with_interval(record["asr"]),
        with_interval(record["cacc"]),
        number(record["kmr"]),
    ]


def with_interval(rate: Json | None) -> str:
    """Returns a rate with its interval; a dash where there is none."""
    if rate is None:
        return UNDEFINED
    return f"{number(rate['rate'])} ({rate['low']:.2f}–{rate['high']:.2f})"
