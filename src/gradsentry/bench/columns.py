"""What the columns of a benchmark's files mean, with their units.

docs/results.md is written from here:

    python -m gradsentry.bench.columns > docs/results.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_SHARE, _TOKENS, _ROWS, _TEXT = "share, 0 to 1", "tokens", "rows", "text"

Column = tuple[str, str]
"""The unit of a column, and its meaning."""

METRIC_COLUMNS: Mapping[str, Column] = {
    "recall": (_SHARE, "Flagged of the poisoned rows."),
    "fpr": (_SHARE, "False-positive rate: flagged of the clean rows, decoys among them."),
    "precision": (_SHARE, "Poisoned of the flagged rows."),
    "f1": (_SHARE, "2 TP / (2 TP + FP + FN)."),
    "auroc": (_SHARE, "The chance that a poisoned row scores above a clean one; ties count half."),
    "average_precision": (
        _SHARE,
        "The precision among all rows that score as high, its mean over poisoned rows.",
    ),
    "recall_at_1_fpr": (_SHARE, "The recall of the bar that at most 1 % of the clean rows lie above."),
    "matched_auroc": (
        _SHARE,
        "Of all pairs of a poisoned and a clean row with as many response tokens, pooled over all lengths, "
        "the share in which the poisoned one scores higher; ties count half. So a length counts by its "
        "pairs, and one that only poisoned or only clean rows have does not count.",
    ),
}
CELL_COLUMNS: Mapping[str, Column] = {
    "study": (_TEXT, "`grid`, or the ablation: `k`, `crop`, `samples`."),
    "data": (_TEXT, "The data set, by its label."),
    "attack": (_TEXT, "The attack, by its label; `none` at rate 0."),
    "attack_settings": ("JSON", "Its settings; how many rows it poisons is said by `rate`."),
    "model": (_TEXT, "The model, as the spec names it."),
    "rate": ("percent of the rows", "The poison rate that was asked for."),
    "seed": ("number", "Of which rows are poisoned, and of the order of the rows in the mix."),
    "defence": (_TEXT, "The defence, by its label; of an ablation the variant, `k=8`."),
    "defence_settings": ("JSON", "Its settings."),
    "row_limit": (_ROWS, "Rows that it is run on at most; null where it has no limit of its own."),
    "status": (_TEXT, "`done`, `failed` or `skipped` (an optional data set that is missing)."),
    "error": (_TEXT, "Why there is no result; empty where it is done."),
    "rows": (_ROWS, "In the mix that was judged; 0 where it was not."),
    "scored": (_ROWS, "Those of them with a score: AUROC and what else is of scores is of these alone."),
    "poisoned": (_ROWS, "Poisoned rows of the mix."),
    "decoys": (_ROWS, "Clean rows of it with a part of a trigger."),
    "flagged": (_ROWS, "Rows that the defence calls poisoned."),
    "tau": (
        "the defence's own",
        "The score above which it calls a row poisoned; null where it does not decide by one.",
    ),
    "tau_is_fallback": (
        "true or false",
        "Whether the published rule found no valley and took its fallback; null where there is no tau.",
    ),
    "trigger_named": (
        _SHARE,
        "Poisoned rows whose trigger, the setting `trigger` of the attack, the defence names letter for "
        "letter, in a finding of low confidence too, which flags no row. Of several triggers a row takes all "
        "that stand in its prompt, as words or, where no row has one so, within words, in findings that name "
        "nothing else: one that is not named takes the share of all rows that hold it. Null where a defence "
        "names none whatever it sees, and where the attack has no such setting.",
    ),
    "payload_named": (_SHARE, "The same of the setting `payload`."),
    "matched_share": (
        _SHARE,
        "Poisoned rows that `matched_auroc` is of, among those with a score: a clean row with one has as "
        "many response tokens.",
    ),
    "seconds_per_row": (
        "seconds",
        "Wall-clock time of features and judging, for each row. Features of a row are timed once for each "
        "defence, by itself and on 32 rows: other work of the machine can make it several times as much.",
    ),
    "cpu_seconds_per_row": (
        "seconds",
        "Time of all cores together, for each row; threads that wait for a core or for memory count too, so "
        "that other work of the machine makes it more as well.",
    ),
    "peak_mb": ("10^6 bytes", "The most memory that the process held, model and libraries included."),
}
ENDS: Mapping[str, str] = {"low": "lower", "high": "upper"}
POINT_COLUMNS: Mapping[str, Column] = {
    "data": (_TEXT, "As above."),
    "attack": (_TEXT, "As above."),
    "model": (_TEXT, "As above."),
    "rate": ("percent of the rows", "As above."),
    "seed": ("number", "As above."),
    "defence": (_TEXT, "As above."),
    "row": (
        "number",
        "Which row of the data set: its place, from 0, among those that have a response, in the order of "
        "the splits. The same row of other attacks and defences has the same number. Null in files of "
        "earlier versions.",
    ),
    "version": (
        _TEXT,
        "Which text of it was judged, to be found in `texts.parquet`: `clean`, as it came, `poisoned`, or "
        "`decoy`, with a part of the trigger. Null in files of earlier versions.",
    ),
    "score": ("the defence's own", "Higher is more suspicious; NaN where there is none."),
    "flagged": (
        "true or false",
        "Whether the defence calls the row poisoned. Null in files of earlier versions.",
    ),
    "poisoned": ("true or false", "The truth."),
    "length": (_TOKENS, "Of the response, with the end-of-sequence token where training learns it."),
}

TEXT_COLUMNS: Mapping[str, Column] = {
    "data": (_TEXT, "As above."),
    "model": (_TEXT, "As above: rows that are too long for a model are left out."),
    "attack": (_TEXT, "The attack that made the text, by its label; null where `version` is `clean`."),
    "row": ("number", "As above."),
    "version": (_TEXT, "As above."),
    "prompt": (_TEXT, "All that no loss is computed on, turns parted by a newline."),
    "response": (_TEXT, "All that the loss is computed on, turns parted by a newline."),
}
NAMED_KEYS: Mapping[str, Column] = {
    **{name: POINT_COLUMNS[name] for name in ("data", "attack", "model", "rate", "seed", "defence")},
    "triggers": ("list of texts", "What it says stands in the prompts; may be empty."),
    "payload": (_TEXT, "What it says stands in the responses; null where it names none."),
    "rows": (
        "list of numbers",
        "The rows that it names, by `row` as above.",
    ),
}

_FILES: Mapping[str, str] = {
    "`results.parquet`": "a row for each cell: data set, attack, model, rate, seed and defence",
    "`points.parquet`": "a row for each row of a mix, of every cell of the grid",
    "`texts.parquet`": "the texts of the rows: as they are, and as each attack makes them",
    "`named.jsonl`": "a line for each finding in a cell of the grid: the strings that a defence names, sure "
    "of them or not",
    "`tables.md`": "tables to read, of means over seeds and models; above them the models, their dtypes "
    "and the device",
    "`plots/`": "recall and false-positive rate against the rate, means over seeds and models; ROC, a line "
    "for each seed and model, and the score of `gradsentry` against length, both at `plot_rate` (for other "
    "defences `points.parquet` has both); ablations",
    "`spec.lock.yaml`": "the spec with what this run was made with ([`locked`](spec.md#locked): hashes, the "
    "dtype of each model, the device, versions), which reruns it, and says what is not as it was then",
    "`finetune.json`, `finetune.md`": "what the section `finetune` measured: [finetuning.md](finetuning.md)",
    "`cells/`, `features/`": "what was computed, so that a run goes on where it was interrupted; cells of an "
    "earlier version are judged again, from the features",
}

INTERVALS = (
    "Intervals are 95 % percentile bootstrap intervals over the rows of one mix: as many poisoned and as "
    "many clean rows as it has are drawn with replacement, each kind apart, `bootstrap` times (200 where the "
    "spec names no number; the generator starts from 0 in each cell, whatever `seed` and `seeds` are), and "
    "the ends are the 2.5 % and 97.5 % quantiles over the draws in which the metric is defined. They say "
    "nothing of other seeds, models or data sets. Means over several seeds or models have none."
)

BOLD = (
    "The best of an attack is bold where it is better than nothing: than a recall of 0, or an AUROC of 0.5. "
    "Of recall, false-positive rate, precision and F1 it is the best of the defences that flag a poisoned "
    "row, of clean data (0 %) of those that flag one in any cell. "
    "A mean over seeds or models is a dash where one of them has no value."
)

FEW = (
    "Of few rows little can be found: evidence needs four poisoned ones, misses about half of the payloads "
    "in fewer than ten, and of fewer than 100 rows it finds some draws and not others, so name several "
    "seeds; tau of the published rule, and of the floors, is its fallback, 0.7, where fewer than 30 rows "
    "have a score, and where these have one peak alone."
)

COSTS = (
    "Seconds are taken once for each defence, one after the other: other work of the machine makes those of "
    "one of them several times as much, and of the processor too. Compare costs of an idle machine alone."
)

_AGAIN = """\
import pandas as pd

points = pd.read_parquet("runs/own/points.parquet")
cell = ["data", "attack", "model", "rate", "seed", "defence"]


def measured(rows):
    hit, clean = rows[rows.poisoned], rows[~rows.poisoned]
    pairs = hit.score.count() * clean.score.count()
    wins = rows.score.rank()[rows.poisoned].sum() - hit.score.count() * (hit.score.count() + 1) / 2
    auroc = wins / pairs if pairs else float("nan")
    return pd.Series({"recall": hit.flagged.mean(), "fpr": clean.flagged.mean(), "auroc": auroc})


cells = points.groupby(cell)[["score", "flagged", "poisoned"]].apply(measured)
# A mean in which a seed or model has no value is none, as in tables.md: pandas would leave that one out.
means = cells.groupby(["data", "attack", "defence", "rate"]).agg(lambda each: each.mean(skipna=False))"""


_READ = """\
import pandas as pd

points, texts = (pd.read_parquet(f"runs/own/{name}.parquet") for name in ("points", "texts"))
missed = points[points.poisoned & ~points.flagged]
missed = missed.merge(texts, on=["data", "model", "attack", "row", "version"])
clean = texts[texts.version == "clean"].drop(columns=["attack", "version"])
missed = missed.merge(clean, on=["data", "model", "row"], suffixes=("", "_before"))

named = pd.read_json("runs/own/named.jsonl", lines=True)"""


def results_columns() -> dict[str, Column]:
    """Returns the columns of results.parquet, in their order, with units and meanings."""
    ends = {
        f"{name}_{end}": (unit, f"The {said} end of the 95 % interval of `{name}` over rows.")
        for name, (unit, _) in METRIC_COLUMNS.items()
        for end, said in ENDS.items()
    }
    return {**CELL_COLUMNS, **METRIC_COLUMNS, **ends}


def page() -> str:
    """Returns docs/results.md."""
    lines = [
        "# The files of a benchmark",
        "",
        "`gradsentry bench SPEC.yaml --out OUT` writes these into `OUT`; [extending.md](extending.md) has an",
        "example, [spec.md](spec.md) the keys of a spec. What is not defined (precision where nothing is",
        "flagged, recall of clean data) is NaN, and a dash in tables.",
        "",
        INTERVALS,
        "",
        "| file | what is in it |",
        "|---|---|",
        *(f"| {files} | {said} |" for files, said in _FILES.items()),
        "",
        "## results.parquet",
        "",
        *_table(results_columns()),
        "## points.parquet",
        "",
        *_table(POINT_COLUMNS),
        "That of `benchmarks/results/reduced` was written by version 0.1.0: it has the cells at 10 % alone,",
        "and no `rate`, `seed`, `row` and `flagged`.",
        "",
        "## texts.parquet",
        "",
        *_table(TEXT_COLUMNS),
        "A row is poisoned once, by an attack's draws from `seed` of the spec: it has the same text at every",
        "rate and in every mix. `gradsentry poison` draws for the rows of a file by their ids, a benchmark",
        "by their places among those that it takes: the same seed gives other texts. What a defence missed,",
        "with the texts that it was given and those that they were made of, and what was named:",
        "",
        "```python",
        _READ,
        "```",
        "",
        "## named.jsonl",
        "",
        *_table(NAMED_KEYS, "key"),
        "## tables.md",
        "",
        "The first table of a data set has its cells at the rate nearest to 10 %: the columns of",
        "`results.parquet` by longer names, with intervals in brackets; *FPR, clean data* is `fpr` at rate",
        "0, *s / row*, *CPU s / row* and *peak MB* are `seconds_per_row`, `cpu_seconds_per_row` and",
        "`peak_mb`. Those below have recall and false-positive rate of each rate, with how many rows are",
        "poisoned.",
        "",
        BOLD,
        "",
        COSTS,
        "",
        "Points make the tables again, and whatever else you want of the scores, with pandas",
        "(`pip install 'gradsentry[pandas]'`). A mean over seeds is of the numbers of each seed:",
        "",
        "```python",
        _AGAIN,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _table(columns: Mapping[str, Column], what: str = "column") -> Iterator[str]:
    yield from (f"| {what} | unit | meaning |", "|---|---|---|")
    for name, (unit, meaning) in columns.items():
        yield f"| `{name}` | {unit} | {meaning} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
