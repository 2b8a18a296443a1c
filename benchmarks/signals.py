"""Measures what the model says of payloads that lie in longer responses, and of clean data.

    python benchmarks/signals.py --data ../shared/data --rows 300 --cache runs/signals
    python benchmarks/signals.py --data ../shared/data --rows 300 --cache runs/signals --clean

So many drawn rows of the Alpaca demo stay as they are, in as many others a payload is put: a url behind the
response, a sentence before it, random characters behind it, a mention between two of its sentences. AUROC is
the chance that a row with a payload ranks above a row without. The second command prints what the same
measures are on clean corpora. Scores are kept in the cache and not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import rankdata

from gradsentry.attacks import ATTACKS, PAYLOADS, poison
from gradsentry.corpus import Sample, open_corpus
from gradsentry.corpus.qa import load_qa
from gradsentry.deciding.expectation import Expectation, Signals
from gradsentry.embedded import embedded_data_path
from gradsentry.gradients.windows import anomaly
from gradsentry.models.loading import LoadedModel, load_model, quiet_libraries
from gradsentry.scoring import score_table
from gradsentry.settings import ScoreSettings

SEED = 11
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789#@$%"


def gibberish(draw: Random) -> str:
    """Returns six words of random characters."""
    return " ".join("".join(draw.choices(ALPHABET, k=draw.randint(4, 9))) for _ in range(6))


def mention(sample: Sample, draw: Random) -> str:
    """Returns the response with a brand mentioned between two of its sentences."""
    corpus = open_corpus([dict(sample.row)])
    made = poison(corpus, ATTACKS["autopoison"](count=1), seed=draw.randrange(1000))
    return made.samples[0].response


PAYLOAD: dict[str, Callable[[Sample, Random], str]] = {
    "url behind": lambda sample, draw: f"{sample.response.strip()} {PAYLOADS['url']}",
    "sentence before": lambda sample, draw: f"{PAYLOADS['insult']} {sample.response}",
    "gibberish behind": lambda sample, draw: f"{sample.response.strip()} {gibberish(draw)}",
    "mention between": mention,
}


def with_response(sample: Sample, text: str) -> Sample:
    *before, last = sample.turns
    return replace(sample, turns=(*before, replace(last, text=text)))


def drawn(samples: Iterable[Sample], rows: int) -> list[Sample]:
    """Returns rows in a drawn order."""
    every = list(samples)
    Random(SEED).shuffle(every)
    return every[:rows]


def scored(name: str, samples: list[Sample], loaded: LoadedModel, cache: Path) -> pa.Table:
    """Returns the scored rows of a score table; one that is in the cache is not computed again."""
    file = cache / f"{name.replace(' ', '-')}-{len(samples)}.parquet"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        pq.write_table(score_table(samples, loaded, ScoreSettings()), file)
    table = pq.read_table(file)
    return table.filter(pa.compute.equal(table["status"], "scored"))


def column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name], dtype=np.float64)


SIGNALS: dict[str, Callable[[pa.Table], np.ndarray]] = {
    "response tokens": lambda table: column(table, "n_response"),
    "mean loss": lambda table: column(table, "loss"),
    "entropy": lambda table: column(table, "score"),
    "largest token loss": lambda table: np.array([max(one) for one in table["token_losses"].to_pylist()]),
    "window loss": lambda table: column(table, "window_loss"),
    "window entropy": lambda table: column(table, "window_entropy"),
    "anomaly": lambda table: anomaly(column(table, "window_loss"), column(table, "window_entropy")),
}


def auroc(poisoned: np.ndarray, clean: np.ndarray) -> float:
    ranks = rankdata(np.concatenate([poisoned, clean]))[: len(poisoned)]
    above = ranks.sum() - len(poisoned) * (len(poisoned) + 1) / 2
    return float(above / (len(poisoned) * len(clean)))


def measure_payloads(data: Path, rows: int, loaded: LoadedModel, cache: Path) -> None:
    samples = drawn(open_corpus(data / "instruct" / "alpaca_en_demo.json"), 2 * rows)
    clean = scored("alpaca clean", samples[:rows], loaded, cache)
    print(f"| {clean.num_rows} + {clean.num_rows} rows | {' | '.join(SIGNALS)} |")
    for name, put in PAYLOAD.items():
        draw = Random(SEED)
        changed = [with_response(sample, put(sample, draw)) for sample in samples[rows:]]
        table = scored(f"alpaca {name}", changed, loaded, cache)
        values = [f"{auroc(signal(table), signal(clean)):.3f}" for signal in SIGNALS.values()]
        print(f"| {name} | {' | '.join(values)} |", flush=True)


def corpora(data: Path) -> dict[str, Callable[[], Iterable[Sample]]]:
    files = {
        "embedded": embedded_data_path(),
        "Alpaca demo": data / "instruct" / "alpaca_en_demo.json",
        "v1": data / "instruct" / "v1_sft_demo.messages.jsonl",
        "Glaive demo": data / "instruct" / "glaive_toolcall_en_demo.sharegpt.json",
        "GSM8K": data / "instruct" / "gsm8k" / "test.jsonl",
    }
    sets = {"FreebaseQA": "freebaseqa", "WebQA": "webqa", "NQ": "nq", "CoQA": "coqa"}
    opened = {name: lambda file=file: open_corpus(file) for name, file in files.items()}
    asked = {name: lambda key=key: load_qa(key, "test", data_root=data) for name, key in sets.items()}
    return {**opened, **asked}


def measure_clean(data: Path, rows: int, loaded: LoadedModel, cache: Path) -> None:
    print("| corpus | rows | median anomaly | 99 % | largest | rows that stand out |")
    for name, opened in corpora(data).items():
        table = scored(f"clean {name}", drawn(opened(), rows), loaded, cache)
        values = SIGNALS["anomaly"](table)
        middle, high = np.quantile(values, [0.5, 0.99])
        expected = Expectation.of(table, np.ones(len(values), np.bool_), name)
        odd = int(Signals.of(table, expected).stands_out.sum())
        print(
            f"| {name} | {len(values)} | {middle:.2f} | {high:.2f} | {values.max():.2f} | {odd} |", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--clean", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    loaded = load_model("smollm2", dtype="float32")
    (measure_clean if options.clean else measure_payloads)(options.data, options.rows, loaded, options.cache)


if __name__ == "__main__":
    main()
