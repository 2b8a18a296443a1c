"""Keeps a benchmark's results in the repository, and writes docs/benchmark.md and docs/benchmark/ from them.

    python benchmarks/benchmark_page.py keep runs/reduced       # what `gradsentry bench` wrote
    python benchmarks/benchmark_page.py keep-evidence runs/evidence
    python benchmarks/benchmark_page.py write

What is kept of cells that a run does not have stays. Every number on the pages comes out of the kept results.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from benchmark_overview import by_attack, overview, seen_on
from evidence_section import evidence_section
from keeping import keep_or_write, merged_lock, named
from machine import processor
from sections import with_section

from gradsentry.bench.cells import Record
from gradsentry.bench.naming import NAMED
from gradsentry.bench.results import LOCK, POINTS, RESULTS, read_points, read_records, write_results
from gradsentry.bench.spec import Spec
from gradsentry.bench.tables import rate_table, summary_table, variant_table

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "reduced"
KEPT_EVIDENCE = ROOT / "benchmarks" / "results" / "evidence"
PAGE = ROOT / "docs" / "benchmark.md"
PARTS = ROOT / "docs" / "benchmark"
HOW = ROOT / "docs" / "how-it-works.md"
MACHINE = "machine.json"
PLOTTED = ("data", "attack", "model", "rate", "seed", "defence")
CELL = (*PLOTTED, "study", "row_limit", "attack_settings", "defence_settings")
STUDIES = {"k": "number of singular values", "crop": "region", "samples": "number of rows"}
PLOTS = {
    "recall": "Recall against poison rate.",
    "fpr": "False-positive rate against poison rate.",
    "roc": "Recall against false-positive rate at 10 %.",
    "length": "Our score against response length at 10 %.",
}


def keep(run: Path) -> None:
    """Adds what a run wrote to what the page is written from, draws the plots, and notes the machine.

    Raises:
        SystemExit: If other data, models or versions of libraries were used than for what is kept.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    folders = [folder for folder in (KEPT, run) if (folder / LOCK).is_file()]
    spec = Spec.read_yaml(folders[0] / LOCK).model_copy(update={"locked": merged_lock(KEPT, run)})
    records = {named(r, CELL): r for folder in folders for r in _with_points(folder, spec)}
    with TemporaryDirectory() as drawn:
        write_results(Path(drawn), list(records.values()), spec)
        for name in (RESULTS, POINTS, LOCK):
            shutil.copyfile(Path(drawn) / name, KEPT / name)
        for name in PLOTS:
            shutil.copyfile(Path(drawn) / "plots" / f"{name}.png", KEPT / f"{name}.png")
    machine = {
        "processor": processor(),
        "cores": os.cpu_count(),
    }
    (KEPT / MACHINE).write_text(json.dumps(machine, indent=2) + "\n", encoding="utf-8")


def _with_points(folder: Path, spec: Spec) -> list[Record]:
    """Returns the records of a folder; those at the rate that is plotted have their scores row by row."""
    of_earlier = {"rate": spec.plot_rate, "seed": spec.seeds[0]}  # they held no other
    points: dict[str, dict[str, list[float]]] = {}
    for point in (of_earlier | point for point in read_points(folder)):
        columns = points.setdefault(
            named(point, PLOTTED), {name: [] for name in point if name not in PLOTTED}
        )
        for name, column in columns.items():
            column.append(point[name])
    records = read_records(folder)
    for record in records:
        plotted = record["study"] == "grid" and record["rate"] == spec.plot_rate
        record["points"] = points.get(named(record, PLOTTED)) if plotted else None
    return [dict.fromkeys(NAMED, math.nan) | record for record in records]


def keep_evidence(run: Path) -> None:
    """Copies what the section on evidence is written from."""
    KEPT_EVIDENCE.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, LOCK):
        shutil.copyfile(run / name, KEPT_EVIDENCE / name)


def pages() -> dict[Path, str]:
    """Returns every page that is written, by its place: the overview, and what it parts into."""
    records = read_records(KEPT)
    grid = [record for record in records if record["study"] == "grid"]
    lock = yaml.safe_load((KEPT / LOCK).read_text(encoding="utf-8"))
    machine = json.loads((KEPT / MACHINE).read_text(encoding="utf-8"))
    plots = "\n\n".join(
        f"![{words}](../benchmarks/results/reduced/{name}.png)\n\n{words}" for name, words in PLOTS.items()
    )
    written = {PAGE: f"{overview(records, lock, machine)}\n\n## Plots\n\n{plots}\n"}
    for data in dict.fromkeys(record["data"] for record in grid):
        written[PARTS / f"{data}.md"] = _data_page(data, [r for r in grid if r["data"] == data])
    for study, words in STUDIES.items():
        written[PARTS / f"{study}.md"] = _study_page(study, words, records)
    if (KEPT_EVIDENCE / RESULTS).is_file():
        section = evidence_section(read_records(KEPT_EVIDENCE))
        written[PARTS / "evidence.md"] = f"# Evidence on more attacks\n\n{section}\n"
    return written


def _data_page(data: str, grid: list[Record]) -> str:
    """Returns the page on one data set."""
    parts = [
        f"# Benchmark on {data}",
        "How to read the tables: [benchmark.md](../benchmark.md#how-to-read-the-tables).",
        seen_on(grid),
        f"## At 10 % poisoned\n\nWith 95 % bootstrap intervals:\n\n{summary_table(grid, 10.0)}",
    ]
    for metric, words in (("recall", "Recall"), ("fpr", "False-positive rate")):
        parts.append(f"## {words} by poison rate\n\n0 % is the clean data set.\n\n{rate_table(grid, metric)}")
    return "\n\n".join(parts) + "\n"


def _study_page(study: str, words: str, records: list[Record]) -> str:
    """Returns the page on the published rule with another setting."""
    variants = [record for record in records if record["study"] == study]
    said = "How to read the table: [benchmark.md](../benchmark.md#how-to-read-the-tables)."
    return f"# GradSentry with another {words}\n\n{said}\n\n{variant_table(variants)}\n"


def write() -> None:
    """Writes all pages, and the figures in docs/how-it-works.md; removes pages of what is no more kept."""
    written = pages()
    PARTS.mkdir(exist_ok=True)
    for place in {*PARTS.glob("*.md")} - {*written}:
        place.unlink()
    for place, text in written.items():
        place.write_text(text, encoding="utf-8")
    HOW.write_text(how_it_works(), encoding="utf-8")


def how_it_works() -> str:
    """Returns docs/how-it-works.md with its figures written anew."""
    grid = [record for record in read_records(KEPT) if record["study"] == "grid"]
    return with_section(HOW.read_text(encoding="utf-8"), Path(__file__).name, by_attack(grid))


def main() -> None:
    """Keeps results, and writes the pages."""
    keep_or_write(__doc__, {"keep": keep, "keep-evidence": keep_evidence})
    write()


if __name__ == "__main__":
    main()
