"""What a person reads first of the benchmark: what was compared, on what, and what is seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gradsentry.bench.cells import Record
from gradsentry.bench.results import LOCK
from gradsentry.bench.spec import FLOORS
from gradsentry.bench.tables import markdown, number, trouble_table
from gradsentry.defences import DETECTORS

OURS = "gradsentry"
EVIDENCE = "evidence"
RATE = 10.0
SHOWN = {"evidence": "findings", OURS: "score, published rule", "response_length": "response length alone"}
"""Of docs/how-it-works.md: defences, and what a reader calls them."""

READING = """\
Recall and false-positive rate (FPR) are at the defence's own threshold; AUROC,
average precision and recall at 1 % FPR are of its scores. AUROC at matched length compares poisoned rows with
clean rows of exactly the same number of response tokens: what is left when length is taken away. Of few
poisoned rows with such a clean one it says little; the column behind it has their share. A dash is
undefined: no poisoned rows, or no two rows of equal length to compare. `response_length` and `loss` are the
floors: what does not beat them has found nothing. `gradsentry` is the published rule on the published corner
of the gradient, `gradsentry_full` on all of it; `evidence` is what `scan` decides by unless told otherwise,
here from the texts alone. Seconds are of a busy machine, those of the CPU
too, for threads that wait for a core count: they tell orders of magnitude. Each defence is timed by itself on
32 rows, with all that a forward pass is read for. An interval of a value at 0 or 1 has no width, which is a
limit of the bootstrap and no certainty."""
ATTACKS = """\
What these pages call an attack is what the spec calls it, its `label`. Those that are not called by the name
that [names.md](names.md) has for them, or are given settings:"""
NOT_RUN = """\
`benchmarks/paper.yaml` holds the whole comparison: 1000 rows of each question-answering set, 300 of the long
responses, GraCeFul on 300, and STRIP, ONION and CUBE on 300 rows of two sets. It has not been run to its end.
What stands here is the same grid with one seed and one model, on as many rows of WebQA and FreebaseQA and on
fewer of the others:"""


def overview(records: list[Record], lock: dict[str, Any], machine: dict[str, Any]) -> str:
    """Returns docs/benchmark.md without its plots."""
    grid = [record for record in records if record["study"] == "grid"]
    parts = [
        "# Benchmark",
        "Every defence on published attacks, on real data, at poison rates from 0 to 90 %. `gradsentry` is "
        "the score of the paper with its own threshold; what a verdict is decided by is `evidence`.",
        f"## At {RATE:g} % poisoned",
        "Recall and, behind the stroke, false-positive rate, each the mean over the attacks; a link leads to "
        "every attack and rate of a data set.",
        _glance(grid),
        f"## What is seen\n\n{_listed((*_recalls(grid), *_baselines(grid)))}",
        "More attacks, and more rows, for the findings alone: "
        "[evidence on more attacks](benchmark/evidence.md). The score with another number of "
        "[singular values](benchmark/k.md), another [region](benchmark/crop.md) or another number of "
        "[rows](benchmark/samples.md). Attacks that no string gives away: "
        "[model-evidence.md](model-evidence.md).",
        f"## How to read the tables\n\n{READING}",
        f"## The attacks\n\n{ATTACKS}\n\n{_attacks(lock)}",
        f"## The defences\n\n{_defences(grid)}",
        f"## How it was run\n\n{_run(lock, machine, grid)}",
        f"## What has not been run\n\n{NOT_RUN}\n\n{_rows_table(records)}",
    ]
    if troubles := trouble_table(records):
        parts.append(f"## Cells without a result\n\n{troubles}")
    return "\n\n".join(parts)


def seen_on(grid: list[Record]) -> str:
    """Returns what is seen on one data set, as a list."""
    return _listed((*_costs(grid), *_evidence(grid), *_floors(grid)))


def by_attack(grid: list[Record]) -> str:
    """Returns a table of attacks for docs/how-it-works.md: what decides, the score, and length alone."""
    at_rate = [r for r in grid if r["rate"] == RATE and r["status"] == "done"]
    lines = []
    for attack in dict.fromkeys(r["attack"] for r in at_rate):
        here = [r for r in at_rate if r["attack"] == attack]
        sets = list(dict.fromkeys(r["data"] for r in here))
        cells = []
        for name in SHOWN:
            ours = [r for r in here if r["defence"] == name]
            cells += [_span(r["recall"] for r in ours), _span(r["fpr"] for r in ours)]
        lines.append([attack, ", ".join(sets), *cells])
    heads = [f"{words}: {metric}" for words in SHOWN.values() for metric in ("recall", "FPR")]
    rows = {r["data"]: r["rows"] for r in at_rate if r["defence"] in SHOWN}
    counted = ", ".join(f"{count} of {data}" for data, count in rows.items())
    return f"{markdown(['attack', 'data sets', *heads], lines)}\n\nRows: {counted}."


def _glance(grid: Sequence[Record]) -> str:
    at_rate = [r for r in grid if r["rate"] == RATE and r["status"] == "done"]
    names = list(dict.fromkeys(r["defence"] for r in at_rate))
    lines = []
    for data in dict.fromkeys(r["data"] for r in at_rate):
        here = [r for r in at_rate if r["data"] == data]
        cells = [_means([r for r in here if r["defence"] == name]) for name in names]
        attacks, rows = len({r["attack"] for r in here}), max(r["rows"] for r in here)
        lines.append([f"[{data}](benchmark/{data}.md)", str(attacks), str(rows), *cells])
    return markdown(["data", "attacks", "rows", *(f"`{name}`" for name in names)], lines)


def _means(records: Sequence[Record]) -> str:
    if not records:
        return "–"
    recall, fpr = (
        sum(known) / len(known) if known else math.nan
        for known in (_known(r[metric] for r in records) for metric in ("recall", "fpr"))
    )
    return f"{number(recall, 2)} / {number(fpr, 2)}"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _run(lock: dict[str, Any], machine: dict[str, Any], grid: list[Record]) -> str:
    versions = lock["locked"]["versions"]
    rows = max(record["rows"] for record in grid)
    return f"""\
    gradsentry bench benchmarks/reduced.yaml --out runs/reduced
    python benchmarks/benchmark_page.py keep runs/reduced

The second command keeps the results in `benchmarks/results/reduced` and writes these pages from them.

- Model: {", ".join(lock["models"])} (SmolLM2-135M-Instruct of 4-bit weights, embedded), {lock["dtype"]}.
- Rows: {rows} a data set at most, each in a clean and a poisoned version; a mix at rate r takes the poisoned
  version of a share r of them.
- Machine: {machine["processor"]}, {machine["cores"]} cores shared with other work; one thread.
- torch {versions["torch"]}, transformers {versions["transformers"]}.
- `benchmarks/results/reduced/{LOCK}` reruns it: with GradSentry {versions["gradsentry"]}, which made
  it, to the same numbers (of scores not to the last digit). Later versions count the tokens of some responses
  otherwise, and what hangs on lengths is not quite the same."""


def _recalls(grid: Sequence[Record]) -> Iterator[str]:
    ours = [r for r in grid if r["defence"] == OURS and 1.0 <= r["rate"] <= 90.0]
    low = [r for r in ours if r["recall"] < 0.99]
    yield (
        f"GradSentry's score has a recall of at least 0.99 from 1 to 90 % in {len(ours) - len(low)} of "
        f"{len(ours)} cells; the least is {number(min(r['recall'] for r in ours))}."
    )
    for data, attack in dict.fromkeys((r["data"], r["attack"]) for r in low):
        here = [r for r in low if (r["data"], r["attack"]) == (data, attack)]
        rates = ", ".join(f"{r['rate']:g}" for r in here)
        yield f"It is less on {data}, {attack}, at {rates} %: {_span(r['recall'] for r in here)}."
    few = [r for r in grid if r["defence"] == OURS and 0 < r["poisoned"] < 5]
    if few:
        at = {data: max(r["rate"] for r in few if r["data"] == data) for data in [r["data"] for r in few]}
        yield (
            "Fewer than 5 poisoned rows, so that one row more or less moves recall by a fifth or more, are "
            f"in some cells up to: {', '.join(f'{data} {rate:g} %' for data, rate in at.items())}."
        )


def _costs(grid: list[Record]) -> Iterator[str]:
    for data in dict.fromkeys(r["data"] for r in grid):
        ours = [r for r in grid if r["defence"] == OURS and r["data"] == data]
        clean = next(r["fpr"] for r in ours if r["rate"] == 0.0)
        fpr = [r["fpr"] for r in ours if 1.0 <= r["rate"] <= 90.0]
        yield (
            f"Its price on {data}: {number(clean)} of the rows of a clean data set are flagged, and "
            f"{number(min(fpr))} to {number(max(fpr))} of the clean rows of a poisoned one."
        )


def _evidence(grid: list[Record]) -> Iterator[str]:
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


def _floors(grid: list[Record]) -> Iterator[str]:
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


def _baselines(grid: list[Record]) -> Iterator[str]:
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
        "cluster is the clean one. A spectral signature flags a fixed share of the rows, whatever the rate: "
        "15 %, and here one row more, which the version that was measured did (10 of 60 are 0.167)."
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


def _attacks(lock: dict[str, Any]) -> str:
    lines = []
    for one in lock["attacks"]:
        entry = {key: one[key] for key in ("name", "label", "settings") if one[key]}
        if len(entry) > 1:
            said = json.dumps(entry).replace('"', "")
            lines.append(
                [one["label"] or one["name"], f"[`{one['name']}`](names.md#{one['name']})", f"`{said}`"]
            )
    return markdown(["here", "attack", "entry of `attacks`"], lines)


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
