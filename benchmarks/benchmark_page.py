"""Keeps a benchmark's results in the repository, and writes docs/benchmark.md from them.

    python benchmarks/benchmark_page.py keep runs/reduced       # what `gradsentry bench` wrote
    python benchmarks/benchmark_page.py keep-evidence runs/evidence
    python benchmarks/benchmark_page.py write

What is kept of cells that a run does not have stays. Every number on the page comes out of the kept results.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from evidence_section import evidence_section
from keeping import merged_lock, named

from gradsentry.bench.cells import Record
from gradsentry.bench.naming import NAMED
from gradsentry.bench.results import LOCK, POINTS, RESULTS, read_points, read_records, write_results
from gradsentry.bench.spec import FLOORS, Spec
from gradsentry.bench.tables import markdown, number, rate_table, summary_table, trouble_table, variant_table
from gradsentry.defences import DETECTORS

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "reduced"
KEPT_EVIDENCE = ROOT / "benchmarks" / "results" / "evidence"
PAGE = ROOT / "docs" / "benchmark.md"
MACHINE = "machine.json"
PLOTTED = ("data", "attack", "model", "defence")
CELL = (*PLOTTED, "study", "rate", "seed", "row_limit", "attack_settings", "defence_settings")
OURS = "gradsentry"
PLOTS = {
    "recall": "Recall against poison rate.",
    "fpr": "False-positive rate against poison rate.",
    "roc": "Recall against false-positive rate at 10 %.",
    "length": "Our score against response length at 10 %.",
}
NOT_RUN = """\
`benchmarks/paper.yaml` holds the whole comparison: 1000 rows of each question-answering set, 300 of the long
responses, GraCeFul on 300, and STRIP, ONION and CUBE on 300 rows of two sets. It has not been run to its end.
What stands here is the same grid with one seed and one model, on as many rows of WebQA and FreebaseQA and on
fewer of the others:"""
EVIDENCE = "evidence"


def keep(run: Path) -> None:
    """Adds what a run wrote to what the page is written from, draws the plots, and notes the machine.

    Raises:
        SystemExit: If other data, models or versions of libraries were used than for what is kept.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    folders = [folder for folder in (KEPT, run) if (folder / LOCK).is_file()]
    spec = Spec.read_yaml(folders[0] / LOCK).model_copy(update={"locked": merged_lock(KEPT, run)})
    records = {named(r, CELL): r for folder in folders for r in _with_points(folder, spec.plot_rate)}
    with TemporaryDirectory() as drawn:
        write_results(Path(drawn), list(records.values()), spec)
        for name in (RESULTS, POINTS, LOCK):
            shutil.copyfile(Path(drawn) / name, KEPT / name)
        for name in PLOTS:
            shutil.copyfile(Path(drawn) / "plots" / f"{name}.png", KEPT / f"{name}.png")
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
    }
    (KEPT / MACHINE).write_text(json.dumps(machine, indent=2) + "\n", encoding="utf-8")


def _with_points(folder: Path, plot_rate: float) -> list[Record]:
    """Returns the records of a folder, each with its scores row by row, as the cells had them."""
    points: dict[str, dict[str, list[float]]] = {}
    for point in read_points(folder):
        columns = points.setdefault(named(point, PLOTTED), {"score": [], "poisoned": [], "length": []})
        for name, column in columns.items():
            column.append(point[name])
    records = read_records(folder)
    for record in records:
        plotted = record["study"] == "grid" and record["rate"] == plot_rate
        record["points"] = points.get(named(record, PLOTTED)) if plotted else None
    return [dict.fromkeys(NAMED, math.nan) | record for record in records]


def keep_evidence(run: Path) -> None:
    """Copies what the section on evidence is written from."""
    KEPT_EVIDENCE.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, LOCK):
        shutil.copyfile(run / name, KEPT_EVIDENCE / name)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def page() -> str:
    """Returns docs/benchmark.md."""
    records = read_records(KEPT)
    grid = [record for record in records if record["study"] == "grid"]
    lock = yaml.safe_load((KEPT / LOCK).read_text(encoding="utf-8"))
    machine = json.loads((KEPT / MACHINE).read_text(encoding="utf-8"))
    sets = list(dict.fromkeys(record["data"] for record in grid))
    parts = [
        "# Benchmark",
        _introduction(lock, machine, grid),
        f"## What is seen\n\n{_seen(grid)}",
        f"## What has not been run\n\n{NOT_RUN}\n\n{_rows_table(records)}",
        f"## The defences\n\n{_defences(grid)}",
    ]
    if (KEPT_EVIDENCE / RESULTS).is_file():
        parts.append(f"## Evidence on more attacks\n\n{evidence_section(read_records(KEPT_EVIDENCE))}")
    for data in sets:
        here = [record for record in grid if record["data"] == data]
        parts.append(
            f"## {data}\n\nAt 10 % poisoned, 95 % bootstrap intervals:\n\n{summary_table(here, 10.0)}"
        )
        for metric, words in (("recall", "Recall"), ("fpr", "False-positive rate")):
            parts.append(f"{words} by poison rate (0 % is the clean data set):\n\n{rate_table(here, metric)}")
    for study, words in (("k", "singular values"), ("crop", "region"), ("samples", "rows")):
        variants = [record for record in records if record["study"] == study]
        parts.append(f"## GradSentry with another {study} ({words})\n\n{variant_table(variants)}")
    for name, words in PLOTS.items():
        parts.append(f"![{words}](../benchmarks/results/reduced/{name}.png)\n\n{words}")
    if troubles := trouble_table(records):
        parts.append(f"## Cells without a result\n\n{troubles}")
    return "\n\n".join(parts) + "\n"


def _introduction(lock: dict[str, Any], machine: dict[str, Any], grid: list[Record]) -> str:
    versions = lock["locked"]["versions"]
    rows = max(record["rows"] for record in grid)
    return f"""\
Every defence on published attacks, on real data, at poison rates from 0 to 90 %. This page is written by
`benchmarks/benchmark_page.py` from `benchmarks/results/reduced`, which this command made:

    gradsentry bench benchmarks/reduced.yaml --out runs/reduced

- Model: {", ".join(lock["models"])} (SmolLM2-135M-Instruct, embedded), {lock["dtype"]}.
- Rows: {rows} a data set at most, each in a clean and a poisoned version; a mix at rate r takes the poisoned
  version of a share r of them.
- Machine: {machine["processor"]}, {machine["cores"]} cores shared with other work; one thread.
- torch {versions["torch"]}, transformers {versions["transformers"]}.
- `benchmarks/results/reduced/{LOCK}` reruns it to the same numbers.

How to read the tables. Recall and false-positive rate (FPR) are at the defence's own threshold; AUROC,
average precision and recall at 1 % FPR are of its scores. AUROC at matched length compares poisoned rows with
clean rows of exactly the same number of response tokens: what is left when length is taken away. A dash is
undefined: no poisoned rows, or no two rows of equal length to compare. `response_length` and `loss` are the
floors: what does not beat them has found nothing. `gradsentry` is the published rule on the published corner
of the gradient, `gradsentry_full` on all of it; `evidence` is what `scan` decides by unless told otherwise,
here from the texts alone. Seconds of the clock are those of a busy machine; those of the CPU are the fair
ones, taken on rows that were read for one defence alone. They are for all that a forward pass is read for:
GradSentry on four regions, the floors and the states share one. An interval of a value at 0 or 1 has no
width, which is a limit of the bootstrap and no certainty."""


def _seen(grid: list[Record]) -> str:
    return "\n".join(
        f"- {line}"
        for line in (*_recalls(grid), *_costs(grid), *_evidence(grid), *_floors(grid), *_baselines(grid))
    )


def _recalls(grid: list[Record]) -> Iterable[str]:
    ours = [r for r in grid if r["defence"] == OURS and 1.0 <= r["rate"] <= 90.0]
    low = [r for r in ours if r["recall"] < 0.99]
    yield (
        f"GradSentry's recall from 1 to 90 % is at least 0.99 in {len(ours) - len(low)} of {len(ours)} "
        f"cells; the least is {number(min(r['recall'] for r in ours))}."
    )
    if low:
        where = [f"{r['data']}, {r['attack']} at {r['rate']:g} % ({number(r['recall'])})" for r in low]
        yield f"It is below 0.99 in: {'; '.join(where)}."
    few = [r for r in grid if r["defence"] == OURS and 0 < r["poisoned"] < 5]
    if few:
        rates = sorted({r["rate"] for r in few})
        yield (
            f"At {', '.join(f'{rate:g} %' for rate in rates)} there are fewer than 5 poisoned rows, so one "
            "row more or less moves recall by a fifth or more."
        )


def _costs(grid: list[Record]) -> Iterable[str]:
    for data in dict.fromkeys(r["data"] for r in grid):
        ours = [r for r in grid if r["defence"] == OURS and r["data"] == data]
        clean = next(r["fpr"] for r in ours if r["rate"] == 0.0)
        fpr = [r["fpr"] for r in ours if 1.0 <= r["rate"] <= 90.0]
        yield (
            f"Its price on {data}: {number(clean)} of the rows of a clean data set are flagged, and "
            f"{number(min(fpr))} to {number(max(fpr))} of the clean rows of a poisoned one."
        )


def _evidence(grid: list[Record]) -> Iterable[str]:
    for data in dict.fromkeys(r["data"] for r in grid):
        ours = [r for r in grid if r["defence"] == EVIDENCE and r["data"] == data]
        clean = [number(r["fpr"]) for r in ours if r["rate"] == 0.0]
        words = []
        for attack in dict.fromkeys(r["attack"] for r in ours if r["rate"] > 0):
            here = [r for r in ours if r["attack"] == attack and r["poisoned"] >= 5]
            recall, fpr = _span(r["recall"] for r in here), _span(r["fpr"] for r in here)
            words.append(f"{attack} recall {recall}, FPR {fpr}")
        if words:
            yield (
                f"Evidence on {data}, with 5 poisoned rows or more: {'; '.join(words)}; on the clean "
                f"data set FPR {', '.join(clean)}."
            )


def _rows_table(records: list[Record]) -> str:
    """Returns how many rows each defence was given of each data set."""
    grid = [record for record in records if record["study"] == "grid" and record["status"] == "done"]
    sets = list(dict.fromkeys(record["data"] for record in grid))
    lines = []
    for name in dict.fromkeys(record["defence"] for record in grid):
        counts = [
            max((r["rows"] for r in grid if r["defence"] == name and r["data"] == data), default=0)
            for data in sets
        ]
        lines.append([f"`{name}`", *(str(count) if count else "–" for count in counts)])
    return markdown(["rows", *sets], lines)


def _floors(grid: list[Record]) -> Iterable[str]:
    for data in dict.fromkeys(r["data"] for r in grid):
        at_ten = [r for r in grid if r["data"] == data and r["rate"] == 10.0]
        length, ours = (
            _span(r["auroc"] for r in at_ten if r["defence"] == name) for name in ("response_length", OURS)
        )
        matched = [r["matched_auroc"] for r in at_ten if r["defence"] == OURS]
        share = _span(r["matched_share"] for r in at_ten if r["defence"] == OURS)
        left = "nothing to compare: no lengths are shared"
        if _known(matched):
            left = f"{_span(matched)}, over the {share} of poisoned rows that have a clean row to match"
        yield (
            f"On {data} at 10 % response length alone has AUROC {length}, GradSentry {ours}. At matched "
            f"length GradSentry has {left}."
        )


def _baselines(grid: list[Record]) -> Iterable[str]:
    names = ("graceful", "activation_clustering", "spectral_signature")
    for name in names:
        ends = []
        for rate in (1.0, 10.0, 50.0, 90.0):
            here = [r for r in grid if r["defence"] == name and r["rate"] == rate and r["status"] == "done"]
            if here:
                recall, fpr = _span(r["recall"] for r in here), _span(r["fpr"] for r in here)
                ends.append(f"at {rate:g} % recall {recall} and FPR {fpr}")
        if ends:
            yield f"`{name}` has {'; '.join(ends)}."
    yield (
        "Clustering fails at the ends by construction. With few poisoned rows they are no cluster of their "
        "own, and the smaller of two clusters is some kind of clean row; with most rows poisoned the smaller "
        "cluster is the clean one. A spectral signature flags a fixed share of the rows, whatever the rate."
    )


def _defences(grid: list[Record]) -> str:
    lines = []
    for name in dict.fromkeys(r["defence"] for r in grid):
        detector = DETECTORS[name]
        own = "a floor" if name in FLOORS else "this project"
        paper = f"arXiv {detector.paper.arxiv}" if detector.paper else own
        lines.append([f"`{name}`", paper, detector.needs])
    return markdown(["defence", "paper", "needs"], lines)


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _span(values: Iterable[float]) -> str:
    known = _known(values)
    if not known:
        return number(math.nan)
    low, high = number(min(known)), number(max(known))
    return low if low == high else f"{low} to {high}"


def main() -> None:
    """Keeps results, or writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("keep", "keep-evidence"):
        commands.add_parser(name).add_argument("run", type=Path)
    commands.add_parser("write")
    given = parser.parse_args()
    if given.command == "keep":
        keep(given.run)
    elif given.command == "keep-evidence":
        keep_evidence(given.run)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
