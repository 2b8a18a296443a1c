"""`gradsentry scan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from gradsentry.commands import stdout
from gradsentry.commands.gate import (
    CroissantFile,
    CycloneDxFile,
    FailOn,
    FailOnFindings,
    Gate,
    InTotoFile,
    JUnitFile,
    MaxFlagged,
    Reports,
    SarifFile,
)
from gradsentry.commands.named import Dataset, Tokenizer, named_entry, write_entry
from gradsentry.commands.plugged import Plugins

if TYPE_CHECKING:
    from gradsentry.deciding.marks import Agreement
    from gradsentry.outcome import Verdict
    from gradsentry.settings import ThresholdSettings

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
Limit = Annotated[int | None, Flag("--limit", min=1, help="Read the first rows alone.", show_default="all")]


def scan(
    data: Data,
    out: Annotated[Path | None, Flag("--out", "-o", help="The run directory.  [default: runs/NAME]")] = None,
    model: Annotated[str, Flag("--model", "-m", help="smollm2, a path, or a Hub id.")] = "smollm2",
    format: Annotated[str | None, Flag("--format", help="The row format, if not told by columns.")] = None,
    response_marker: Annotated[
        str | None, Flag(help="Text before the response, in rows of one text.")
    ] = None,
    split: Annotated[str | None, Flag(help="Which split.", show_default="all of them")] = None,
    subset: Annotated[str | None, Flag(help="Which configuration, where there are several.")] = None,
    columns: Columns = None,
    tokenizer: Tokenizer = None,
    dataset: Dataset = None,
    limit: Limit = None,
    max_bytes: MaxBytes = None,
    max_row_bytes: MaxRowBytes = None,
    policy: PolicyOption = None,
    method: MethodOption = None,
    tau: Tau = None,
    quantile: Quantile = None,
    reference: Annotated[
        str | None,
        Flag("--reference", help="Clean data like DATA, or a run of it: what to expect of a row."),
    ] = None,
    false_alarm_rate: FalseAlarmRate = None,
    calibration: CalibrationFile = None,
    accept: AcceptFile = None,
    plugin: Plugins = None,
    crop: Annotated[int, Flag(help="Region of the gradient: G[:V/crop, :d/crop].")] = 8,
    k: Annotated[int, Flag(help="Singular values in the entropy.")] = 16,
    max_length: Annotated[int, Flag(help="Tokens of a row; the prompt's middle is cut first.")] = 2048,
    dtype: Annotated[str, Flag(help="auto, float32, bfloat16, float16.")] = "auto",
    device: Annotated[str, Flag(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    token_budget: Annotated[int | None, Flag(help="Tokens of a batch.", show_default="by device")] = None,
    trust_remote_code: Annotated[bool, Flag(help="Let code that comes with a model run.")] = False,
    groups: Annotated[
        bool, Flag("--groups/--no-groups", help="Search for groups of rows in the model's states.")
    ] = True,
    engine: Annotated[
        Literal["local", "ray"], Flag("--engine", help="Score on this machine, or on a Ray cluster.")
    ] = "local",
    workers: Annotated[
        int | None, Flag("--workers", help="Processes that hold the model.", show_default="one a GPU, or one")
    ] = None,
    gpus_per_worker: Annotated[
        float | None, Flag("--gpus-per-worker", help="Of --engine ray.", show_default="1 where there are any")
    ] = None,
    fail_on_findings: FailOnFindings = False,
    fail_on: FailOn = None,
    max_flagged: MaxFlagged = None,
    sarif: SarifFile = None,
    junit: JUnitFile = None,
    in_toto: InTotoFile = None,
    cyclonedx: CycloneDxFile = None,
    croissant: CroissantFile = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score every row of DATA, choose a threshold, and write the run directory.

    The same command goes on where it was interrupted. What a person marked in its run stays decided.
    """
    from gradsentry import screening
    from gradsentry.models.loading import quiet_libraries
    from gradsentry.settings import DataSettings, EngineSettings, ScoreSettings

    where = "options"
    running = {"name": engine, "workers": workers, "gpus_per_worker": gpus_per_worker}
    reading = DataSettings.read(
        {
            "format": format,
            "response_marker": response_marker,
            "split": split,
            "subset": subset,
            "columns": named_columns(columns),
            "tokenizer": tokenizer,
            "limit": limit,
            **limits(max_bytes, max_row_bytes),
        },
        where=where,
    )
    scoring = ScoreSettings.read(
        {
            "model": model,
            "crop": crop,
            "k": k,
            "max_length": max_length,
            "dtype": dtype,
            "device": device,
            "token_budget": token_budget,
            "trust_remote_code": trust_remote_code,
            "groups": groups,
        },
        where=where,
    )
    deciding = threshold_settings(method, tau, quantile)
    if (method, tau, quantile) != (None, None, None):
        policy = policy or "published"
    reports = Reports(sarif, junit, in_toto, cyclonedx, croissant)
    gate = Gate.of(fail_on, max_flagged, reports, fail_on_findings=fail_on_findings)
    gate.refuse_places(data)
    quiet_libraries()
    run = out or Path("runs") / (_run_name(data) if dataset is None else Path(dataset).name)
    if (entry := named_entry(data, dataset, reading, run)) is not None:
        data, reading = [entry.data] if isinstance(entry.data, str) else entry.data, entry.reading
    verdict = screening.scan(
        data[0] if len(data) == 1 else data,
        model,
        out=run,
        reading=reading,
        scoring=scoring,
        deciding=deciding,
        policy=policy,
        reference=reference,
        false_alarm_rate=false_alarm_rate,
        calibration=calibration,
        accept=accept,
        plugins=plugin or (),
        engine=EngineSettings.read(running, where=where),
        progress=not quiet,
    )
    if entry is not None:
        write_entry(entry, run)
    announce(verdict, run, as_json=json_, quiet=quiet, gate=gate)


def named_columns(given: str | None) -> dict[str, str] | None:
    """Returns what `--columns` says: role -> column.

    Raises:
        SettingsError: If it is not of the form role=column,role=column.
    """
    from gradsentry.errors import SettingsError
    from gradsentry.settings import Role

    if given is None:
        return None
    pairs = [one.partition("=") for one in given.split(",")]
    if not all(role.strip() and sign and column.strip() for role, sign, column in pairs):
        mend = "write prompt=COLUMN,response=COLUMN"
        raise SettingsError(f"cannot be read: {given}", where="--columns", mend=mend)
    named = [(role.strip(), column.strip()) for role, _, column in pairs]
    roles, columns = ([one[part] for one in named] for part in (0, 1))
    for role in roles:
        if role not in get_args(Role):
            mend = f"known are {', '.join(get_args(Role))}"
            raise SettingsError(f"{role} is nothing that is read", where="--columns", mend=mend)
    for names in (roles, columns):
        if twice := [one for one in names if names.count(one) > 1]:
            raise SettingsError(f"names {twice[0]} twice", where="--columns", mend="name each once")
    return dict(named)


def limits(max_bytes: int | None, max_row_bytes: int | None) -> dict[str, int]:
    """Returns the limits of reading that were given."""
    given = {"max_bytes": max_bytes, "max_row_bytes": max_row_bytes}
    return {name: value for name, value in given.items() if value is not None}


def _run_name(data: list[str]) -> str:
    """Returns what a run of the data is called where nobody says."""
    first = Path(data[0]).name.split(".")[0] or "scan"
    return first if len(data) == 1 else f"{first}-and-{len(data) - 1}-more"


def announce(
    verdict: Verdict,
    run: Path,
    *,
    as_json: bool,
    quiet: bool,
    gate: Gate,
    marked: Agreement | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Prints a verdict as the options ask, and exits with 1 where the gate does not let it through.

    Args:
        verdict: The verdict.
        run: The run directory that it was written to.
        as_json: Whether as JSON alone.
        quiet: Whether to print nothing.
        gate: What a CI job asks of it.
        marked: What the policy makes of the rows that a person marked, where that was asked for.
        changes: What the decision changed, where it came after another.
    """
    from gradsentry.commands import display

    if as_json:
        more = {"marked": marked.as_json()} if marked else {}
        more |= {"changes": changes} if changes else {}
        stdout.write_json(verdict.as_json() | more)
    elif not quiet:
        display.summary(verdict, run)
        if marked is not None:
            stdout.say(f"among the marked {marked.line()}")
    gate.write(verdict, run, quiet=quiet or as_json)
    gate.end(verdict.outcome, verdict.counts["flagged"])


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
