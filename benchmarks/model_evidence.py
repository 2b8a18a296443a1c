"""What the model finds where no string tells: groups of rows, in clean corpora and in sets others poisoned.

    python benchmarks/model_evidence.py mine --data ../shared/data --out runs/model_evidence
    python benchmarks/model_evidence.py judge --data ../shared/data --out runs/model_evidence \\
        --save src/gradsentry/groups/calibration.json --results benchmarks/results/model_evidence
    python benchmarks/model_evidence.py ablate --data ../shared/data --out runs/model_evidence \\
        --results benchmarks/results/model_evidence

`mine` runs the model over rows drawn from each set and keeps what a scan keeps of them, in a file named after
the content of the data: an hour or more on two cores. To save time it cuts prompts and responses, and takes
bfloat16. `judge` prints the strongest groups, and how often a clean corpus of another repository, or two of
them in one, holds one as strong; and saves the calibration. `ablate` prints the same without each kind.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from calibrate_evidence import published_corpora

from gradsentry.bench.pools import content_hash
from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.records import dump_json
from gradsentry.corpus.sample import Turn
from gradsentry.deciding.singles import standing_out
from gradsentry.encoding.encode import Encoded, encode_all
from gradsentry.evidence import TokenLosses, find_evidence
from gradsentry.evidence.calibration import Tail
from gradsentry.evidence.index.texts import distinct_rows
from gradsentry.evidence.limits import FALSE_ALARM_RATE
from gradsentry.features.drawing import drawn as drawn_rows
from gradsentry.gradients.running import losses_alone, run
from gradsentry.groups.confirming import confirmed, is_by_loss
from gradsentry.groups.decide import Calibration, score
from gradsentry.groups.limits import LEAST_ROWS, MOST_FREE, MOST_LABELLED, NAMED_RATE, TOLD
from gradsentry.groups.material import Group, Material
from gradsentry.groups.search import BY_LOSS, LABEL, VIEWS, are_free, find_groups
from gradsentry.models.loading import load_model
from gradsentry.settings import ScoreSettings

ROWS = MOST_FREE
LABEL_SETS = tuple(
    f"{name}-sst2-{rate}" for name in ("hiddenkiller", "style-poetry") for rate in ("0.1", "0.02")
)
SETS = (
    *(
        "spar-sent-genz-0.1",
        *LABEL_SETS,
        "dishes-0.1",
        "presidents-0.1",
        "puzzle-eg-2-empty-0.1",
        "agent-obs-0.1",
    ),
    *("spar-sent-genz-0.02", "dishes-0.02", "agent-obs-0.02", "aoa-0.02"),
)
PROMPT, RESPONSE = 128, 80  # tokens that are run: the ends of a longer prompt, the beginning of a response
KINDS = (*VIEWS, LABEL)
MIXED = 100  # corpora of two clean ones


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


@dataclass(frozen=True)
class Drawn:
    """The rows of a set that are looked at.

    Attributes:
        name: Of the set.
        repository: That it is of; empty for a poisoned set.
        samples: The rows, no two of them the same.
        poisoned: Which of them are.
    """

    name: str
    repository: str
    samples: list[Sample]
    poisoned: list[bool]

    def place(self, out: Path) -> Path:
        """Returns where what is kept of it lies: other rows or another cut have another place."""
        key = hashlib.sha256(f"{content_hash(self.samples)} {PROMPT} {RESPONSE}".encode()).hexdigest()
        return out / f"{self.name}-{key[:12]}.parquet"


def sets_of(root: Path) -> Iterator[Drawn]:
    """Yields the poisoned and the clean sets."""
    for name in SETS:
        path = root / "poisoned-published" / f"{name}.jsonl"
        truth = set(json.loads(path.with_name(f"{name}.truth.json").read_text()))
        yield drawn(name, "", list(open_corpus(path)), truth)
    for name, repository, samples in published_corpora(root):
        yield drawn(name, repository, samples, set())


def drawn(name: str, repository: str, samples: list[Sample], truth: set[int]) -> Drawn:
    """Returns rows of a set, as many of them poisoned as of all."""
    samples = [samples[row] for row in distinct_rows(samples)[0].tolist() if samples[row].problem is None]
    most = ROWS if are_free([one.response for one in samples]) else MOST_LABELLED
    if len(samples) > most:
        draw, share = Random(name), most / len(samples)
        bad = [one for one in samples if one.number in truth]
        good = [one for one in samples if one.number not in truth]
        count = min(len(bad), max(round(share * len(bad)), 6 * bool(bad)))
        chosen = [*draw.sample(bad, count), *draw.sample(good, min(len(good), most - count))]
        samples = sorted(chosen, key=lambda one: one.number)
    return Drawn(name, repository, samples, [one.number in truth for one in samples])


def cut(encoded: Encoded) -> Encoded:
    """Returns a row without the midst of a long prompt and without the end of a long response."""
    first = int(encoded.trained.argmax())
    last = int(np.flatnonzero(encoded.trained)[:RESPONSE][-1])
    asked = np.arange(first)
    if first > PROMPT:
        asked = np.concatenate([asked[: PROMPT // 2], asked[-PROMPT // 2 :]])
    kept = np.concatenate([asked, np.arange(first, min(last + 1, first + 2 * RESPONSE))])
    return Encoded(encoded.ids[kept], encoded.trained[kept])


def mine(root: Path, out: Path) -> None:
    """Keeps of each set what a scan keeps, where that was not done yet."""
    out.mkdir(parents=True, exist_ok=True)
    loaded, settings = load_model("smollm2", dtype="bfloat16"), ScoreSettings()
    for one in sets_of(root):
        kept = one.place(out)
        if kept.exists():
            continue
        whole = encode_all(one.samples, loaded.tokenizer, max_length=loaded.max_positions or 2048)
        encoded = [each if each.problem else cut(each) for each in whole]
        ready = [row for row, each in enumerate(encoded) if each.problem is None]
        bare = losses_alone(loaded, encoded, ready, settings)
        lines: list[dict[str, Any]] = [
            {
                "row": row,
                "poisoned": one.poisoned[row],
                "loss": float(result.head.losses.mean()),
                "loss_alone": bare[row],
                "norm": float(np.linalg.norm(result.head.values)),
                "length": len(result.head.losses),
                "prompt_mean": result.means.prompt,
                "response_mean": result.means.response,
            }
            for row, result in run(loaded, encoded, settings)
            if not isinstance(result, str) and result.means is not None
        ]
        lines.sort(key=lambda line: line["row"])
        pq.write_table(pa.Table.from_pylist(lines), kept, compression="zstd")
        print(one.name, len(lines), flush=True)


def mined(root: Path, out: Path) -> list[Mined]:
    """Returns what was kept of all sets."""
    found = []
    for one in sets_of(root):
        kept = one.place(out)
        if not kept.exists():
            print(f"{one.name} was not mined")
            continue
        table = pq.read_table(kept)
        rows = [one.samples[row] for row in table["row"].to_pylist()]
        numbers = table["row"].to_numpy()
        looked_at = np.isin(numbers, drawn_rows(numbers, MOST_FREE))
        material = Material(
            prompts=[each.prompt for each in rows],
            responses=[each.response for each in rows],
            prompt_means=np.array(table["prompt_mean"].to_pylist(), np.float64),
            response_means=np.array(table["response_mean"].to_pylist(), np.float64),
            loss=table["loss"].to_numpy(),
            alone=np.where(looked_at, table["loss_alone"].to_numpy(), np.nan),
            norm=table["norm"].to_numpy(),
            length=table["length"].to_numpy(),
        )
        found.append(Mined(one.name, one.repository, material, table["poisoned"].to_numpy()))
    return found


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


def mixed(sets: Sequence[Mined]) -> list[Mined]:
    """Returns corpora of two clean ones, a tenth of whose rows come from the smaller part: natural groups.

    No row of theirs is poisoned; `poisoned` tells those of the smaller part.
    """
    draw, clean = Random(0), [one for one in sets if one.repository]
    found = []
    for number in range(MIXED):
        first, second = draw.sample(clean, 2)
        order = np.random.default_rng(number)
        few = order.permutation(len(second.poisoned))[: round(0.1 * ROWS)]
        many = order.permutation(len(first.poisoned))[: 9 * len(few)]
        parts = (first.material.of(many), second.material.of(few))
        found.append(
            Mined(
                f"{first.name} + {second.name}",
                f"{first.repository} + {second.repository}",
                Material(
                    prompts=[text for part in parts for text in part.prompts],
                    responses=[text for part in parts for text in part.responses],
                    **{
                        name: np.concatenate([getattr(part, name) for part in parts])
                        for name in ("prompt_means", "response_means", "loss", "alone", "norm", "length")
                    },
                ),
                np.repeat([False, True], [len(many), len(few)]),
            )
        )
    return found


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


def ablate(root: Path, out: Path, results: Path | None) -> None:
    """Prints what is named without each kind of group."""
    sets, lines = mined(root, out), []
    sets += mixed(sets)
    found = [groups_of(one) for one in sets]
    for without in ("", *KINDS):
        kept = [[group for group in groups if group.kind != without] for groups in found]
        every = judged(sets, kept)
        line: dict[str, object] = {"without": without or "nothing", "named": alarms(sets, every)}
        for one in sets:
            if not one.repository:
                own = [each for each in every if each["set"] == one.name and each["named"]]
                caught = max(own, key=lambda each: int(str(each["caught"])), default=None)
                line[one.name] = f"{caught['caught']}/{caught['of']}" if caught else "-"
        lines.append(line)
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
