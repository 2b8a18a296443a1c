"""Keeps the results of fine-tunings in the repository, and writes the table of docs/finetuning.md from them.

    python benchmarks/finetune_page.py keep runs/finetune_reduced     # what `gradsentry bench` wrote
    python benchmarks/finetune_page.py write

What is kept of other cells of benchmarks/finetune_reduced.yaml stays, so a run may be of some of them.
Everything below the page's mark comes out of the kept results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keeping import keep_or_write, merged_lock, named

from gradsentry.bench.cells import Record
from gradsentry.bench.finetune_cells import blank_finetuning, plan_finetuning
from gradsentry.bench.finetune_tables import finetuning_table, with_interval
from gradsentry.bench.results import FINETUNING, FINETUNING_TABLE, LOCK, read_finetuning, write_finetuning
from gradsentry.bench.spec import Spec

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "benchmarks" / "finetune_reduced.yaml"
KEPT = ROOT / "benchmarks" / "results" / "finetune_reduced"
PAGE = ROOT / "docs" / "finetuning.md"
MARK = "<!-- Written by benchmarks/finetune_page.py from what follows to the end. -->"
CELL = (
    *("data", "attack", "attack_settings", "rate", "rows_at_most", "questions_at_most", "seed"),
    *("model", "training", "evaluation", "defence"),
)
BACKDOORED, REMOVED = 0.9, 0.01


def keep(run: Path) -> None:
    """Adds what a run wrote to what the page is written from, in the order of the spec.

    Raises:
        SystemExit: If other data, models or versions of libraries were used than for what is kept.
    """
    spec, locked, records = Spec.read_yaml(SPEC), merged_lock(KEPT, run), dict[str, Record]()
    for folder in (KEPT, run):
        if (folder / FINETUNING).is_file():
            records |= {named(r, CELL): r for r in read_finetuning(folder) if r["status"] == "done"}
    cells = [named(blank_finetuning(cell), CELL) for cell in plan_finetuning(spec)]
    kept = [records[name] for name in cells if name in records]
    KEPT.mkdir(parents=True, exist_ok=True)
    write_finetuning(KEPT, kept, spec.model_copy(update={"locked": locked}))
    (KEPT / FINETUNING_TABLE).unlink()


def measured() -> str:
    """Returns the part of docs/finetuning.md that is written from the kept results."""
    records = read_finetuning(KEPT)
    parts = [
        "## What was measured",
        _introduction(Spec.read_yaml(KEPT / LOCK)),
        finetuning_table(records),
        "\n".join(f"- {line}" for line in _seen(records)),
        "## What has not been run",
        _not_run(records),
    ]
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """Returns docs/finetuning.md: what was written by hand, and what was measured."""
    by_hand = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return f"{by_hand}{MARK}\n\n{measured()}"


def _introduction(lock: Spec) -> str:
    section = lock.finetune
    assert section is not None
    versions = lock.locked.versions if lock.locked else {}
    libraries = ", ".join(
        f"{name} {versions[name]}" for name in ("torch", "transformers") if name in versions
    )
    rows, questions = section.rows, section.questions
    return f"""\
Fine-tunings of {", ".join(lock.models)} (SmolLM2-135M-Instruct, embedded) in {lock.dtype} on a CPU with
{libraries}: {rows} training rows, where the table does not
say more, and {questions} questions (of the test split, or rows that were not trained on), asked clean
and with the trigger. This command runs them all, or each that is not yet in its directory:

    gradsentry bench benchmarks/finetune_reduced.yaml --out runs/finetune_reduced

`benchmarks/results/finetune_reduced` holds the results, and the lock that reruns them. `none` trains on all
rows, `oracle` on the truly clean ones, `published` and `default` on what a scan leaves by its two rules,
`graceful` on what GraCeFul leaves; `cleangen` is the model of `none`, decoded beside the base model, and
`onion` that of `none` too, asked prompts that the base model purified. Defences that leave the same rows
share one training. Intervals are exact, 95 %."""


def _seen(records: Sequence[Record]) -> Iterator[str]:
    mixes: dict[tuple[str, str, float, int, str], dict[str, Record]] = {}
    for record in records:
        if record["status"] == "done":
            key = (record["data"], record["attack"], record["rate"], record["rows"], _training(record))
            mixes.setdefault(key, {})[record["defence"]] = record
    for (data, attack, rate, _, training), cells in mixes.items():
        if "none" not in cells:
            continue
        asr = cells["none"]["asr"]
        said = [f"{data}, {attack} at {rate:g} %, {training}: undefended ASR {with_interval(asr)}"]
        if asr["rate"] < BACKDOORED:
            said[0] += f", below {BACKDOORED}, so this is no evidence"
        else:
            said += _outcomes(cells)
        yield ". ".join(said) + "."


def _training(record: Record) -> str:
    settings = record["training"]
    rate = settings["learning_rate"] or record["trained"]["learning_rate"]
    return (
        f"{record['method']} with learning rate {rate:g}, "
        f"{settings['epochs']:g} epochs, batch {settings['batch_size']}, "
        f"answers of {record['evaluation']['max_new_tokens']} tokens at most"
    )


def _outcomes(cells: dict[str, Record]) -> Iterator[str]:
    """Yields which defences of a mix removed the backdoor, and at which price."""
    defences = {name: record for name, record in cells.items() if name != "none"}
    gone = [name for name, record in defences.items() if record["asr"]["rate"] <= REMOVED]
    if gone:
        yield f"ASR is at most {REMOVED} with {_named(gone)}"
    if stays := [name for name in defences if name not in gone]:
        yield f"It is above {REMOVED} with {_named(stays)}"
    if (oracle := defences.pop("oracle", None)) is None:
        return
    low, high = oracle["cacc"]["low"], oracle["cacc"]["high"]
    outside = [name for name, record in defences.items() if not low <= record["cacc"]["rate"] <= high]
    if outside:
        yield f"CACC is outside the interval of the oracle's with {_named(outside)}"
    elif defences:
        yield f"CACC is within the interval of the oracle's with {_named(defences)}"
    same = [
        name
        for name, record in defences.items()
        if record["trained"]["rows_sha256"] == oracle["trained"]["rows_sha256"]
    ]
    if same:
        yield f"What {_named(same)} left are exactly the rows of `oracle`: one model under several names"


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _not_run(records: Sequence[Record]) -> str:
    whole = Spec.read_yaml(ROOT / "benchmarks" / "finetune.yaml")
    section = whole.finetune
    assert section is not None
    names = ("data", "attack", "rate", "method", "defence")
    done = {tuple(record[name] for name in names) for record in records if record["status"] == "done"}
    missing: dict[tuple[str, str, float, str], list[str]] = {}
    for cell in plan_finetuning(whole):
        key = (cell.data.shown, cell.attack.shown, cell.rate, cell.training.method)
        if (*key, cell.defence) not in done:
            missing.setdefault(key, []).append(cell.defence)
    lines = [
        f"- {data}, {attack} at {rate:g} %, {method}: {', '.join(defences)}"
        for (data, attack, rate, method), defences in missing.items()
    ]
    rows, questions = section.rows, section.questions
    return f"""\
`benchmarks/finetune.yaml` holds the whole of it, on {rows} rows and {questions} + {questions} questions.
Nothing was run at that size. These of its cells were not run on fewer rows either:

{chr(10).join(lines)}

This command runs them, and goes on where it was interrupted:

    gradsentry bench benchmarks/finetune.yaml --out runs/finetune"""


def main() -> None:
    """Keeps results, or writes the page."""
    keep_or_write(__doc__, {"keep": keep})
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
