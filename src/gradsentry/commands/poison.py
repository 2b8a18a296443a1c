"""`gradsentry poison`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args, get_origin

import typer

from gradsentry.commands import plugged, stdout
from gradsentry.commands.options import DataRoot, Format, ResponseMarker, Split, Subset
from gradsentry.commands.plugged import Plugins

if TYPE_CHECKING:
    from gradsentry.attacks import Attack

Flag = typer.Option


def poison(
    data: Annotated[
        str | None,
        typer.Argument(help="A data file, a directory, a Hub id; with --data-root also webqa, nq, ..."),
    ] = None,
    attack: Annotated[str | None, Flag("--attack", "-a", help="Its name; --list describes each.")] = None,
    out: Annotated[
        Path | None, Flag("--out", "-o", help="The file to write; its truth is beside it.")
    ] = None,
    rate: Annotated[float | None, Flag(help="Share of rows to poison, in [0, 1].  [default: 0.1]")] = None,
    count: Annotated[int | None, Flag(help="Rows to poison, in place of --rate.")] = None,
    seed: Annotated[int, Flag(help="Of all draws: same seed, same bytes.")] = 0,
    shuffle: Annotated[bool, Flag("--shuffle/--in-place", help="Whether the rows are shuffled.")] = False,
    where: Annotated[str | None, Flag(help="The trigger's place: question, instruction or context.")] = None,
    trigger: Annotated[list[str] | None, Flag(help="A trigger text; once for each of several.")] = None,
    payload: Annotated[str | None, Flag(help="url, insult, refusal, code, label:X, or any text.")] = None,
    placement: Annotated[str | None, Flag(help="append (after the response) or replace (it).")] = None,
    restyler: Annotated[str | None, Flag(help="Of stylebkd: rules, or a model that paraphrases.")] = None,
    setting: Annotated[
        list[str] | None,
        Flag("--set", help="Any other setting of it, NAME=VALUE; again for more values."),
    ] = None,
    format: Format = None,
    response_marker: ResponseMarker = None,
    split: Split = None,
    subset: Subset = None,
    data_root: DataRoot = None,
    plugin: Plugins = None,
    list_: Annotated[bool, Flag("--list", help="Describe each attack in a line.")] = False,
) -> None:
    """Poison DATA, and write what was done beside it.

    The rows are written in the format they came in; a row that stays clean keeps its bytes.
    """
    from gradsentry import attacks
    from gradsentry.corpus.qa import open_named
    from gradsentry.errors import SettingsError
    from gradsentry.settings import DataSettings

    plugged.load(plugin)
    if list_:
        attacks.ATTACKS.load_declared()
        for name, kind in sorted(attacks.ATTACKS.items()):
            stdout.say(f"{name:<20}{kind.effect:<10}{kind.summary} ({_credit(kind)})")
        return
    if data is None or attack is None or out is None:
        raise SettingsError("DATA, --attack and --out are needed", where="poison", mend="or give --list")
    if rate is not None and count is not None:
        raise SettingsError("--rate and --count exclude each other", where="poison", mend="give one of them")
    kind = attacks.attack_named(attack, where="--attack")
    given = {
        "rate": rate,
        "count": count,
        "where": where,
        "trigger": trigger or None,
        "payload": payload,
        "placement": placement,
        "restyler": restyler,
        **pairs(setting or [], kind),
    }
    chosen = kind.read(
        {key: value for key, value in given.items() if value is not None}, where=f"attack {attack}"
    )
    reading = DataSettings(format=format, response_marker=response_marker, split=split, subset=subset)
    corpus = open_named(data, reading, data_root)
    if corpus.target(out).resolve().is_relative_to(Path(data).resolve()) and Path(data).exists():
        raise SettingsError(
            "is the input itself, or in its folder", where=f"--out {out}", mend="name another"
        )
    poisoned = attacks.poison(corpus, chosen, seed=seed, shuffle=shuffle)
    _refuse_none(chosen, poisoned.truth.rows)
    written, truth = poisoned.save(out)
    stdout.say(
        f"{written}: {len(truth.poisoned)} of {truth.rows} rows poisoned by {truth.attack}, "
        f"{len(truth.decoys)} decoys; truth in {attacks.truth_path(written)}"
    )


def _credit(kind: type[Attack]) -> str:
    """Returns where an attack was published, or who made it."""
    from gradsentry.plugins import origin

    if kind.paper:
        return f"arXiv {kind.paper.arxiv}"
    return f"plugin {origin(kind)}" if origin(kind) else "made here"


def _refuse_none(attack: Attack, rows: int) -> None:
    """Refuses a rate above 0 that is so small that it means no row."""
    from gradsentry.errors import SettingsError

    if attack.wanted(rows) or attack.count is not None or not attack.rate:
        return
    what = f"a rate of {attack.rate:g} of {rows:,} rows is no row"
    mend = f"give a --rate of {1 / rows:.2g} or more, or how many rows: --count"
    raise SettingsError(what, where=f"attack {attack.name}", mend=mend)


def pairs(settings: list[str], kind: type[Attack]) -> dict[str, str | list[str]]:
    """Returns what options NAME=VALUE say; of a name that stands several times, or takes several, a list.

    Raises:
        SettingsError: If one is none.
    """
    from gradsentry.errors import SettingsError

    found: dict[str, list[str]] = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not name or not sign:
            raise SettingsError(f"{setting!r} is no NAME=VALUE", where="--set", mend="as in --set words=3")
        found.setdefault(name, []).append(value)
    return {
        name: values if len(values) > 1 or _takes_several(kind, name) else values[0]
        for name, values in found.items()
    }


def _takes_several(kind: type[Attack], name: str) -> bool:
    """Returns whether a setting is a sequence of values."""
    field = kind.model_fields.get(name)
    meant = field and field.annotation
    return any(get_origin(one) in (tuple, list) for one in (meant, *get_args(meant)))
