"""The text of docs/benchmark/evidence.md, from benchmarks/evidence.yaml: more attacks, without a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from gradsentry.bench.cells import NO_ATTACK, Record
from gradsentry.bench.tables import UNDEFINED, markdown, number

DEFENCE, FLOOR = "evidence", "response_length"
WANTED = {"recall": 0.99, "fpr": 0.005}
NAMED = 0.99

INTRODUCTION = """\
The texts alone, and so more rows and more attacks: 1000 rows a data set, or what there is. No forward pass is
made, so the floor beside is the response's length; the loss is read on `yes_no` only.

    python benchmarks/made_rows.py --data ../shared/data --out runs/made
    gradsentry bench benchmarks/evidence.yaml --out runs/evidence

The first command writes `yes_no`, `requests` and `code`: questions answered by yes or no, requests that are
refused, among others that are answered, and code. The columns are the recall at each poison rate, then the
worst false-positive rate of them, the least F1 from 5 to 50 %, at how many of the rates the trigger and the
payload are named (letter for letter, in at least 99 of 100 poisoned rows; a dash where the attack has no
trigger in words, or no payload that its rows share), and the AUROC of response length at 10 %. Where an
attack fits too few rows for a rate, the clean rows are fewer too."""


def evidence_section(records: Sequence[Record]) -> str:
    """Returns the section, from the records of a run of benchmarks/evidence.yaml."""
    ours = [r for r in records if r["defence"] == DEFENCE and r["status"] == "done"]
    parts = [
        INTRODUCTION,
        _attacks(ours, [r for r in records if r["defence"] == FLOOR]),
        "\n".join(f"- {line}" for line in _seen(ours)),
        "The clean data sets:",
        _clean(ours),
    ]
    return "\n\n".join(parts)


def _attacks(ours: Sequence[Record], floor: Sequence[Record]) -> str:
    rates = sorted({r["rate"] for r in ours if r["rate"] > 0})
    head = ["data", "attack", *(f"{rate:g} %" for rate in rates), "FPR", "F1", "trigger", "payload", "length"]
    lines = []
    for data, attack in _pairs(ours):
        cells = {r["rate"]: r for r in ours if (r["data"], r["attack"]) == (data, attack)}
        recalls = [number(cells[rate]["recall"] if rate in cells else None) for rate in rates]
        worst = max(cell["fpr"] for cell in cells.values())
        f1 = min(cell["f1"] for rate, cell in cells.items() if 5 <= rate <= 50)
        named = [_named_at(cells.values(), kind) for kind in ("trigger_named", "payload_named")]
        length = [r["auroc"] for r in floor if (r["data"], r["attack"], r["rate"]) == (data, attack, 10.0)]
        lines.append(
            [
                data,
                attack,
                *recalls,
                number(worst, 4),
                number(f1),
                *named,
                number(length[0] if length else None),
            ]
        )
    return markdown(head, lines)


def _named_at(cells: Iterable[Record], kind: str) -> str:
    """Returns at how many rates the strings are named, of those where they could be."""
    shares = [cell[kind] for cell in cells if not math.isnan(cell[kind])]
    return f"{sum(share >= NAMED for share in shares)} of {len(shares)}" if shares else UNDEFINED


def _seen(ours: Sequence[Record]) -> Iterator[str]:
    attacked = [r for r in ours if r["rate"] > 0]
    high = [r for r in attacked if r["recall"] >= WANTED["recall"]]
    yield f"Recall is at least {WANTED['recall']} in {len(high)} of {len(attacked)} cells."
    enough = [r for r in attacked if r["poisoned"] >= 10]
    low = [r for r in enough if r not in high]
    yield (
        f"With 10 poisoned rows or more it is so in {len(enough) - len(low)} of {len(enough)}; "
        f"the others are of {_named(low)}."
    )
    wrong = [r for r in ours if r["fpr"] > WANTED["fpr"]]
    yield f"The false-positive rate is above {WANTED['fpr']} in {len(wrong)} of {len(ours)} cells" + (
        f": {_named(wrong)}." if wrong else "."
    )


def _named(records: Sequence[Record]) -> str:
    """Returns attacks with the data sets and rates, in words."""
    places: dict[tuple[str, str], list[str]] = {}
    for r in records:
        places.setdefault((r["attack"], r["data"]), []).append(f"{r['rate']:g}")
    words = [f"{attack} on {data} ({', '.join(rates)} %)" for (attack, data), rates in places.items()]
    return "; ".join(words) or "none"


def _clean(ours: Sequence[Record]) -> str:
    lines = [
        [r["data"], str(r["rows"]), str(r["flagged"]), number(r["fpr"], 4)]
        for r in ours
        if r["attack"] == NO_ATTACK
    ]
    return markdown(["data", "rows", "flagged", "FPR"], lines)


def _pairs(records: Sequence[Record]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((r["data"], r["attack"]) for r in records if r["attack"] != NO_ATTACK))
