"""`gradsentry scan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from gradsentry.commands.announcing import announce
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
    Strict,
)
from gradsentry.commands.named import Dataset, Tokenizer, named_entry, write_entry
from gradsentry.commands.options import (
    AcceptFile,
    AnswersJudged,
    CalibrationFile,
    Columns,
    Data,
    FalseAlarmRate,
    Flag,
    Format,
    Json,
    Limit,
    MaxBytes,
    MaxRowBytes,
    MethodOption,
    ModelName,
    PolicyOption,
    Quantile,
    Quiet,
    ResponseMarker,
    Split,
    Subset,
    Tau,
    TrustRemoteCode,
    reading_settings,
    threshold_settings,
)
from gradsentry.commands.plugged import Plugins


def scan(
    data: Data,
    out: Annotated[Path | None, Flag("--out", "-o", help="The run directory.  [default: runs/NAME]")] = None,
    model: ModelName = "smollm2",
    format: Format = None,
    response_marker: ResponseMarker = None,
    split: Split = None,
    subset: Subset = None,
    columns: Columns = None,
    answers: AnswersJudged = None,
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
    dtype: Annotated[
        str, Flag(help="float32, bfloat16, float16; auto: bfloat16 where it is faster.")
    ] = "auto",
    device: Annotated[str, Flag(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    token_budget: Annotated[int | None, Flag(help="Tokens of a batch.", show_default="by device")] = None,
    trust_remote_code: TrustRemoteCode = False,
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
    strict: Strict = False,
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
    from gradsentry.settings import EngineSettings, ScoreSettings

    where = "options"
    running = {"name": engine, "workers": workers, "gpus_per_worker": gpus_per_worker}
    reading = reading_settings(
        format=format,
        response_marker=response_marker,
        split=split,
        subset=subset,
        columns=columns,
        tokenizer=tokenizer,
        answers=answers,
        limit=limit,
        max_bytes=max_bytes,
        max_row_bytes=max_row_bytes,
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
    gate = Gate.of(fail_on, max_flagged, reports, fail_on_findings=fail_on_findings, strict=strict)
    run = out or Path("runs") / (_run_name(data) if dataset is None else Path(dataset).name)
    gate.prepare(data, run=run)
    quiet_libraries()
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


def _run_name(data: list[str]) -> str:
    """Returns what a run of the data is called where nobody says."""
    first = Path(data[0]).name.split(".")[0] or "scan"
    return first if len(data) == 1 else f"{first}-and-{len(data) - 1}-more"
