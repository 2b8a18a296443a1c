"""What the columns of a run's Parquet files hold, with their shapes and units.

docs/columns.md is written from here:

    python -m gradsentry.deciding.columns > docs/columns.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from gradsentry.features.drawing import READ_ALONE
from gradsentry.features.widths import PROMPT_WIDTH, RESPONSE_WIDTH
from gradsentry.gradients.windows import WIDTH
from gradsentry.scorefiles import SHARD_ROWS
from gradsentry.scoretable import SCHEMA
from gradsentry.settings import ScoreSettings


class Column(NamedTuple):
    """What a column holds.

    Attributes:
        unit: Of its numbers; empty where they have none.
        meaning: What it is.
        shape: Of a list.
        kind: Its type in Arrow, where the score table's schema does not say it.
    """

    unit: str
    meaning: str
    shape: str = ""
    kind: str = ""


_TOKENS, _NATS, _PLACES = "tokens", "nats", "characters of the response"
_PROJECTED = (
    "where d is more, projected by a fixed random matrix (Johnson and Lindenstrauss): numpy's "
    "`RandomState(0).standard_normal((d, {0})) / sqrt({0})`"
)

SCORE_COLUMNS: Mapping[str, Column] = {
    "number": Column(
        "", "The row's number in the data, from 0: of several files and splits one after another."
    ),
    "id": Column("", "Its own id where it has one, else its number."),
    "split": Column("", "Its split, where the data has several."),
    "status": Column("", "`scored` or `unscored`."),
    "reason": Column("", "Why there is no score; of a scored row, that tokens were cut to fit. Else empty."),
    "n_prompt": Column(_TOKENS, "That no loss is computed on, as the model was given them."),
    "n_response": Column(
        _TOKENS, "T: that the loss is computed on, the end of the sequence where that is trained."
    ),
    "loss": Column(_NATS, "L: the mean of `token_losses`."),
    "score": Column(
        "0 to 1", "H: the entropy of `spectrum` ([method.md](method.md)); higher is more suspicious."
    ),
    "spectrum": Column(
        "",
        "The k largest singular values of the region of the gradient G = dL/dW, W the output projection: as "
        "they are, not divided by their sum, in falling order, and 0 where the region has fewer.",
        "k",
    ),
    "token_losses": Column(_NATS, "The loss of each response token, 65504 at most.", "T"),
    "token_ends": Column(
        _PLACES,
        "Behind the last character of each response token, which begins where the one before it ends; -1 "
        "where it stands for none, as the end of the sequence does.",
        "T",
    ),
    "window": Column(
        _TOKENS,
        f"The {WIDTH} response tokens that cost most: the first, from 0, and the one behind the last.",
        "2",
    ),
    "window_chars": Column(_PLACES, "Where they stand: the first, from 0, and the one behind the last.", "2"),
    "window_loss": Column(_NATS, "Their mean loss."),
    "window_entropy": Column("0 to 1", "`score`, of the gradient of that loss."),
    "prompt_mean": Column(
        "",
        "The mean over the prompt's tokens but the first of what leaves the layer at half depth, as it is "
        f"where d, the width of the model, is {PROMPT_WIDTH} or less; {_PROJECTED.format(PROMPT_WIDTH)}. "
        "Null without `groups`.",
        f"d, or {PROMPT_WIDTH}",
    ),
    "response_mean": Column(
        "",
        "The mean of what enters the output projection where it predicts the response's tokens but the "
        f"first, as it is where d is {RESPONSE_WIDTH} or less; {_PROJECTED.format(RESPONSE_WIDTH)}: of the "
        f"embedded model {RESPONSE_WIDTH} numbers of 576. Null without `groups`.",
        f"d, or {RESPONSE_WIDTH}",
    ),
    "loss_alone": Column(
        _NATS,
        "The mean loss of the response without its prompt, behind the token that begins a text. Null without "
        f"`groups`, and of rows that were not drawn for it: of N rows beyond the first {READ_ALONE}, some "
        f"{READ_ALONE} ln(N / {READ_ALONE}) are.",
    ),
}

ROW_COLUMNS: Mapping[str, Column] = {
    "number": Column("", "As above.", kind="int64"),
    "id": Column("", "As above.", kind="string"),
    "split": Column("", "As above; there where the data has several.", kind="string"),
    "status": Column(
        "", "`flagged`, `review` (it stays), `clean` (so does it) or `unscored`.", kind="string"
    ),
    "mark": Column(
        "", "What a person said of it: `poisoned`, `clean` or `unsure`; null is nothing.", kind="string"
    ),
    "score": Column("0 to 1", "As above; NaN where there is none.", kind="double"),
    "expected": Column("0 to 1", "The score that is expected of a response as long.", kind="double"),
    "excess": Column("", "`score` less `expected`.", kind="double"),
    "deviation": Column(
        "spreads", "The same by the spread of rows as long, 1000 at most; below 0 where lower.", kind="double"
    ),
    "anomaly": Column("nats", "`window_loss` times the root of `window_entropy`.", kind="double"),
    "anomaly_deviation": Column(
        "spreads", "How far that lies from what is expected, likewise.", kind="double"
    ),
    "window": Column(_TOKENS, "As above.", "2", "list<int32>"),
    "window_chars": Column(_PLACES, "As above.", "2", "list<int32>"),
    "findings": Column("", "The findings that the row carries, by name: `F1`.", "any", "list<string>"),
    "reason": Column("", "Why it is what it is; empty of most clean rows.", kind="string"),
}


_READ = """\
from pathlib import Path

import pandas as pd

scores = pd.concat(map(pd.read_parquet, sorted(Path("run/scores").glob("*.parquet"))))"""


def kind_of(field: pa.Field) -> str:
    """Returns the type of a column as the tables say it."""
    kind = field.type
    return f"list<{kind.value_type}>" if pa.types.is_list(kind) else str(kind)


def page() -> str:
    """Returns docs/columns.md."""
    of_scores = {name: one._replace(kind=kind_of(SCHEMA.field(name))) for name, one in SCORE_COLUMNS.items()}
    lines = [
        "# The columns of a run",
        "",
        "Every row of the data has a row in both files of a [run](commands.md#the-files-of-a-run). What is",
        "not known is null, or NaN in the numbers of the second.",
        "",
        "## scores/*.parquet",
        "",
        f"What a scan measured, {SHARD_ROWS:,} rows a file, in order; `gradsentry evidence` writes none.",
        f"k is the setting `k` ({ScoreSettings().k} unless set), d the width of the model's states,",
        "T the tokens of the response.",
        "",
        *_table(of_scores),
        "The region is the first 1/8 of the rows and of the columns of G, unless `crop` says otherwise:",
        "",
        "```python",
        _READ,
        "```",
        "",
        "## rows.parquet",
        "",
        "What was decided on every row; `verdict.to_pandas()` is the same table. `score` to `window_chars`",
        "are not known where no model was asked; [method.md](method.md) says what is expected.",
        "",
        *_table(ROW_COLUMNS),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(columns: Mapping[str, Column]) -> Iterator[str]:
    yield from ("| column | type | shape | unit | meaning |", "|---|---|---|---|---|")
    for name, one in columns.items():
        yield f"| `{name}` | {one.kind} | {one.shape} | {one.unit} | {one.meaning} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
