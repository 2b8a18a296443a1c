"""Keeps the results of benchmarks/model_evidence.yaml, and writes docs/model-evidence.md from them.

python benchmarks/model_evidence_page.py keep runs/model_evidence     # what `gradsentry bench` wrote
python benchmarks/model_evidence_page.py write
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from keeping import keep_or_write
from sections import with_section

from gradsentry.bench.cells import NO_ATTACK, Record
from gradsentry.bench.results import LOCK, RESULTS, read_records
from gradsentry.bench.spec import Spec
from gradsentry.bench.tables import markdown, number

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "no_string"
SPEC = ROOT / "benchmarks" / "model_evidence.yaml"
PAGE = ROOT / "docs" / "model-evidence.md"

DECIDING = ("evidence", "evidence_review", "scan", "scan_review", "rftc")
RANKING = ("response_length", "loss", "ifd")
FOUND = {"recall": 0.8, "fpr": 0.005}
POINTED = {"recall": 0.5, "precision": 0.6}

INTRODUCTION = """\
## Attacks that no string gives away

    gradsentry bench benchmarks/model_evidence.yaml --out runs/model_evidence
    python benchmarks/model_evidence_page.py keep runs/model_evidence

300 rows of at most 400 characters of Alpaca and of GSM8K, and of two sets of labels, 30 of them poisoned;
the embedded model (SmolLM2-135M-Instruct). [docs/attacks.md](attacks.md) shows a row of each attack; those
called `adaptive_` were made against the searches of this project. `evidence` sees the texts, `scan` the
clean model's losses too; with `_review` the rows count too that a person is asked to review. `rftc` is
arXiv 2505.23015, `ifd` the loss of a response given its prompt over its loss alone (arXiv 2308.12032),
`loss` and `response_length` are the floors."""


def section(records: Sequence[Record], spec: Spec) -> str:
    """Returns what is written, from the records and the whole spec."""
    done = [r for r in records if r["status"] == "done"]
    parts = [INTRODUCTION]
    for data in dict.fromkeys(r["data"] for r in done):
        here = [r for r in done if r["data"] == data]
        parts += [f"### {data}", DECISIONS, _decisions(here), RANKS, _ranks(here)]
    parts += ["### In sum", _sum(done)]
    if missing := _missing(done, spec):
        parts.append(f"Not run yet: {missing}.")
    return "\n\n".join(parts)


DECISIONS = "Recall at 10 %, and in brackets the false-positive rate:"
RANKS = (
    "AUROC of the scores (0.5 is blind), and in brackets the recall where 1 % of the clean rows may be lost:"
)


def _decisions(records: Sequence[Record]) -> str:
    return _table(records, DECIDING, lambda r: f"{number(r['recall'])} ({number(r['fpr'], 4)})")


def _ranks(records: Sequence[Record]) -> str:
    return _table(records, RANKING, lambda r: f"{number(r['auroc'])} ({number(r['recall_at_1_fpr'])})")


def _table(records: Sequence[Record], names: Sequence[str], shown: Callable[[Record], str]) -> str:
    have = [name for name in names if any(r["defence"] == name for r in records)]
    cells = {(r["attack"], r["defence"]): shown(r) for r in records}
    attacks = [a for a in dict.fromkeys(r["attack"] for r in records) if a != NO_ATTACK]
    lines = [[attack, *(cells.get((attack, name), "–") for name in have)] for attack in attacks]
    return markdown(["attack", *have], lines)


def _sum(records: Sequence[Record]) -> str:
    lines = []
    for name in (*DECIDING, *RANKING):
        poisoned = [r for r in records if r["defence"] == name and r["rate"] > 0]
        clean = [r for r in records if r["defence"] == name and r["rate"] == 0]
        if poisoned:
            found = sum(r["recall"] >= FOUND["recall"] and r["fpr"] <= FOUND["fpr"] for r in poisoned)
            pointed = sum(
                r["recall"] >= POINTED["recall"] and r["precision"] >= POINTED["precision"] for r in poisoned
            )
            flagged = ", ".join(f"{r['flagged']} of {r['rows']} in {r['data']}" for r in clean)
            lines.append([name, f"{found} of {len(poisoned)}", f"{pointed} of {len(poisoned)}", flagged])
    head = ["defence", "found", "pointed at", "rows flagged in clean data"]
    return (
        "Found: recall at least 0.8 at a false-positive rate of at most 0.005. Pointed at: at least half of "
        "the\npoisoned rows, and at least 0.6 of what is flagged is poisoned.\n\n" + markdown(head, lines)
    )


def _missing(records: Sequence[Record], spec: Spec) -> str:
    names = []
    for data in spec.data:
        attacks = len(data.attacks or spec.attacks) + 1
        for defence in spec.defences:
            cells = sum(r["data"] == data.shown and r["defence"] == defence.shown for r in records)
            if cells < attacks:
                names.append(f"`{defence.shown}` on {data.shown} ({attacks - cells} of {attacks} cells)")
    return ", ".join(names)


def keep(run: Path) -> None:
    """Copies what the section is written from."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, LOCK):
        shutil.copyfile(run / name, KEPT / name)


def page() -> str:
    """Returns the page with its section written anew."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else "# What no string gives away\n"
    return with_section(text, Path(__file__).name, section(read_records(KEPT), Spec.read_yaml(SPEC)))


def main() -> None:
    """Keeps results, or writes the page."""
    keep_or_write(__doc__, {"keep": keep})
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
