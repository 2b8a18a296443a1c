"""Makes the calibration of evidence from clean corpora of many genres, and judges it on those left out.

    python benchmarks/calibrate_evidence.py mine --data ../shared/data --out runs/calibration
    python benchmarks/calibrate_evidence.py fit --out runs/calibration \\
        --save src/gradsentry/evidence/calibration.json
    python benchmarks/calibrate_evidence.py ablate --out runs/calibration

`mine` keeps the statistics of every candidate of the clean corpora, of parts drawn from them, and of the same
corpora with attacks drawn at random planted in them (`planting.py`). `fit` fits the weights and the tails,
and prints what is flagged of each repository's clean corpora by a calibration that has not seen it
(`calibration_judged.py`). `ablate` prints the same without each part of the decision.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from calibration_judged import SHOWN, TASK, Line, fitting_of, is_clean, judge, parts_of, without
from installed_corpora import python_corpora, written
from planting import labels_of, plant

from gradsentry.bench.tables import markdown
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import QA_SETS, load_qa
from gradsentry.evidence.calibrating import proposed
from gradsentry.evidence.index.rows import distinct_rows
from gradsentry.evidence.index.tasks import tasks_of
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import LEAST

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
INSTALLED = "installed_corpora.py"
ROWS = 1000
PART = 200  # rows of a drawn part: small corpora have candidates of their own
DRAWS = 10  # planted corpora of each clean one
FEW_DRAWS = 3  # of one made out of a Python package: those are there for what is natural
POOL_DRAWS = 3  # and so many with a pool of payloads
LABEL_DRAWS = 10  # and so many more of one that has labels


def repositories(root: Path) -> dict[str, str]:
    """Returns the repository of each corpus in `clean/`, by its name."""
    lines = (root / "clean" / "README.md").read_text(encoding="utf-8").splitlines()
    found = [re.match(r"\| (\S+)\.jsonl \|[^|]*\|[^|]*\| (\S+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def clean_corpora(root: Path, out: Path) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yields the name, the repository and the rows of each clean corpus.

    What is made out of Python packages is one repository, though it has several genres: a few lines made all.
    """
    for file in written(python_corpora(), out / "python"):
        yield file.stem, INSTALLED, list(open_corpus(file))
    yield from published_corpora(root)


def published_corpora(root: Path) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yields the name, the repository and the rows of each clean corpus that was made for fine-tuning."""
    known = repositories(root)
    for name, repository in sorted(known.items()):
        yield name, repository, list(open_corpus(root / "clean" / f"{name}.jsonl"))
    for name, file in OTHERS.items():
        yield name, REPOSITORY.get(name, name), list(open_corpus(root / file))[:ROWS]
    for name in sorted(QA_SETS):
        yield name, "GraCeFul", list(load_qa(name, "test", data_root=root))[:ROWS]


def _mined(job: tuple[str, str, list[Sample]]) -> list[Line]:
    """Returns a line for each candidate of a clean corpus, of a part of it, and of it with attacks."""
    name, repository, samples = job
    draw = Random(name)
    found = _lines(f"{name}", repository, samples, None)
    tasks = tasks_in(samples)
    for number, task in enumerate(tasks):
        found += _lines(f"{name}{TASK}{number}", repository, task, None, searches=len(tasks))
    if len(samples) >= 2 * PART:
        found += _lines(f"{name} part", repository, draw.sample(samples, PART), None)
    labels = bool(labels_of(samples))
    draws = FEW_DRAWS if repository == INSTALLED else DRAWS
    for number in range(draws + labels * LABEL_DRAWS):
        planted = plant(samples, draw, "label" if number >= draws else "")
        found += _lines(f"{name} {planted.name} {number}", repository, planted.samples, planted.poisoned)
    draw = Random(f"{name} pool")  # of its own: the other draws stay what they were
    for number in range(POOL_DRAWS):
        planted = plant(samples, draw, "pool")
        found += _lines(f"{name} {planted.name} {number}", repository, planted.samples, planted.poisoned)
    return found


def tasks_in(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Returns the tasks of a mixture, which are searched by themselves too; none where it is one task."""
    different = [samples[row] for row in distinct_rows(samples)[0]]
    return [[different[row] for row in rows] for rows in tasks_of(Texts.of(different, least=LEAST))]


def _lines(
    corpus: str,
    repository: str,
    samples: Sequence[Sample],
    poisoned: frozenset[int] | None,
    searches: int = 1,
) -> list[Line]:
    """Returns a line for each candidate; one without a candidate where there is none.

    Args:
        corpus: The name of the corpus.
        repository: Where it is from.
        samples: Its rows.
        poisoned: Which of them are poisoned; None of a clean corpus.
        searches: How many searches of the whole corpus this is one of, which share its false alarms.
    """
    common: Line = {"corpus": corpus, "repository": repository, "corpus_rows": len(samples)}
    common["searches"] = searches
    common["poisoned"] = -1 if poisoned is None else len(poisoned)
    lines: list[Line] = [{**common, "kind": "", "caught": 0, "rows": 0, "said": "", "generator": ""}]
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
                "ruled_out": "; ".join(one.ruled_out),
                "doubts": "; ".join(one.doubts),
            }
        )
    return lines


def mine(root: Path, out: Path, workers: int) -> None:
    """Writes the statistics of all candidates."""
    out.mkdir(parents=True, exist_ok=True)
    lines: list[Line] = []
    with ProcessPoolExecutor(workers) as pool:
        for done in pool.map(_mined, clean_corpora(root, out)):
            lines += done
            print(done[0]["corpus"], len(done), flush=True)
    names = [
        "corpus",
        "repository",
        "corpus_rows",
        "searches",
        "poisoned",
        "kind",
        "generator",
        "rows",
        "caught",
        "strengths",
        "said",
        "ruled_out",
        "doubts",
    ]
    pq.write_table(
        pa.table({name: [line.get(name) for line in lines] for name in names}), out / "candidates.parquet"
    )


def fit(out: Path, save: Path | None) -> None:
    """Fits, saves, and prints what is flagged of each repository that was left out."""
    lines = pq.read_table(out / "candidates.parquet").to_pylist()
    fitting, known = fitting_of(lines)
    clean = {str(line["corpus"]) for line in lines if is_clean(line) and TASK not in str(line["corpus"])}
    whole = fitting.calibration(f"{len(clean)} clean corpora and parts of them, of {len(known)} repositories")
    if save is not None:
        whole.save(save)
    print({kind: weighed.tail.model_dump() for kind, weighed in whole.kinds.items()})
    judged = judge(lines)
    head = ["clean corpus, its repository left out", "outcome", "log10 p", "kind", "rows", "what"]
    print(markdown(head, judged.alarms))
    print(dict(judged.outcomes))
    print(markdown(["planted", "corpora", "proposed", "flagged", "suspicious"], judged.caught()))


def ablate(out: Path, workers: int) -> None:
    """Prints what is judged without each statistic, generator, reason against a candidate, and doubt."""
    lines = pq.read_table(out / "candidates.parquet").to_pylist()
    parts = [("nothing", ""), *parts_of(lines)]
    with ProcessPoolExecutor(workers, initializer=_keep, initargs=(lines,)) as pool:
        rows = []
        for row in pool.map(_without, parts):
            rows.append(row)
            print(*row, file=sys.stderr, flush=True)
    print(markdown(["without", "", "poisoned", "suspicious", *SHOWN], rows))


_LINES: list[Line] = []


def _keep(lines: list[Line]) -> None:
    _LINES.extend(lines)


def _without(part: tuple[str, str]) -> list[str]:
    judged = judge(without(_LINES, *part))
    return [*part, str(judged.outcomes["poisoned"]), str(judged.outcomes["suspicious"]), *judged.shown()]


def main() -> None:
    """Reads the options and runs a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=("mine", "fit", "ablate"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if options.part == "mine":
        mine(options.data, options.out, options.workers)
    elif options.part == "ablate":
        ablate(options.out, options.workers)
    else:
        fit(options.out, options.save)


if __name__ == "__main__":
    main()
