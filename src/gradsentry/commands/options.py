"""Options that commands share, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

if TYPE_CHECKING:
    from gradsentry.settings import DataSettings, ThresholdSettings

Method = Literal["published", "fixed", "quantile"]
Flag = typer.Option
Data = Annotated[
    list[str],
    typer.Argument(
        help=".jsonl .json .csv .parquet files, directories, patterns, URLs; a Hub id; - for stdin.",
        metavar="DATA...",
        show_default=False,
    ),
]
FinishedRun = Annotated[Path, typer.Argument(help="The run directory of a finished scan.")]
ModelName = Annotated[str, Flag("--model", "-m", help="smollm2, a path, or a Hub id.")]
TrustRemoteCode = Annotated[bool, Flag(help="Let code that comes with a model run.")]
Format = Annotated[str | None, Flag("--format", help="The row format, if not told by columns.")]
ResponseMarker = Annotated[str | None, Flag(help="Text before the response, in rows of one text.")]
Split = Annotated[str | None, Flag(help="Which split.", show_default="all of them")]
Subset = Annotated[str | None, Flag(help="Which configuration, where there are several.")]
DataRoot = Annotated[Path | None, Flag(help="The folder of the question-answering sets.")]
Tau = Annotated[float | None, Flag("--tau", help="A fixed threshold in [0, 1].", show_default=False)]
MethodOption = Annotated[Method | None, Flag("--method", help="How tau is chosen.", show_default="published")]
PolicyOption = Annotated[
    Literal["evidence", "published"] | None,
    Flag("--policy", help="What flags a row.", show_default="evidence; with a tau or method published"),
]
Quantile = Annotated[float | None, Flag("--quantile", help="Share of scores below tau.", show_default="0.95")]
Json = Annotated[bool, Flag("--json", help="Print the verdict as JSON and nothing else.")]
Quiet = Annotated[bool, Flag("--quiet", "-q", help="Print nothing but errors.")]
FalseAlarmRate = Annotated[
    float | None,
    Flag(
        min=0.0001,
        max=0.5,
        help="How often a clean corpus may be called poisoned by evidence.",
        show_default="0.01",
    ),
]
CalibrationFile = Annotated[
    str | None,
    Flag("--calibration", help="What calibrate wrote, which decides on evidence.", show_default="shipped"),
]
AcceptFile = Annotated[
    Path | None,
    Flag("--accept", help="Accepted findings, as accept writes them: listed, not flagged."),
]
MaxBytes = Annotated[
    int | None,
    Flag(
        "--max-bytes",
        help="Bytes of rows that one file may hold.",
        show_default="of a compressed file 100 times its size, at least 64 MiB",
    ),
]
MaxRowBytes = Annotated[
    int | None, Flag("--max-row-bytes", help="Bytes that one row may hold.", show_default="64 MiB")
]
Columns = Annotated[
    str | None,
    Flag(
        "--columns",
        help="Columns of other names: prompt=QUESTION,response=ANSWER (and system=...), or messages=CHAT.",
    ),
]
AnswersJudged = Annotated[
    str | None,
    Flag(
        "--answers",
        help="Which answers of preferences are judged: chosen or rejected.",
        show_default="chosen, and a gate says so",
    ),
]
Limit = Annotated[int | None, Flag("--limit", min=1, help="Read the first rows alone.", show_default="all")]


def named_columns(given: str | None) -> dict[str, str] | None:
    """Returns what `--columns` says: role -> column.

    Raises:
        SettingsError: If it is not of the form role=column,role=column.
    """
    from gradsentry.errors import SettingsError
    from gradsentry.settings import Role, meant_role, unknown_role

    if given is None:
        return None
    pairs = [one.partition("=") for one in given.split(",")]
    if not all(role.strip() and sign and column.strip() for role, sign, column in pairs):
        mend = "write prompt=COLUMN,response=COLUMN"
        raise SettingsError(f"cannot be read: {given}", where="--columns", mend=mend)
    named = [(meant_role(role.strip()), column.strip()) for role, _, column in pairs]
    roles, columns = ([one[part] for one in named] for part in (0, 1))
    for role in roles:
        if role not in get_args(Role):
            what, mend = unknown_role(role)
            raise SettingsError(what, where="--columns", mend=mend)
    for names in (roles, columns):
        if twice := [one for one in names if names.count(one) > 1]:
            raise SettingsError(f"names {twice[0]} twice", where="--columns", mend="name each once")
    return dict(named)


def reading_settings(
    *,
    format: str | None,
    response_marker: str | None,
    split: str | None,
    subset: str | None,
    columns: str | None,
    tokenizer: str | None,
    answers: str | None,
    limit: int | None,
    max_bytes: int | None,
    max_row_bytes: int | None,
) -> DataSettings:
    """Returns how data are read, as options say.

    Raises:
        SettingsError: If they contradict each other, or a value is wrong.
    """
    from gradsentry.settings import DataSettings

    limits = {"max_bytes": max_bytes, "max_row_bytes": max_row_bytes}
    return DataSettings.read(
        {
            "format": format,
            "response_marker": response_marker,
            "split": split,
            "subset": subset,
            "columns": named_columns(columns),
            "tokenizer": tokenizer,
            "answers": answers,
            "limit": limit,
            **{name: value for name, value in limits.items() if value is not None},
        },
        where="options",
    )


def threshold_settings(method: str | None, tau: float | None, quantile: float | None) -> ThresholdSettings:
    """Returns the settings meant by three options: a tau alone means a fixed one, a quantile that method.

    Raises:
        SettingsError: If they contradict each other, or a value is wrong.
    """
    from gradsentry.errors import SettingsError
    from gradsentry.settings import ThresholdSettings

    given = {"fixed": ("tau", tau), "quantile": ("quantile", quantile)}
    meant = {name: {key: value} for name, (key, value) in given.items() if value is not None}
    method = method or next(iter(meant), "published")
    if foreign := [key for name in meant if name != method for key in meant[name]]:
        raise SettingsError(
            f"--{foreign[0]} has no meaning where the method is {method}", where="options", mend="give one"
        )
    if method == "fixed" and tau is None:
        raise SettingsError("--method fixed needs a --tau", where="options", mend="give --tau, in [0, 1]")
    return ThresholdSettings.read({"method": method, **meant.get(method, {})}, where="options")
