"""`gradsentry finetune`."""

from __future__ import annotations

from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gradsentry.commands import stdout
from gradsentry.commands.options import DataRoot, Format, ModelName, ResponseMarker, Subset, TrustRemoteCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradsentry.corpus import Corpus, Sample
    from gradsentry.store import Json

Flag = typer.Option
Use = Literal["clean", "all", "flagged"]


def finetune(
    data: Annotated[str | None, typer.Argument(help="A data file, a directory, or a Hub id.")] = None,
    out: Annotated[Path | None, Flag("--out", "-o", help="The directory of the result.")] = None,
    run: Annotated[Path | None, Flag("--run", help="Train on the rows of a scan, in place of DATA.")] = None,
    use: Annotated[Use, Flag("--use", help="Which rows of the scan.")] = "clean",
    model: ModelName = "smollm2",
    method: Annotated[Literal["lora", "full"], Flag(help="An adapter, or every weight.")] = "lora",
    rank: Annotated[int, Flag(help="Of the adapter.")] = 4,
    alpha: Annotated[float, Flag(help="The adapter is scaled by alpha / rank.")] = 8.0,
    target: Annotated[
        list[str] | None,
        Flag(help="A layer that gets an adapter; once for each.", show_default="the attention projections"),
    ] = None,
    learning_rate: Annotated[
        float | None,
        Flag("--learning-rate", "--lr", help="Of AdamW.", show_default="by the model's size"),
    ] = None,
    epochs: Annotated[float, Flag(help="Passes over the data.")] = 3.0,
    batch_size: Annotated[int, Flag(help="Rows of a step.")] = 16,
    max_length: Annotated[int, Flag(help="Tokens of a row; the prompt's middle is cut first.")] = 1024,
    seed: Annotated[int, Flag(help="Of the adapter's weights and the order of the rows.")] = 0,
    gradient_checkpointing: Annotated[bool, Flag(help="Less memory, more time.")] = False,
    save_steps: Annotated[int, Flag(help="Steps between checkpoints.")] = 50,
    device: Annotated[str, Flag(help="auto, cpu, cuda.")] = "auto",
    format: Format = None,
    response_marker: ResponseMarker = None,
    split: Annotated[str | None, Flag(help="Which split, where there are several.")] = None,
    subset: Subset = None,
    data_root: DataRoot = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Fine-tune a model on DATA, or on the rows that a scan left: --run RUN --use clean.

    The same command goes on where it was interrupted.
    """
    from gradsentry.corpus.qa import open_named
    from gradsentry.errors import SettingsError
    from gradsentry.extras import require
    from gradsentry.finetuning import TrainingSettings
    from gradsentry.finetuning import finetune as train
    from gradsentry.models.loading import quiet_libraries
    from gradsentry.progress import counting
    from gradsentry.settings import DataSettings

    require("scan", "finetune")
    if (data is None) == (run is None) or out is None:
        mend = "give --out, and one of the others"
        raise SettingsError("--out and either DATA or --run are needed", where="finetune", mend=mend)
    settings = TrainingSettings.read(
        {
            "method": method,
            "rank": rank,
            "alpha": alpha,
            "targets": target or (),
            "learning_rate": learning_rate,
            "epochs": epochs,
            "batch_size": batch_size,
            "max_length": max_length,
            "seed": seed,
            "gradient_checkpointing": gradient_checkpointing,
            "save_steps": save_steps,
        },
        where="options",
    )
    quiet_libraries()
    samples: Iterable[Sample]
    source: Json
    if run is not None:
        samples, source = _of_run(run, use, split)
    else:
        reading = DataSettings(format=format, response_marker=response_marker, split=split, subset=subset)
        corpus = open_named(str(data), reading, data_root)
        _refuse_splits(corpus)
        samples, source = corpus, {"name": corpus.name, "sha256": corpus.sha256()}
    with counting("steps", shown=True) as on_step:
        manifest = train(
            samples,
            model,
            out,
            settings,
            source=source,
            device=device,
            trust_remote_code=trust_remote_code,
            on_step=on_step,
        )
    left_out = sum(manifest["left_out"].values())
    stdout.say(
        f"{out / 'model'}: trained on {manifest['rows']} rows, {left_out} left out, "
        f"{manifest['steps']} steps, mean loss {manifest['loss']:.3f}"
    )


def _refuse_splits(corpus: Corpus) -> None:
    """Refuses to train on the splits that are held back for a test."""
    from gradsentry.errors import DataError

    if corpus.splits:
        mend = f"name the one to train on with --split: {', '.join(corpus.splits)}"
        raise DataError("has several splits", where=corpus.name, mend=mend)


def _of_run(run: Path, use: Use, split: str | None) -> tuple[Iterable[Sample], Json]:
    """Returns rows of a scan, and what the manifest says of them.

    Raises:
        DataError: If there are none.
    """
    import numpy as np

    from gradsentry.errors import DataError
    from gradsentry.opening import open_run

    verdict = open_run(run)
    kept = {
        "all": np.ones(len(verdict.scores), np.bool_),
        "clean": verdict.is_kept,
        "flagged": verdict.is_flagged,
    }[use]
    if not kept.any():
        raise DataError(f"the scan has no row that is {use}", where=str(run), mend="choose another --use")
    if split is None:
        _refuse_splits(verdict.corpus)
    elif split not in verdict.corpus.splits:
        raise DataError(f"the scan has no split `{split}`", where=str(run), mend="leave out --split")
    data = verdict.manifest["identity"]["data"]
    samples = (one for one in compress(verdict.corpus, kept) if split in (None, one.split))
    return samples, {"run": str(run), "use": use, "sha256": data["sha256"]}
