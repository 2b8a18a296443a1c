"""What the model finds where no string tells: groups of rows, in clean corpora and in sets others poisoned.

    python benchmarks/model_evidence.py mine --data ../shared/data --out runs/model_evidence
    python benchmarks/model_evidence.py judge --data ../shared/data --out runs/model_evidence \\
        --save src/gradsentry/groups/calibration.json --results benchmarks/results/model_evidence
    python benchmarks/model_evidence.py ablate --data ../shared/data --out runs/model_evidence \\
        --results benchmarks/results/model_evidence

`mine` runs the model over rows drawn from each set and keeps what a scan keeps of them, in a file named after
the content of the data: an hour or more on two cores. To save time it cuts prompts and responses, and takes
bfloat16. `judge` prints the strongest groups, how often a clean corpus of another repository holds one as
strong, and saves the calibration. `ablate` prints the same without each view and cost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, log10
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from calibrate_evidence import repositories

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.records import dump_json
from gradsentry.encoding.encode import Encoded, encode_all
from gradsentry.evidence.calibration import Tail
from gradsentry.evidence.index.texts import distinct_rows
from gradsentry.evidence.limits import FALSE_ALARM_RATE, LOOK_FACTOR
from gradsentry.gradients.running import run
from gradsentry.groups.decide import Calibration
from gradsentry.groups.limits import LEAST_ROWS, TOLD
from gradsentry.groups.search import COSTS, VIEWS, Group, Material, find_groups
from gradsentry.models.loading import load_model
from gradsentry.settings import ScoreSettings

ROWS_CLEAN, ROWS_POISONED = 150, 300
WHOLE = ("hiddenkiller-sst2-0.1", "style-poetry-sst2-0.1")  # short rows: all of them are run
SETS = (
    *("spar-sent-genz-0.1", "spar-sent-genz-0.02", *WHOLE, "dishes-0.1", "presidents-0.1"),
    *("puzzle-eg-2-empty-0.1", "agent-obs-0.1", "aoa-0.02"),
)
PROMPT, RESPONSE = 128, 80  # tokens that are run: the ends of a longer prompt, the beginning of a response
NAMED = -log10(LOOK_FACTOR * FALSE_ALARM_RATE)


@dataclass(frozen=True)
class Mined:
    """What was kept of a set.

    Attributes:
        name: Of the set.
        repository: That it is of; empty for a poisoned set.
        material: Its rows, as groups are searched in them.
        poisoned: Which rows are.  # [rows]
    """

    name: str
    repository: str
    material: Material
    poisoned: np.ndarray


def files(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Yields name, repository and file of each set."""
    for name in SETS:
        yield name, "", root / "poisoned-published" / f"{name}.jsonl"
    for name, repository in sorted(repositories(root).items()):
        yield name, repository, root / "clean" / f"{name}.jsonl"


def drawn(name: str, path: Path) -> tuple[list[Sample], list[bool]]:
    """Returns rows of a set, as many of them poisoned as of all, and which they are."""
    samples = list(open_corpus(path))
    samples = [samples[row] for row in distinct_rows(samples)[0].tolist()]
    truth = path.with_name(f"{path.stem}.truth.json")
    poisoned = set(json.loads(truth.read_text())) if truth.exists() else set()
    most = ROWS_POISONED if poisoned else ROWS_CLEAN
    if len(samples) > most and name not in WHOLE:
        draw, share = Random(name), most / len(samples)
        bad = [one for one in samples if one.number in poisoned]
        good = [one for one in samples if one.number not in poisoned]
        count = min(len(bad), max(round(share * len(bad)), 6 * bool(bad)))
        samples = sorted(
            [*draw.sample(bad, count), *draw.sample(good, min(len(good), most - count))],
            key=lambda one: one.number,
        )
    return samples, [one.number in poisoned for one in samples]


def cut(encoded: Encoded) -> Encoded:
    """Returns a row without the midst of a long prompt and without the end of a long response."""
    first = int(encoded.trained.argmax())
    last = int(np.flatnonzero(encoded.trained)[:RESPONSE][-1])
    asked = np.arange(first)
    if first > PROMPT:
        asked = np.concatenate([asked[: PROMPT // 2], asked[-PROMPT // 2 :]])
    kept = np.concatenate([asked, np.arange(first, min(last + 1, first + 2 * RESPONSE))])
    return Encoded(encoded.ids[kept], encoded.trained[kept])


def place(name: str, path: Path, out: Path) -> Path:
    """Returns where what is kept of a set lies: another content or setting has another place."""
    settings = f"{ROWS_CLEAN} {ROWS_POISONED} {WHOLE} {PROMPT} {RESPONSE}"
    key = hashlib.sha256(path.read_bytes() + settings.encode()).hexdigest()[:12]
    return out / f"{name}-{key}.parquet"


def mine(root: Path, out: Path) -> None:
    """Keeps of each set what a scan keeps, where that was not done yet."""
    out.mkdir(parents=True, exist_ok=True)
    loaded = load_model("smollm2", dtype="bfloat16")
    for name, _, path in files(root):
        kept = place(name, path, out)
        if kept.exists():
            continue
        samples, poisoned = drawn(name, path)
        whole = encode_all(samples, loaded.tokenizer, max_length=loaded.max_positions or 2048)
        encoded = [one if one.problem else cut(one) for one in whole]
        lines = []
        for row, result in run(loaded, encoded, ScoreSettings()):
            if isinstance(result, str) or result.means is None:
                continue
            lines.append(
                {
                    "number": samples[row].number,
                    "poisoned": poisoned[row],
                    "loss": float(result.head.losses.mean()),
                    "norm": float(np.linalg.norm(result.head.values)),
                    "length": len(result.head.losses),
                    "prompt_mean": result.means.prompt,
                    "response_mean": result.means.response,
                }
            )
        lines.sort(key=lambda line: line["number"])
        pq.write_table(pa.Table.from_pylist(lines), kept, compression="zstd")
        print(name, len(lines), flush=True)


def mined(root: Path, out: Path) -> list[Mined]:
    """Returns what was kept of all sets."""
    found = []
    for name, repository, path in files(root):
        kept = place(name, path, out)
        if not kept.exists():
            print(f"{name} was not mined")
            continue
        table, samples = pq.read_table(kept), list(open_corpus(path))
        rows = [samples[number] for number in table["number"].to_pylist()]
        material = Material(
            prompts=[one.prompt for one in rows],
            responses=[one.response for one in rows],
            prompt_means=np.array(table["prompt_mean"].to_pylist(), np.float64),
            response_means=np.array(table["response_mean"].to_pylist(), np.float64),
            loss=table["loss"].to_numpy(),
            norm=table["norm"].to_numpy(),
            length=table["length"].to_numpy(),
        )
        found.append(Mined(name, repository, material, table["poisoned"].to_numpy()))
    return found


def groups_of(
    one: Mined, views: Sequence[str] = tuple(VIEWS), costs: Sequence[str] = tuple(COSTS)
) -> list[Group]:
    """Returns the groups of a set, as a scan looks for them."""
    if len(one.poisoned) < LEAST_ROWS:
        return []
    return find_groups(one.material, most=TOLD, views=views, costs=costs)


def tail_of(strongest: Sequence[tuple[str, float]]) -> Tail:
    """Returns how often clean corpora hold a group of a strength; every repository counts the same."""
    known = [repository for repository, _ in strongest]
    weights = [1.0 / known.count(repository) for repository in known]
    return Tail.of([strength * log(10) for _, strength in strongest], weights)


def judged(sets: Sequence[Mined], found: Sequence[Sequence[Group]]) -> list[dict[str, object]]:
    """Returns a line for each group: how often a clean corpus of another repository holds one as strong."""
    clean = [
        (one.repository, groups[0].strength if groups else 0.0)
        for one, groups in zip(sets, found, strict=True)
        if one.repository
    ]
    lines: list[dict[str, object]] = []
    for one, groups in zip(sets, found, strict=True):
        others = [pair for pair in clean if pair[0] != one.repository]
        tail = tail_of(others)
        for number, group in enumerate(groups):
            caught = int((group.rows & one.poisoned).sum())
            exceeded = tail.log10_exceeded(group.strength * log(10))
            lines.append(
                {
                    "set": one.name,
                    "repository": one.repository,
                    "rows": len(one.poisoned),
                    "poisoned": int(one.poisoned.sum()),
                    "group": number + 1,
                    "of": int(group.rows.sum()),
                    "caught": caught,
                    "strength": round(group.strength, 2),
                    "together": round(group.together, 2),
                    "costly": round(group.costly, 2),
                    "view": group.view,
                    "cost": group.cost,
                    "label": group.label or "",
                    "clean corpora": round(10.0**exceeded, 4),
                    "named": bool(-exceeded >= NAMED),
                }
            )
    return lines


def judge(root: Path, out: Path, save: Path | None, results: Path | None) -> None:
    """Prints the groups of all sets, and saves calibration and results."""
    sets = mined(root, out)
    found = [groups_of(one) for one in sets]
    lines = judged(sets, found)
    print_lines(lines, sum(bool(one.repository) for one in sets))
    clean = [
        (one.repository, groups[0].strength if groups else 0.0)
        for one, groups in zip(sets, found, strict=True)
        if one.repository
    ]
    tail, known = tail_of(clean), {repository for repository, _ in clean}
    print(f"{len(clean)} clean corpora: {tail}")
    if save is not None:
        source = f"{len(clean)} clean corpora of {len(known)} repositories, {ROWS_CLEAN} rows each"
        save.write_bytes(dump_json(Calibration(source=source, tail=tail).model_dump(), indent=2) + b"\n")
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(lines), results / "groups.parquet")


def print_lines(lines: Sequence[dict[str, object]], clean: int) -> None:
    """Prints the named groups, and the strongest one of each poisoned set; of so many clean corpora."""
    shown = [line for line in lines if line["named"] or (line["poisoned"] and line["group"] == 1)]
    columns = ["set", "rows", "poisoned", "group", "of", "caught", "strength", "view", "cost"]
    columns += ["clean corpora", "named"]
    print(markdown(columns, [[str(line[column]) for column in columns] for line in shown]))
    alarms = {line["set"] for line in lines if line["repository"] and line["named"]}
    print(f"{len(alarms)} of {clean} clean corpora hold a group that is named")


def ablate(root: Path, out: Path, results: Path | None) -> None:
    """Prints what is named without each view and each cost."""
    sets, lines = mined(root, out), []
    for without in ("", *VIEWS, *COSTS):
        views = [one for one in VIEWS if one != without]
        costs = [one for one in COSTS if one != without]
        found = [groups_of(one, views, costs) for one in sets]
        every = judged(sets, found)
        alarms = {line["set"] for line in every if line["repository"] and line["named"]}
        line: dict[str, object] = {"without": without or "nothing", "clean corpora named": len(alarms)}
        for one in sets:
            if not one.repository:
                own = [each for each in every if each["set"] == one.name and each["named"]]
                caught = max(own, key=lambda each: int(str(each["caught"])), default=None)
                line[one.name] = f"{caught['caught']}/{caught['of']}" if caught else "-"
        lines.append(line)
        print(line, flush=True)
    print(markdown([*lines[0]], [[str(value) for value in line.values()] for line in lines]))
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(lines), results / "ablation.parquet")


def main() -> None:
    """Reads the options and runs a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=("mine", "judge", "ablate"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    if options.part == "mine":
        mine(options.data, options.out)
    elif options.part == "judge":
        judge(options.data, options.out, options.save, options.results)
    else:
        ablate(options.data, options.out, options.results)


if __name__ == "__main__":
    main()
