"""Makes the calibration of evidence from clean corpora of many genres, and judges it on those left out.

    python benchmarks/calibrate_evidence.py mine --data ../shared/data --out runs/calibration
    python benchmarks/calibrate_evidence.py fit --out runs/calibration \\
        --save src/gradsentry/evidence/calibration.json

`mine` keeps the statistics of every candidate of the clean corpora, of parts drawn from them, and of the same
corpora with attacks drawn at random planted in them (`planting.py`). `fit` fits the weights and the tails,
and prints what is flagged of each repository's clean corpora by a calibration that has not seen it.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from planting import labels_of, plant

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import QA_SETS, load_qa
from gradsentry.evidence.calibrating import Candidates, Corpora, Fitting, proposed
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.decide import KINDS
from gradsentry.evidence.limits import FALSE_ALARM_RATE, LOOK

OTHERS = {
    "alpaca": "instruct/alpaca_en_demo.json",
    "glaive": "instruct/glaive_toolcall_en_demo.sharegpt.json",
    "v1": "instruct/v1_sft_demo.messages.jsonl",
    "gsm8k": "instruct/gsm8k/test.jsonl",
}
REPOSITORY = {
    "alpaca": "hiyouga/LLaMA-Factory",
    "glaive": "hiyouga/LLaMA-Factory",
    "v1": "hiyouga/LLaMA-Factory",
}
ROWS = 1000
PART = 200  # rows of a drawn part: small corpora have candidates of their own
DRAWS = 8  # planted corpora of each clean one
LABEL_DRAWS = 10  # and so many more of one that has labels
CAUGHT, COVERED = 0.9, 0.5  # of a candidate's rows are poisoned, and of the poisoned rows are its own


def repositories(root: Path) -> dict[str, str]:
    """Returns the repository of each corpus in `clean/`, by its name."""
    lines = (root / "clean" / "README.md").read_text(encoding="utf-8").splitlines()
    found = [re.match(r"\| (\S+)\.jsonl \|[^|]*\|[^|]*\| (\S+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def clean_corpora(root: Path) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yields the name, the repository and the rows of each clean corpus."""
    known = repositories(root)
    for name, repository in sorted(known.items()):
        yield name, repository, list(open_corpus(root / "clean" / f"{name}.jsonl"))
    for name, file in OTHERS.items():
        yield name, REPOSITORY.get(name, name), list(open_corpus(root / file))[:ROWS]
    for name in sorted(QA_SETS):
        yield name, "GraCeFul", list(load_qa(name, "test", data_root=root))[:ROWS]


def _mined(job: tuple[str, str, list[Sample]]) -> list[dict[str, object]]:
    """Returns a line for each candidate of a clean corpus, of a part of it, and of it with attacks."""
    name, repository, samples = job
    draw = Random(name)
    found = _lines(f"{name}", repository, samples, None)
    if len(samples) >= 2 * PART:
        found += _lines(f"{name} part", repository, draw.sample(samples, PART), None)
    labels = bool(labels_of(samples))
    for number in range(DRAWS + labels * LABEL_DRAWS):
        planted = plant(samples, draw, label=number >= DRAWS)
        found += _lines(f"{name} {planted.name} {number}", repository, planted.samples, planted.poisoned)
    return found


def _lines(
    corpus: str, repository: str, samples: Sequence[Sample], poisoned: frozenset[int] | None
) -> list[dict[str, object]]:
    """Returns a line for each candidate; one without a candidate where there is none."""
    common = {"corpus": corpus, "repository": repository, "corpus_rows": len(samples)}
    common["poisoned"] = -1 if poisoned is None else len(poisoned)
    lines: list[dict[str, object]] = [
        {**common, "kind": "", "caught": 0, "rows": 0, "said": "", "generator": ""}
    ]
    for one in proposed(samples):
        rows = np.flatnonzero(one.rows).tolist()
        lines.append(
            {
                **common,
                "kind": one.kind,
                "generator": one.generator,
                "rows": len(rows),
                "caught": len(poisoned & set(rows)) if poisoned is not None else 0,
                "strengths": json.dumps(one.strengths),
                "said": one.said[:200],
            }
        )
    return lines


def mine(root: Path, out: Path, workers: int) -> None:
    """Writes the statistics of all candidates."""
    out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, object]] = []
    with ProcessPoolExecutor(workers) as pool:
        for done in pool.map(_mined, clean_corpora(root)):
            lines += done
            print(done[0]["corpus"], len(done), flush=True)
    names = [
        "corpus",
        "repository",
        "corpus_rows",
        "poisoned",
        "kind",
        "generator",
        "rows",
        "caught",
        "strengths",
        "said",
    ]
    pq.write_table(
        pa.table({name: [line.get(name) for line in lines] for name in names}), out / "candidates.parquet"
    )


def fitting_of(lines: Sequence[dict[str, object]]) -> tuple[Fitting, list[str]]:
    """Returns what fits a calibration to candidates, and the names of the repositories."""
    names = sorted({str(line["corpus"]) for line in lines})
    number = {name: at for at, name in enumerate(names)}
    repository_of = {str(line["corpus"]): str(line["repository"]) for line in lines}
    known = sorted(set(repository_of.values()))
    clean = {str(line["corpus"]): _is_clean(line) for line in lines}
    found = {}
    for kind in KINDS:
        own = [line for line in lines if line["kind"] == kind and (_is_clean(line) or is_planted(line))]
        found[kind] = Candidates(
            strengths=[json.loads(str(line["strengths"])) for line in own],
            planted=np.array([is_planted(line) for line in own], dtype=np.bool_),
            corpus=np.array([number[str(line["corpus"])] for line in own], dtype=np.int64),
        )
    origins = [name.split(" ")[0] for name in names]
    corpora = Corpora(
        repository=np.array([known.index(repository_of[name]) for name in names], dtype=np.int64),
        origin=np.array([origins.index(origin) for origin in origins], dtype=np.int64),
        clean=np.array([clean[name] for name in names], dtype=np.bool_),
    )
    return Fitting(found, corpora), known


def _is_clean(line: dict[str, object]) -> bool:
    return line["poisoned"] == -1


def is_planted(line: dict[str, object]) -> bool:
    """Returns whether a candidate is the attack that was planted."""
    rows, caught, poisoned = (int(str(line[name])) for name in ("rows", "caught", "poisoned"))
    return poisoned > 0 and rows > 0 and caught >= CAUGHT * rows and caught >= COVERED * poisoned


def log10_p(line: dict[str, object], calibration: Calibration) -> float:
    """Returns how often a clean corpus holds so strong a candidate, as `decide` does."""
    return calibration.score(str(line["kind"]), json.loads(str(line["strengths"])))[1]


def fit(out: Path, save: Path | None) -> None:
    """Fits, saves, and prints what is flagged of each repository that was left out."""
    lines = pq.read_table(out / "candidates.parquet").to_pylist()
    fitting, known = fitting_of(lines)
    clean = {str(line["corpus"]) for line in lines if _is_clean(line)}
    whole = fitting.calibration(f"{len(clean)} clean corpora and parts of them, of {len(known)} repositories")
    if save is not None:
        whole.save(save)
    print({kind: weighed.tail.model_dump() for kind, weighed in whole.kinds.items()})
    corpora: dict[str, list[dict[str, object]]] = defaultdict(list)
    for line in lines:
        corpora[str(line["corpus"])].append(line)
    alarms, outcomes, found = [], Counter[str](), defaultdict(list)
    for at, repository in enumerate(known):
        unseen = fitting.calibration("", at)
        for corpus, own in corpora.items():
            if own[0]["repository"] == repository:
                values = [(log10_p(line, unseen), line) for line in own if line["kind"]]
                if _is_clean(own[0]):
                    outcome, alarm = _outcome(values)
                    outcomes[outcome] += 1
                    alarms += [[corpus, outcome, *alarm]] if outcome != "clean" else []
                else:
                    planted = [value for value, line in values if is_planted(line)]
                    found[_size(corpus, own[0])].append((bool(planted), min(planted, default=0.0)))
    head = ["clean corpus, its repository left out", "outcome", "log10 p", "kind", "rows", "what"]
    print(markdown(head, alarms))
    print(dict(outcomes))
    print(markdown(["planted", "corpora", "proposed", "flagged", "suspicious"], _caught(found)))


HIGH, LOW = math.log10(FALSE_ALARM_RATE), math.log10(LOOK * FALSE_ALARM_RATE)


def _outcome(values: Sequence[tuple[float, dict[str, object]]]) -> tuple[str, list[str]]:
    """Returns the verdict on a corpus, and its strongest candidate in words."""
    value, line = min(values, key=lambda pair: pair[0], default=(0.0, {}))
    outcome = "poisoned" if value <= HIGH else "suspicious" if value <= LOW else "clean"
    return outcome, [f"{value:.1f}", *(str(line.get(name))[:60] for name in ("kind", "rows", "said"))]


def _size(corpus: str, line: dict[str, object]) -> str:
    """Returns what was planted in a corpus, and in how many rows."""
    rows = int(str(line["poisoned"]))
    size = "under 10" if rows < 10 else "10 to 29" if rows < 30 else "30 and more"
    return f"{corpus.split(' ')[-2]}, {size} rows"


def _caught(found: dict[str, list[tuple[bool, float]]]) -> list[list[str]]:
    """Returns a line for each kind of attack: how often it was proposed, flagged, and named suspicious."""
    lines = []
    for name, corpora in sorted(found.items()):
        proposals, values = zip(*corpora, strict=True)
        shares = (np.mean(proposals), np.mean(np.array(values) <= HIGH), np.mean(np.array(values) <= LOW))
        lines.append([name, str(len(corpora)), *(f"{share:.2f}" for share in shares)])
    return lines


def main() -> None:
    """Reads the options and runs a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=("mine", "fit"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.part == "mine":
        mine(options.data, options.out, options.workers)
    else:
        fit(options.out, options.save)


if __name__ == "__main__":
    main()
