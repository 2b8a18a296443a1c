"""Records -> Markdown tables. The floors stand in each, right below GradSentry where the spec puts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from gradsentry.bench.cells import NO_ATTACK, Record
from gradsentry.bench.columns import BOLD, COSTS, FEW, INTERVALS
from gradsentry.bench.metrics import LOWER_IS_BETTER
from gradsentry.bench.spec import Lock

UNDEFINED = "–"
_TITLES = {
    "recall": "recall",
    "fpr": "false-positive rate",
    "precision": "precision",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "recall_at_1_fpr": "recall at FPR 0.01",
    "matched_auroc": "AUROC at matched length",
}
_OF_FLAGS = ("recall", "fpr", "precision", "f1")
_OF_NOTHING = {"fpr": 1.0, "auroc": 0.5, "matched_auroc": 0.5}
"""What a metric is at no merit, where that is not 0: every row flagged, or scores as if by chance."""

UNITS = (
    "The rates over columns and in headings are percent of the rows that are poisoned; what is measured is a "
    f"share, in [0, 1]. {BOLD} {COSTS}\n\n{INTERVALS}"
)
MAIN_RATE = 10.0
_FEW_ROWS, _FEW_POISONED = 100, 10
"""Below which `FEW` is said of a benchmark."""


def all_tables(records: Sequence[Record], undrawn: Mapping[str, str], lock: Lock) -> str:
    """Returns all tables of a benchmark, each under its heading.

    Args:
        records: Of all cells.
        undrawn: Plot -> why it is not drawn.
        lock: What they were run with.
    """
    grid = [record for record in records if record["study"] == "grid"]
    parts = ["# Benchmark", *_run_with(lock), UNITS]
    if any(0 < r["rows"] < _FEW_ROWS or 0 < r["poisoned"] < _FEW_POISONED for r in grid):
        parts.append(FEW)
    for data in distinct(grid, "data"):
        here = [record for record in grid if record["data"] == data]
        rate = main_rate(here)
        parts.append(f"## {data}, {rate:g} % poisoned\n\n{summary_table(here, rate)}")
        for metric in ("recall", "fpr"):
            parts.append(f"### {data}: {_TITLES[metric]} by poison rate\n\n{rate_table(here, metric)}")
    for study in ("k", "crop", "samples"):
        if variants := [record for record in records if record["study"] == study]:
            parts.append(f"## GradSentry with other {study}\n\n{variant_table(variants)}")
    if troubles := trouble_table(records):
        parts.append(f"## Cells without a result\n\n{troubles}")
    if undrawn:
        missing = "\n".join(f"- `{name}` is not drawn: {why}." for name, why in undrawn.items())
        parts.append(f"## Plots that are missing\n\n{missing}")
    return "\n\n".join(parts) + "\n"


def _run_with(lock: Lock) -> Iterator[str]:
    """Yields a line of the models with their dtypes, and the device; none where no model was run."""
    if lock.dtypes:
        models = ", ".join(f"`{name}` in {dtype}" for name, dtype in lock.dtypes.items())
        yield f"Run with {models}, on {lock.device}."


def main_rate(records: Sequence[Record]) -> float:
    """Returns the rate shown in full: 10 %, or the one nearest to it."""
    rates = [record["rate"] for record in records if record["rate"] > 0] or [0.0]
    return float(min(rates, key=lambda rate: abs(rate - MAIN_RATE)))


def summary_table(records: Sequence[Record], rate: float) -> str:
    """Returns all metrics of each attack and defence at a rate, the best of an attack bold."""
    costs = {
        "seconds_per_row": ("s / row", 3),
        "cpu_seconds_per_row": ("CPU s / row", 3),
        "peak_mb": ("peak MB", 0),
    }
    head = [
        "attack",
        "defence",
        "rows",
        "poisoned",
        *_TITLES.values(),
        "poisoned rows so matched",
        "FPR, clean data",
        *(t for t, _ in costs.values()),
    ]
    lines = []
    at_rate = [record for record in records if record["rate"] == rate]
    for attack in distinct(at_rate, "attack"):
        group = _means([record for record in at_rate if record["attack"] == attack], records)
        best = {metric: _best(group, metric) for metric in _TITLES}
        for record in group:
            cells = [_with_interval(record, metric, best[metric]) for metric in _TITLES]
            clean = _clean_fpr(records, record["defence"])
            cost = [number(record[name], digits) for name, (_, digits) in costs.items()]
            counts = [str(record["rows"]), str(record["poisoned"])]
            matched = number(record["matched_share"])
            lines.append([attack, record["defence"], *counts, *cells, matched, number(clean), *cost])
    return "\n\n".join([markdown(head, lines), *_without_scores(at_rate)])


def _without_scores(records: Sequence[Record]) -> Iterator[str]:
    """Yields for each defence that has no score of some rows of how many its metrics of scores are."""
    for defence in distinct(records, "defence"):
        few = [r for r in records if r["defence"] == defence and r.get("scored", r["rows"]) < r["rows"]]
        if few:
            least = min(few, key=lambda record: record["scored"] / record["rows"])
            yield (
                f"`{defence}` has a score of only some of the rows in {len(few)} of the mixes, at the least "
                f"of {least['scored']} of {least['rows']}: what is of scores, as AUROC, is of those rows."
            )


def rate_table(records: Sequence[Record], metric: str) -> str:
    """Returns a metric of each attack and defence over the rates; the best of a rate bold."""
    rates = sorted({record["rate"] for record in records})
    lines = []
    attacks = [attack for attack in distinct(records, "attack") if attack != NO_ATTACK]
    for attack in attacks:
        columns = []
        defences = distinct(records, "defence")
        for rate in rates:
            group = _means(
                [r for r in records if r["rate"] == rate and r["attack"] in (attack, NO_ATTACK)], records
            )
            best, by_name = _best(group, metric), {r["defence"]: r for r in group}
            columns.append([_shown(by_name.get(name), metric, best) for name in defences])
        for name, *cells in zip(defences, *columns, strict=True):
            lines.append([attack, name, *cells])
    return markdown(
        ["attack", "defence", *(f"{rate:g} %{_poisoned(records, rate)}" for rate in rates)], lines
    )


def variant_table(records: Sequence[Record]) -> str:
    """Returns the metrics of variants of GradSentry, a row for each data set, attack, rate and variant."""
    head = ["data", "attack", "rate", "variant", "rows", *_TITLES.values()]
    lines = []
    for key in dict.fromkeys((r["data"], r["attack"], r["rate"]) for r in records):
        group = _means([r for r in records if (r["data"], r["attack"], r["rate"]) == key], records)
        best = {metric: _best(group, metric) for metric in _TITLES}
        for r in group:
            cells = [_shown(r, metric, best[metric]) for metric in _TITLES]
            lines.append([key[0], key[1], f"{key[2]:g} %", r["defence"], str(r["rows"]), *cells])
    return markdown(head, lines)


def trouble_table(records: Sequence[Record]) -> str:
    """Returns the cells that failed or were skipped with the reason; empty where all gave a result."""
    lines = [
        [
            r["data"],
            r["attack"],
            f"{r['rate']:g} %",
            r["defence"],
            r["status"],
            r["error"].replace("|", "\\|"),
        ]
        for r in records
        if r["status"] != "done"
    ]
    return markdown(["data", "attack", "rate", "defence", "status", "why"], lines) if lines else ""


def number(value: float | None, digits: int = 3) -> str:
    """Returns a number in decimals, a dash where it is undefined."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Returns a table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _poisoned(records: Sequence[Record], rate: float) -> str:
    """Returns how many rows are poisoned at a rate, from the fewest of a cell to the most; nothing at 0."""
    counts = {r["poisoned"] for r in records if r["rate"] == rate and r["status"] == "done"}
    if not rate or not counts:
        return ""
    least, most = min(counts), max(counts)
    return f" ({least}–{most} rows)" if least < most else f" ({most} row{'s' if most > 1 else ''})"


def distinct(records: Iterable[Record], key: str) -> list[str]:
    """Returns the different values of a column, in the order in which they come."""
    return list(dict.fromkeys(record[key] for record in records))


def _means(records: Sequence[Record], everything: Sequence[Record]) -> list[Record]:
    """Returns a record for each defence: over several seeds and models the means, without intervals.

    Of cells some of which failed it is the mean of the others. It says too whether the defence flags a
    poisoned row there (`speaks`): of clean data whether it does so in any cell of everything, for there
    silence is right.
    """
    merged = []
    for defence in distinct(records, "defence"):
        cells = [record for record in records if record["defence"] == defence]
        group = [record for record in cells if record["status"] == "done"] or cells[:1]
        mean = dict(group[0])
        if len(group) > 1:
            mean |= {
                name: _mean(record[name] for record in group)
                for name in (*_TITLES, "matched_share", "seconds_per_row", "cpu_seconds_per_row")
            }
            mean |= {f"{name}_{end}": math.nan for name in _TITLES for end in ("low", "high")}
        flags = group if mean["rate"] else everything
        mean["speaks"] = any(r["recall"] > 0 for r in flags if r["defence"] == defence)
        merged.append(mean)
    return merged


def _mean(values: Iterable[float]) -> float:
    """Returns the mean, or NaN where one of the values is: the others would be of other seeds."""
    return fmean(known) if (known := list(values)) else math.nan


def _best(records: Sequence[Record], metric: str) -> float:
    """Returns the best of a metric, if that has merit, as `BOLD` says it; else NaN."""
    speaking = [r for r in records if metric not in _OF_FLAGS or r["speaks"]]
    known = [record[metric] for record in speaking if not math.isnan(record[metric])]
    choose: Callable[[list[float]], float] = min if metric in LOWER_IS_BETTER else max
    nothing = _OF_NOTHING.get(metric, 0.0)
    best = choose([*known, nothing])
    return math.nan if number(best) == number(nothing) else best


def _bold(value: float, best: float) -> str:
    text = number(value)
    return f"**{text}**" if text == number(best) and text != UNDEFINED else text


def _shown(record: Record | None, metric: str, best: float) -> str:
    """Returns a metric of a cell; a dash where there is no such cell, or what became of one without it."""
    if record is None:
        return UNDEFINED
    if record["status"] != "done":
        return str(record["status"])
    # Few false positives are no merit of a defence that flags no poisoned row.
    speaks = metric not in _OF_FLAGS or record["speaks"]
    return _bold(record[metric], best) if speaks else number(record[metric])


def _with_interval(record: Record, metric: str, best: float) -> str:
    low, high = record[f"{metric}_low"], record[f"{metric}_high"]
    text = _shown(record, metric, best)
    return text if math.isnan(low) or text == UNDEFINED else f"{text} ({low:.2f}–{high:.2f})"


def _clean_fpr(records: Sequence[Record], defence: str) -> float:
    return _mean(r["fpr"] for r in records if r["defence"] == defence and r["rate"] == 0.0)
