"""`gradsentry demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradsentry.commands import stdout

RATE, SEED = 0.1, 7


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the data and the run go.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Poison a tenth of the embedded data with BadNets, scan it, and compare with the truth.

    Where the embedded model is not installed, the texts alone are read.
    """
    from gradsentry.attacks import BadNets, poison, truth_path
    from gradsentry.bench.truth import compare
    from gradsentry.commands import display
    from gradsentry.corpus import open_corpus
    from gradsentry.embedded import embedded_data_path
    from gradsentry.errors import UsageError
    from gradsentry.models.embedded import NAME, embedded_model_path
    from gradsentry.report.render import write_report
    from gradsentry.store import RunDirectory
    from gradsentry.textual import screen

    model, how = None, "reading the texts"
    try:
        embedded_model_path()
    except UsageError as error:
        stdout.say(f"the texts alone are read, without a model: {error.line()}")
    else:
        from gradsentry.models.loading import quiet_libraries

        quiet_libraries()
        model, how = NAME, "scanning with the embedded model"
    data, run = out / "poisoned.jsonl", out / "run"
    attack = BadNets(rate=RATE)
    _, truth = poison(open_corpus(embedded_data_path()), attack, seed=SEED, shuffle=True).save(data)
    stdout.say(
        f"{len(truth.poisoned)} of {truth.rows} rows of {data} are poisoned now: {attack.summary}\n"
        f"{how}, without the truth"
    )
    verdict = screen(data, model, out=run)
    display.summary(verdict, run)
    comparison = compare(verdict, truth_path(data))
    write_report(RunDirectory.open(run), verdict, comparison)
    stdout.say(f"\nagainst the truth {comparison.line()}")
