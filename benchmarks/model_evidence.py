"""What the model finds where no string tells: groups of rows, in clean corpora and in sets others poisoned.

    python benchmarks/model_evidence.py mine --data ../shared/data --out runs/model_evidence
    python benchmarks/model_evidence.py judge --data ../shared/data --out runs/model_evidence \\
        --save src/gradsentry/groups/calibration.json --results benchmarks/results/model_evidence
    python benchmarks/model_evidence.py ablate --data ../shared/data --out runs/model_evidence \\
        --results benchmarks/results/model_evidence

`mine` runs the model over rows drawn from each set and keeps what a scan keeps of them, in a file named after
the content of the data: an hour or more on two cores. To save time it cuts prompts and responses, and takes
bfloat16. `judge` prints the strongest groups, and how often a clean corpus of another repository, or two of
them in one, holds one as strong; and saves the calibration. `ablate` prints the same without each kind, and
without each part of a strength. The attacks of `model_evidence.yaml` are in no calibration.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from math import log10
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from model_rows import WITH, Mined, mine, mined, mixed

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.sample import Turn
from gradsentry.deciding.singles import standing_out
from gradsentry.evidence import TokenLosses, find_evidence
from gradsentry.evidence.calibration import Tail
from gradsentry.evidence.limits import FALSE_ALARM_RATE
from gradsentry.groups import search
from gradsentry.groups.confirming import confirmed, is_by_loss
from gradsentry.groups.decide import Calibration, score
from gradsentry.groups.limits import BOUND, LEAST_ROWS, NAMED_RATE, TOLD
from gradsentry.groups.material import Group
from gradsentry.groups.search import BY_LOSS, LABEL, VIEWS, find_groups

KINDS = (*VIEWS, LABEL)
Strength = Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]


def groups_of(one: Mined, kinds: Sequence[str] = KINDS) -> list[Group]:
    """Returns the groups of a set, as a scan looks for them."""
    return find_groups(one.material, most=TOLD, kinds=kinds) if len(one.poisoned) >= LEAST_ROWS else []


def by_loss(one: Mined) -> float:
    """Returns the strength of the strongest finding by loss alone; minus infinity without one."""
    texts = zip(one.material.prompts, one.material.responses, strict=True)
    samples = [
        Sample(
            row,
            row,
            (Turn("user", prompt, False, ("prompt",)), Turn("assistant", response, True, ("completion",))),
            False,
            {},
        )
        for row, (prompt, response) in enumerate(texts)
    ]
    losses = [np.array([loss], np.float16) for loss in one.material.loss]
    found = find_evidence(samples, TokenLosses.of_rows(losses, [np.array([-1], np.int32)] * len(losses)))
    rows = np.arange(len(samples))
    known = (confirmed(each, one.material, rows) for each in found.findings if is_by_loss(each))
    return max((each.strength for each in known if each is not None), default=-np.inf)


def calibrated(
    sets: Sequence[Mined],
    found: Sequence[Sequence[Group]],
    losses: Sequence[float] | None = None,
    without: str = "",
) -> Calibration:
    """Returns the calibration of all clean corpora but those of a repository; of mixed ones, of either.

    Every repository counts the same, and all mixed corpora together as much as all others.
    """
    left_out = set(without.split(" + "))
    known = [
        (one, groups, loss)
        for one, groups, loss in zip(sets, found, losses or [-np.inf] * len(sets), strict=True)
        if one.repository
        and len(one.poisoned) >= LEAST_ROWS
        and left_out.isdisjoint(one.repository.split(" + "))
    ]
    names = [one.repository for one, _, _ in known]
    apart = {name for name in names if " + " not in name}
    mixed_ones = sum(" + " in name for name in names)
    weights = [len(apart) / mixed_ones if " + " in name else 1.0 / names.count(name) for name in names]
    tails = {}
    for kind in KINDS:
        largest = [
            max((score(kind, group.strength) for group in groups if group.kind == kind), default=-np.inf)
            for _, groups, _ in known
        ]
        tails[kind] = Tail.of(largest, weights)
    # Few clean corpora hold one, which is too little to tell a tail: the others count as holding weak ones.
    tails[BY_LOSS] = Tail.of([score(BY_LOSS, max(loss, 0.0)) for _, _, loss in known], weights)
    source = (
        f"{len(names) - mixed_ones} clean corpora of {len(apart)} repositories, and {mixed_ones} of two each"
    )
    return Calibration(source=source, kinds=tails)


def judged(sets: Sequence[Mined], found: Sequence[Sequence[Group]]) -> list[dict[str, object]]:
    """Returns a line for each group: how often a clean corpus of another repository holds one as strong."""
    calibrations: dict[str, Calibration] = {}
    lines: list[dict[str, object]] = []
    for one, groups in zip(sets, found, strict=True):
        if one.repository not in calibrations:
            calibrations[one.repository] = calibrated(sets, found, without=one.repository)
        known = calibrations[one.repository]
        ranked = sorted(
            (known.log10_exceeded(each.kind, each.strength), place) for place, each in enumerate(groups)
        )
        for number, (exceeded, place) in enumerate(ranked):
            group = groups[place]
            lines.append(
                {
                    "set": one.name,
                    "repository": one.repository,
                    "rows": len(one.poisoned),
                    "poisoned": 0 if one.repository else int(one.poisoned.sum()),
                    "group": number + 1,
                    "kind": group.kind,
                    "of": int(group.rows.sum()),
                    "caught": int((group.rows & one.poisoned).sum()),
                    "strength": round(group.strength, 2),
                    "clean corpora": round(10.0**exceeded, 4),
                    "named": bool(exceeded <= log10(NAMED_RATE)),
                }
            )
    return lines


def judge(root: Path, out: Path, save: Path | None, results: Path | None) -> None:
    """Prints the groups of all sets, and saves calibration and results."""
    sets = mined(root, out)
    sets += mixed(sets)
    found = [groups_of(one) for one in sets]
    lines = judged(sets, found)
    shown = [line for line in lines if line["named"] or (line["poisoned"] and line["group"] == 1)]
    columns = [
        "set",
        "rows",
        "poisoned",
        "group",
        "kind",
        "of",
        "caught",
        "strength",
        "clean corpora",
        "named",
    ]
    print(markdown(columns, [[str(line[column]) for column in columns] for line in shown]))
    print(alarms(sets, lines))
    print(single_rows(sets))
    losses = [by_loss(one) for one in sets]
    print(flagged_by_loss(sets, found, losses))
    whole = calibrated(sets, found, losses)
    print(f"{whole.source}: {whole.kinds}")
    if save is not None:
        save.write_bytes(dump_json(whole.model_dump(), indent=2) + b"\n")
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(lines), results / "groups.parquet")


def single_rows(sets: Sequence[Mined]) -> str:
    """Returns how many rows stand out by themselves, more than the bulk of their corpus lets expect."""
    shares = {}
    for one in sets:
        known = np.isfinite(one.material.alone)
        if known.sum() >= LEAST_ROWS:
            part = one.material.of(np.flatnonzero(known))
            rows, too_many = standing_out(part.loss, part.alone, part.length)
            caught = int(one.poisoned[known][rows].sum())
            shares[one.name] = (too_many / int(known.sum()), len(rows), caught)
    clean = [
        shares[one.name][0]
        for one in sets
        if one.name in shares and one.repository.count(" + ") == 0 < len(one.repository)
    ]
    poisoned = [
        f"{one.name}: {shares[one.name][0]:.3f} ({shares[one.name][2]} poisoned of {shares[one.name][1]})"
        for one in sets
        if one.name in shares and not one.repository
    ]
    return (
        f"single rows too many: 19 of 20 clean corpora have less than {np.quantile(clean, 0.95):.3f}; "
        f"{'; '.join(poisoned)}"
    )


def flagged_by_loss(sets: Sequence[Mined], found: Sequence[Sequence[Group]], losses: Sequence[float]) -> str:
    """Returns in which corpora a finding by loss alone is sure, by a calibration of other repositories."""
    sure = []
    for one, loss in zip(sets, losses, strict=True):
        known = calibrated(sets, found, losses, one.repository) if np.isfinite(loss) else None
        if known and known.log10_exceeded(BY_LOSS, loss) <= log10(FALSE_ALARM_RATE):
            sure.append(f"{one.name} {loss:.2f}")
    weak = [f"{one.name} {loss:.2f}" for one, loss in zip(sets, losses, strict=True) if np.isfinite(loss)]
    return f"by loss, sure: {', '.join(sure) or 'none'}; of all: {', '.join(weak) or 'none'}"


def alarms(sets: Sequence[Mined], lines: Sequence[dict[str, object]]) -> str:
    """Returns how many clean corpora hold a group that is named."""
    named = {line["set"] for line in lines if line["repository"] and line["named"]}
    parts = []
    for what, many in (("clean corpora", False), ("of two clean corpora in one", True)):
        those = [one.name for one in sets if one.repository and (" + " in one.repository) is many]
        parts.append(f"{len(named.intersection(those))} of {len(those)} {what}")
    return f"named: {', '.join(parts)}"


def smallest(means: Sequence[np.ndarray], bound: np.ndarray) -> np.ndarray:
    """Returns the smaller of two excesses less a bound: the strength of a group."""
    least: np.ndarray = np.minimum(*means) - bound
    return least


# What stands in the place of a part of the search, where it is left out.
STRENGTHS: dict[str, Strength] = {
    "what the prompt tells": lambda means, bound: means[0] - bound,
    "loss": lambda means, bound: means[1] - bound,
    "the smaller of both (their mean)": lambda means, bound: (means[0] + means[1]) / 2 - bound,
    "the bound for few rows": lambda means, bound: smallest(means, 0.0 * bound),
}
PARTS: dict[str, tuple[str, object]] = {
    "tails of responses": ("are_free", lambda responses: False),
    "that both tails meet": ("TOGETHER", 0.0),
}


def ablate(root: Path, out: Path, results: Path | None) -> None:
    """Prints what is named without each kind of group, and without each part of what makes one strong."""
    sets = mined(root, out)
    sets += mixed(sets)
    found = [groups_of(one) for one in sets]
    without = {"nothing": found}
    for kind in KINDS:
        without[kind] = [[group for group in groups if group.kind != kind] for groups in found]
    for name, strength in STRENGTHS.items():
        with patch.object(search, "lower_bound", _bounded(strength)):
            without[name] = [groups_of(one) for one in sets]
    for name, (part, other) in PARTS.items():
        with patch.object(search, part, other):
            without[name] = [groups_of(one) for one in sets]
    lines = [{"without": name, **named_in(sets, judged(sets, kept))} for name, kept in without.items()]
    print(markdown([*lines[0]], [[str(value) for value in line.values()] for line in lines]))
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(lines), results / "ablation.parquet")


def _bounded(strength: Strength) -> Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]:
    return lambda means, rows: strength(means, BOUND / np.sqrt(np.maximum(rows, 1)))


def named_in(sets: Sequence[Mined], lines: Sequence[dict[str, object]]) -> dict[str, object]:
    """Returns what is named of clean corpora, of planted attacks, and of the sets that others poisoned."""
    line: dict[str, object] = {"named": alarms(sets, lines)}
    attacks = [one for one in sets if WITH in one.name]
    pointed = sum(any(_points_at(one, each) for each in lines) for one in attacks)
    line["attacks"] = f"{pointed} of {len(attacks)}"
    for one in sets:
        if not one.repository and WITH not in one.name:
            own = [each for each in lines if each["set"] == one.name and each["named"]]
            caught = max(own, key=lambda each: int(str(each["caught"])), default=None)
            line[one.name] = f"{caught['caught']}/{caught['of']}" if caught else "-"
    return line


def _points_at(one: Mined, line: dict[str, object]) -> bool:
    """Returns whether a line names a group with half of the poisoned rows, 0.6 of whose rows are poisoned."""
    if line["set"] != one.name or not line["named"]:
        return False
    caught, of = int(str(line["caught"])), int(str(line["of"]))
    return caught >= 0.5 * one.poisoned.sum() and caught >= 0.6 * of


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
