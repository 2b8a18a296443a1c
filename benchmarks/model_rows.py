"""The rows that `model_evidence.py` judges: drawn from clean and poisoned sets, run, kept, and read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from calibrate_evidence import published_corpora

from gradsentry.bench.pools import build_pool, content_hash, draw_mix, draw_rows, load_rows
from gradsentry.bench.spec import Spec
from gradsentry.corpus import Sample, open_corpus
from gradsentry.encoding.encode import Encoded, encode_all
from gradsentry.evidence.index.rows import distinct_rows
from gradsentry.features.drawing import drawn as drawn_rows
from gradsentry.gradients.running import losses_alone, run
from gradsentry.groups.limits import MOST_FREE, MOST_LABELLED
from gradsentry.groups.material import Material
from gradsentry.groups.search import are_free
from gradsentry.models.loading import LoadedModel, load_model
from gradsentry.settings import ScoreSettings

ROWS = MOST_FREE
SPEC = Path(__file__).with_name("model_evidence.yaml")
WITH = " with "  # stands between a corpus and the attack that was planted in it
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
    """Yields the sets that others poisoned, those with planted attacks, and the clean ones."""
    for name in SETS:
        path = root / "poisoned-published" / f"{name}.jsonl"
        truth = set(json.loads(path.with_name(f"{name}.truth.json").read_text()))
        yield drawn(name, "", list(open_corpus(path)), truth)
    yield from planted()
    for name, repository, samples in published_corpora(root):
        yield drawn(name, repository, samples, set())


def planted() -> Iterator[Drawn]:
    """Yields the corpora of free responses of `model_evidence.yaml`, each with one of its attacks.

    The rows that stay clean are the same in all of them but those that another attack poisons.
    """
    spec = Spec.read_yaml(SPEC)
    rate = max(spec.rates)
    for data in spec.data:
        clean = draw_rows(load_rows(data), ROWS, 0)
        if not are_free([one.response for one in clean]):
            continue
        for one in spec.attacks:
            if one.name in (data.attacks or [one.name]):
                attack = one.build()
                pool = build_pool(clean, attack, 0, one.rows)
                mix = draw_mix(pool, attack, rate, 0)
                samples = [pool.samples[row] for row in mix.rows.tolist()]
                yield Drawn(f"{data.shown}{WITH}{one.shown}", "", samples, mix.is_poisoned.tolist())


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
    loaded = load_model("smollm2", dtype="bfloat16")
    known: dict[str, dict[str, Any] | None] = {}  # rows that stand in several sets are run once
    for one in sets_of(root):
        kept = one.place(out)
        if kept.exists():
            continue
        keys = [content_hash([sample]) for sample in one.samples]
        new = {key: sample for key, sample in zip(keys, one.samples, strict=True) if key not in known}
        known |= dict(zip(new, lines_of(list(new.values()), loaded), strict=True))
        lines = [
            {**line, "row": row, "poisoned": one.poisoned[row]}
            for row, key in enumerate(keys)
            if (line := known[key]) is not None
        ]
        pq.write_table(pa.Table.from_pylist(lines), kept, compression="zstd")
        print(one.name, len(lines), flush=True)


def lines_of(samples: list[Sample], loaded: LoadedModel) -> list[dict[str, Any] | None]:
    """Returns what a scan keeps of each row; None of one that cannot be scored."""
    settings = ScoreSettings()
    whole = encode_all(samples, loaded.tokenizer, max_length=loaded.max_positions or 2048)
    encoded = [each if each.problem else cut(each) for each in whole]
    ready = [row for row, each in enumerate(encoded) if each.problem is None]
    bare = losses_alone(loaded, encoded, ready, settings)
    lines: list[dict[str, Any] | None] = [None] * len(samples)
    for row, result in run(loaded, encoded, settings):
        if not isinstance(result, str) and result.means is not None:
            lines[row] = {
                "loss": float(result.head.losses.mean()),
                "loss_alone": bare[row],
                "norm": float(np.linalg.norm(result.head.values)),
                "length": len(result.head.losses),
                "prompt_mean": result.means.prompt,
                "response_mean": result.means.response,
            }
    return lines


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
