"""What a benchmark runs: YAML, validated as a whole before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gradsentry.attacks import Attack, attack_named
from gradsentry.bench.finetune_spec import FineTuneSpec
from gradsentry.defences import Detector, detector_named
from gradsentry.errors import SettingsError
from gradsentry.settings import DType
from gradsentry.validated import TOLD, Settings

FLOORS = ("response_length", "loss")
"""The defences that stand in every benchmark."""

HOW_MANY = ("rate", "count")
"""Settings of an attack that a benchmark does not take: its `rates` say how many rows are poisoned."""

Percent = Annotated[float, Field(ge=0.0, le=100.0)]


class _Named(Settings):
    """The base of what is listed by name; in YAML the name alone will do.

    Attributes:
        name: Of a data set, an attack or a defence, as it is known or registered.
        label: What it is called in the results; the name where none is given.
    """

    name: str
    label: str = ""

    @property
    def shown(self) -> str:
        """What it is called in the results."""
        return self.label or self.name


class DataSpec(_Named):
    """A data set.

    Attributes:
        source: A path, from the folder where the command runs; a Hub id, `embedded`, or with a root the name
            of a question-answering set; the name where none is given.
        root: The folder of the question-answering sets.
        splits: Which splits, one after another.
        format: The row format, where the columns do not tell it.
        optional: Whether the benchmark goes on without it where it is missing.
        rows: Rows at most, where that is less than the benchmark's own.
        characters: Of prompt and response at most; longer rows are left out, where passes cost much.
        attacks: Which of the benchmark's attacks are run on it; all where none are given.
    """

    source: str = ""
    root: Path | None = None
    splits: tuple[str, ...] = ("train",)
    format: str | None = None
    optional: bool = False
    rows: int | None = Field(default=None, ge=2)
    characters: int | None = Field(default=None, ge=1)
    attacks: tuple[str, ...] | None = None


class AttackSpec(_Named):
    """An attack.

    Attributes:
        settings: Of the attack: what its class has besides the name, but `rate` and `count`.
        rows: Rows of a data set that are poisoned at most, where long responses cost much.
    """

    settings: dict[str, Any] = Field(default_factory=dict)
    rows: int | None = Field(default=None, ge=1)

    def build(self) -> Attack:
        """Returns the attack.

        Raises:
            SettingsError: If there is none of that name, or a setting is wrong.
        """
        for key in HOW_MANY:
            if key in self.settings:
                raise SettingsError(
                    f"{key} is set", where=f"attack {self.shown}", mend="the benchmark's `rates` say how many"
                )
        return attack_named(self.name).read(self.settings, where=f"attack {self.shown}")

    def settled(self) -> dict[str, Any]:
        """Returns all its settings, in JSON's types; how many rows are poisoned is said by the cell."""
        return self.build().model_dump(mode="json", exclude=set(HOW_MANY))


class DefenceSpec(_Named):
    """A defence.

    Attributes:
        settings: Of the defence: what its class has besides the name.
        rates: Poison rates in percent that it is run at; all where none are given.
        rows: Rows of a data set at most, for defences that cost much.
        data: Which data sets it is run on; all where none are given.
        attacks: Which attacks it is run on; all where none are given.
    """

    settings: dict[str, Any] = Field(default_factory=dict)
    rates: tuple[Percent, ...] | None = None
    rows: int | None = Field(default=None, ge=2)
    data: tuple[str, ...] | None = None
    attacks: tuple[str, ...] | None = None

    def build(self) -> Detector:
        """Returns the detector.

        Raises:
            SettingsError: If there is none of that name, or a setting is wrong.
        """
        return detector_named(self.name).read(self.settings, where=f"defence {self.shown}")


class Ablations(Settings):
    """Variants of GradSentry that are tried besides; all lists may be empty.

    Attributes:
        k: Singular values in the entropy.
        crop: Regions.
        samples: Sizes of the data set.
        rates: Poison rates in percent.
    """

    k: tuple[int, ...] = ()
    crop: tuple[int, ...] = ()
    samples: tuple[Annotated[int, Field(ge=2)], ...] = ()
    rates: tuple[Percent, ...] = (10.0,)


class Lock(Settings):
    """What a benchmark was run with; a run of a locked spec refuses other data or another model, and says
    which versions are others.

    Attributes:
        data: SHA-256 of the rows of each data set.
        models: Fingerprints, which are others in another dtype.
        dtypes: That each model was run in, `dtype: auto` too; in another one it is refused.
        device: What computed: a processor with its instructions, or a GPU with its name; another one is no
            error.
        versions: Of the libraries and of code of one's own; another one is no error.
    """

    data: dict[str, str] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)
    dtypes: dict[str, str] = Field(default_factory=dict)
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


def poisoned_of(rows: int, rate: float) -> int:
    """Returns how many of so many rows a rate in percent is."""
    return round(rate / 100 * rows)


def _names(value: object) -> object:
    return (
        [{"name": one} if isinstance(one, str) else one for one in value]
        if isinstance(value, list)
        else value
    )


Listed = BeforeValidator(_names)
_Buildable = AttackSpec | DefenceSpec


class Spec(Settings):
    """A benchmark.

    Attributes:
        data: What is poisoned, each by itself: names, or a mapping each.
        attacks: What poisons it: names (`gradsentry poison --list`), or a mapping each.
        defences: The defences, cheapest first: they run in this order. The floors must be among them.
        models: Whom the defences ask: `smollm2` (embedded), paths or Hub ids; each is a run of its own.
        rates: Poison rates in percent; at 0 there is one cell for all attacks. Where none are given, no
            defence is scored.
        seeds: Of which rows are poisoned, and of the order of the rows in a mix; a mix for each.
        rows: Rows of a data set at most; each has a clean and a poisoned version.
        seed: Of which rows are taken, and of the attacks' draws.
        ablations: Variants of GradSentry.
        finetune: Fine-tunings, besides the scores.
        bootstrap: Draws for the percentile intervals, from a generator that starts from 0 in each cell,
            poisoned and clean rows apart; 0 for none.
        plot_rate: The rate that ROC, and score against length, are drawn at.
        device: Of the models: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: Of the models; `auto` is bfloat16 where that is faster, else float32. Another one gives other
            figures: name it where machines of two kinds are to give the same.
        locked: What an earlier run was made with.
    """

    data: Annotated[tuple[DataSpec, ...], Listed] = Field(min_length=1)
    attacks: Annotated[tuple[AttackSpec, ...], Listed] = Field(min_length=1)
    defences: Annotated[tuple[DefenceSpec, ...], Listed] = tuple(
        DefenceSpec(name=name) for name in ("gradsentry", "gradsentry_full", *FLOORS)
    )
    models: tuple[str, ...] = ("smollm2",)
    rates: tuple[Percent, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 80.0, 90.0)
    seeds: tuple[int, ...] = (0,)
    rows: int = Field(default=1000, ge=2)
    seed: int = 0
    ablations: Ablations = Ablations()
    finetune: FineTuneSpec | None = None
    bootstrap: int = Field(default=200, ge=0)
    plot_rate: Percent = 10.0
    device: str = "auto"
    dtype: DType = "auto"
    locked: Lock | None = None

    @field_validator("attacks", "defences")
    @classmethod
    def _can_be_built(cls, entries: tuple[_Buildable, ...]) -> tuple[_Buildable, ...]:
        # As problems of their keys, so that all that is wrong is said at once.
        wrong = []
        for entry in entries:
            try:
                entry.build()
            except SettingsError as error:
                wrong.append(error.line())
        if wrong:
            raise PydanticCustomError(TOLD, "{lines}", {"lines": "; ".join(wrong)})
        return entries

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for variant in self.variants():
            variant.build()
        for kind in (self.data, self.attacks, self.defences):
            labels = [one.shown for one in kind]
            if twice := next((label for label in labels if labels.count(label) > 1), None):
                raise SettingsError(f"two entries are called {twice!r}", mend="give one a `label`")
        self._refuse_unknown()
        self._refuse_few()
        if missing := [name for name in FLOORS if name not in {one.name for one in self.defences}]:
            raise SettingsError(
                f"the floor {missing[0]} is missing", where="defences", mend=f"add {' and '.join(missing)}"
            )
        return self

    def _refuse_unknown(self) -> None:
        """Raises SettingsError where an entry names a data set or an attack that the benchmark has not."""
        data, attacks = ({one.shown for one in kind} for kind in (self.data, self.attacks))
        if self.finetune:
            self.finetune.refuse_unknown(data, attacks)
        named = [(one.shown, one.attacks, attacks) for one in self.data]
        named += [(one.shown, one.attacks, attacks) for one in self.defences]
        named += [(one.shown, one.data, data) for one in self.defences]
        for entry, names, known in named:
            if unknown := sorted(set(names or ()) - known):
                raise SettingsError(
                    f"{unknown[0]!r} is not in the benchmark",
                    where=entry,
                    mend=f"known: {', '.join(sorted(known))}",
                )

    def _refuse_few(self) -> None:
        """Raises SettingsError where a rate is not one row, in whatever data set and for whatever defence."""
        for defence in self.defences:
            for rate in filter(None, defence.rates or self.rates):
                rows = max(self.rows_at_most(data, defence) for data in self.data)
                if not poisoned_of(rows, rate):
                    what = f"{rate:g} % of {rows} rows is not one row to poison"
                    least = next(more for more in count(rows) if poisoned_of(more, rate))
                    own = defence.rows == rows < self.rows
                    which = "its `rows`" if own else "`rows`, --limit"
                    its_own = ", or `rates` of its own" if own and not defence.rates else ""
                    mend = f"take {least} rows or more ({which}), or a higher rate{its_own}"
                    where = f"rates of {defence.shown}" if own or defence.rates else "rates"
                    raise SettingsError(what, where=where, mend=mend)

    def rows_at_most(self, data: DataSpec, defence: DefenceSpec) -> int:
        """Returns how many rows of a data set a defence is run on, if that has as many."""
        return min([self.rows, *(rows for rows in (data.rows, defence.rows) if rows)])

    def attacks_on(self, data: DataSpec, defence: DefenceSpec | None = None) -> Iterator[AttackSpec]:
        """Yields the attacks that are run on a data set, or on it with a defence."""
        lists = (data.attacks, defence.attacks if defence else None)
        for attack in self.attacks:
            if all(names is None or attack.shown in names for names in lists):
                yield attack

    def limited(self, rows: int) -> Spec:
        """Returns the benchmark on fewer rows of each data set.

        Raises:
            SettingsError: If they are too few.
        """
        values = self.model_dump()
        finetune = values["finetune"] or {"runs": ()}
        for section in (values, finetune, *finetune["runs"]):
            if section.get("rows") is not None:
                section["rows"] = min(section["rows"], rows)
        return Spec.read(values, where="--limit")

    def variants(self) -> Iterator[DefenceSpec]:
        """Yields GradSentry with each k, each region and each number of rows of the ablations."""
        for name in ("k", "crop"):
            for value in getattr(self.ablations, name):
                yield DefenceSpec(name="gradsentry", label=f"{name}={value}", settings={name: value})
        for rows in self.ablations.samples:
            yield DefenceSpec(name="gradsentry", label=f"samples={rows}", rows=rows)
