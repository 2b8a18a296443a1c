"""`gradsentry evaluate`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradsentry.commands import stdout
from gradsentry.commands.options import DataRoot, Format, ResponseMarker, Subset, TrustRemoteCode

if TYPE_CHECKING:
    from gradsentry.attacks import Attack
    from gradsentry.finetuning import TestItem
    from gradsentry.finetuning.evaluation import Evaluation
    from gradsentry.finetuning.metrics import Rate
    from gradsentry.settings import DataSettings

Flag = typer.Option


def evaluate(
    model: Annotated[str, typer.Argument(help="A fine-tuned model or adapter: a path or a Hub id.")],
    data: Annotated[str, typer.Argument(help="The test set: a file, or with --data-root webqa, nq, ...")],
    out: Annotated[Path, Flag("--out", "-o", help="The directory of the answers and rates.")],
    attack: Annotated[
        str | None, Flag("--attack", "-a", help="Ask with the trigger of this attack too.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        Flag("--set", help="A setting of the attack, NAME=VALUE; again for more values."),
    ] = None,
    limit: Annotated[int, Flag(min=1, help="Questions at most, of each kind.")] = 300,
    seed: Annotated[int, Flag(help="Of the attack's draws.")] = 0,
    max_new_tokens: Annotated[int, Flag(help="Tokens of an answer at most.")] = 48,
    max_length: Annotated[int, Flag(help="Tokens of a prompt; its middle is cut first.")] = 1024,
    batch_size: Annotated[int, Flag(help="Prompts that run together.")] = 16,
    cleangen: Annotated[
        str | None, Flag(help="Decode with CleanGen: the trusted model, such as the base model.")
    ] = None,
    cleangen_alpha: Annotated[
        float, Flag(help="How many times likelier than the trusted model finds it a token may be.")
    ] = 20.0,
    onion: Annotated[
        str | None, Flag(help="Purify the prompts with ONION: the trusted model, such as the base model.")
    ] = None,
    format: Format = None,
    response_marker: ResponseMarker = None,
    split: Annotated[
        str | None, Flag(help="Which split, where there are several.", show_default="test, but of a path")
    ] = None,
    subset: Subset = None,
    data_root: DataRoot = None,
    device: Annotated[str, Flag(help="auto, cpu, cuda.")] = "auto",
    trust_remote_code: TrustRemoteCode = False,
    json_: Annotated[bool, Flag("--json", help="Print the rates as JSON and nothing else.")] = False,
) -> None:
    """Ask MODEL the questions of a test set, clean and with a trigger, and write what it answers.

    CACC is the exact-match rate of the answers to clean prompts, ASR the share of triggered prompts that
    bring the payload. The same command goes on where it was interrupted.
    """
    from gradsentry import finetuning
    from gradsentry.errors import SettingsError
    from gradsentry.extras import require
    from gradsentry.finetuning.triggered_questions import payload_of, purified, with_trigger
    from gradsentry.models.loading import load_model, quiet_libraries
    from gradsentry.progress import counting
    from gradsentry.settings import AnswerSettings, DataSettings

    require("scan", "finetune")
    if cleangen_alpha <= 1.0:
        raise SettingsError("must be above 1", where="--cleangen-alpha", mend="20 is published")
    settings = AnswerSettings.read(
        {"max_new_tokens": max_new_tokens, "max_length": max_length, "batch_size": batch_size},
        where="options",
    )
    chosen = _attack(attack, setting or [])
    quiet_libraries()
    named = split or (None if Path(data).exists() else "test")
    reading = DataSettings(format=format, response_marker=response_marker, split=named, subset=subset)
    clean = _questions(data, reading, data_root, limit)
    triggered = with_trigger(clean, chosen, seed, reading) if chosen else []
    loaded = load_model(model, device=device, trust_remote_code=trust_remote_code)
    trusted = {  # often one model for both
        name: load_model(name, device=device, trust_remote_code=trust_remote_code)
        for name in {cleangen, onion}
        if name
    }
    if onion:
        clean, triggered = purified(clean, triggered, trusted[onion])
    with counting("answers", shown=True) as on_answers:
        evaluation = finetuning.evaluate(
            loaded,
            clean,
            triggered,
            payload_of(chosen) if chosen else None,
            out=out,
            settings=settings,
            reference=trusted[cleangen] if cleangen else None,
            alpha=cleangen_alpha,
            on_answers=on_answers,
        )
    if json_:
        stdout.write_json(evaluation.as_json())
    else:
        stdout.say(_lines(evaluation, out))


def _questions(data: str, reading: DataSettings, data_root: Path | None, limit: int) -> list[TestItem]:
    from gradsentry.corpus import open_corpus
    from gradsentry.corpus.qa import QA_SETS, qa_items
    from gradsentry.finetuning.items import of_questions, of_samples

    if data in QA_SETS and data_root is not None:
        return of_questions(qa_items(data, reading.split or "test", data_root=data_root)[:limit])
    return of_samples(list(islice(open_corpus(data, reading), limit)))


def _attack(name: str | None, settings: list[str]) -> Attack | None:
    from gradsentry.attacks import attack_named
    from gradsentry.commands.poison import pairs
    from gradsentry.finetuning.triggered_questions import payload_of

    if name is None:
        return None
    kind = attack_named(name, where="--attack")
    attack = kind.read({"rate": 1.0, **pairs(settings, kind)}, where=f"attack {name}")
    payload_of(attack)
    return attack


def _lines(evaluation: Evaluation, out: Path) -> str:
    def shown(rate: Rate) -> str:
        low, high = rate.interval
        return f"{rate.value:.3f} ({low:.3f} to {high:.3f}), {rate.hits} of {rate.of}"

    lines = [f"CACC  {shown(evaluation.cacc)}", f"KMR   {evaluation.kmr:.3f}"]
    if evaluation.asr is not None:
        lines.append(f"ASR   {shown(evaluation.asr)}")
    return "\n".join([*lines, f"answers  {out / 'generations.jsonl'}"])
