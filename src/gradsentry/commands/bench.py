"""`gradsentry bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands import plugged, stdout
from gradsentry.commands.plugged import Plugins

if TYPE_CHECKING:
    from gradsentry.bench import GridResult

Flag = typer.Option


def bench(
    spec: Annotated[
        Path, typer.Argument(help="A benchmark in YAML, or the spec.lock.yaml of an earlier run.")
    ],
    out: Annotated[Path, Flag("--out", "-o", help="The directory of the results.")],
    limit: Annotated[
        int | None, Flag("--limit", help="Rows of a data set at most, whatever the spec says.")
    ] = None,
    cache: Annotated[
        Path | None, Flag("--cache", help="Where features are kept.  [default: OUT/features]")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Run every defence on every attack, data set and poison rate of SPEC, and the fine-tunings it names.

    The same command goes on where it was interrupted. A cell that fails stops no other; when all are done
    the command ends with an error that says which failed, and why.
    """
    from gradsentry.extras import require

    require("scan", "bench")
    from gradsentry.bench import Spec

    plugged.load(plugin)
    chosen = Spec.read_yaml(spec)
    if limit is not None:
        chosen = chosen.limited(limit)
    if chosen.finetune:
        require("finetune")
    # What takes seconds to import waits until the spec is known to be a right one.
    from gradsentry.bench.cells import plan
    from gradsentry.bench.loading import unlike
    from gradsentry.bench.progress import bar
    from gradsentry.bench.running import refuse_failures
    from gradsentry.models.embedded import NAME, embedded_model_path
    from gradsentry.models.loading import quiet_libraries

    quiet_libraries()
    if NAME in chosen.models:  # every cell would fail where it is not installed
        embedded_model_path()
    if chosen.locked and (others := unlike(chosen)):
        stdout.say(f"not as it was locked: {'; '.join(others)}")
    results: list[GridResult] = []
    if plan(chosen):
        from gradsentry.bench import Grid

        with bar() as on_cell:
            results.append(Grid(chosen, out, cache=cache).run(on_cell))
        _report(results[-1])
        stdout.say(
            f"tables   {out / 'tables.md'}\nresults  {out / 'results.parquet'}\nplots    {out / 'plots'}"
        )
    if chosen.finetune:
        from gradsentry.bench.finetuning import FineTuning

        with bar() as on_cell:
            results.append(FineTuning(chosen, chosen.finetune, out).run(on_cell))
        _report(results[-1])
        stdout.say(f"table    {out / 'finetune.md'}\nresults  {out / 'finetune.json'}")
    failures = [failure for result in results for failure in result.failures]
    refuse_failures(failures, sum(len(result.records) for result in results))


def _report(result: GridResult) -> None:
    done = sum(record["status"] == "done" for record in result.records)
    failed = f", {len(result.failed)} failed" if result.failed else ""
    stdout.say(f"{done} of {len(result.records)} cells are measured, {result.computed} by this run{failed}")
    for status in ("failed", "skipped"):
        for (what, why), cells in _reasons(result.records, status).items():
            stdout.say(f"{status}: {cells} cell{'s' if cells > 1 else ''} of {what}: {why}")
    if result.earlier:
        stdout.say(f"kept     {result.earlier}  (the results of the run before, in which they did not fail)")


def _reasons(records: list[dict[str, object]], status: str) -> dict[tuple[str, str], int]:
    """Returns how many cells of that status there are, by data set or defence and by reason."""
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        if record["status"] == status:
            what = record["data"] if status == "skipped" else f"{record['defence']} on {record['data']}"
            key = (str(what), str(record["error"]))
            counts[key] = counts.get(key, 0) + 1
    return counts
