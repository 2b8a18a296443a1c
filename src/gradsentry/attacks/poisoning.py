"""Corpus in, poisoned corpus and truth out.

Rows are visited in an order drawn from the seed; each that the attack fits is poisoned until there are
enough. The draws for a row depend on the seed, the attack and the row's id alone. What stays clean stays
byte for byte.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from gradsentry.attacks.base import Attack, Surroundings
from gradsentry.attacks.fields import Fields, NoPlace, find_fields
from gradsentry.corpus.containers import data_suffix
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.editing import write_turns
from gradsentry.corpus.ownfiles import TRUTH
from gradsentry.corpus.sample import RowId, Sample, Turn
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError, SettingsError
from gradsentry.plugins import described
from gradsentry.settings import DataSettings
from gradsentry.validated import Settings

WIDELY = 0.05
"""A trigger that stands in more than this share of the rows is refused."""
_TRUTH = "give what `gradsentry poison` wrote beside the data"


class Row(Settings):
    """A row named in a truth file.

    Attributes:
        id: As a reader of the output sees it: the row's own id, else its number in the output.
        row: Its number in the output, from 0.
        source: Its number in the input, from 0.
        reason: Why an attack found no place in it; of skipped rows only.
    """

    id: RowId
    row: int
    source: int
    reason: str | None = None


class Truth(Settings):
    """What was done to a corpus; never seen by a detector.

    Attributes:
        attack: The attack's name.
        parameters: Every setting of it.
        seed: The seed.
        shuffled: Whether the rows were shuffled.
        rows: How many rows there are.
        poisoned: The poisoned rows.
        decoys: Clean rows that carry a part of the trigger.
        natural: Rows that the attack left alone and that carry the trigger by nature.
        skipped: Rows that were drawn and did not fit, with the reason.
        response_length: Mean characters of the poisoned responses, before and after.
        input_sha256: Of the corpus as it came.
        output_sha256: Of the file that was written; None until it is.
    """

    attack: str
    parameters: dict[str, Any]
    seed: int
    shuffled: bool
    rows: int
    poisoned: tuple[Row, ...]
    decoys: tuple[Row, ...]
    natural: tuple[Row, ...]
    skipped: tuple[Row, ...]
    response_length: tuple[float, float]
    input_sha256: str
    output_sha256: str | None = None

    @property
    def poisoned_ids(self) -> frozenset[RowId]:
        """The ids of the poisoned rows, as a reader of the output sees them: texts or numbers, as they came.

        A verdict has all ids as text; its row numbers are the `row` of each of `poisoned`.
        """
        return frozenset(row.id for row in self.poisoned)

    def write(self, path: Path) -> None:
        """Writes the truth as JSON, a row to a line."""
        values = self.model_dump(mode="json")
        lines = [f"  {json.dumps(key)}: {_in_lines(value)}" for key, value in values.items()]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

    @classmethod
    def read_file(cls, path: Path) -> Truth:
        """Returns the truth in a file.

        Raises:
            DataError: If the file is missing or no JSON.
            SettingsError: If a key is wrong.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = f"cannot be read as a truth file ({error})"
            raise DataError(what, where=str(path), mend=_TRUTH) from None
        if not isinstance(values, dict):
            raise DataError("holds no JSON object", where=str(path), mend=_TRUTH)
        return cls.read(values, where=str(path))


def _in_lines(value: object) -> str:
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return json.dumps(value)
    rows = ({key: item for key, item in row.items() if item is not None} for row in value)
    return "[\n    " + ",\n    ".join(map(json.dumps, rows)) + "\n  ]"


@dataclass(frozen=True)
class Poisoned:
    """A poisoned corpus.

    Attributes:
        samples: All rows, in the order of the output; those left clean are the samples that came in.
        truth: What was done.
        corpus: The corpus that came in.
    """

    samples: tuple[Sample, ...]
    truth: Truth
    corpus: Corpus

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, column by column: what `scan` takes."""
        return [dict(sample.row) for sample in self.samples]

    def save(self, path: Path) -> tuple[Path, Truth]:
        """Returns where the rows were written, and the truth, which is then beside them: `x.truth.json`.

        Raises:
            DataError: If the file cannot be written.
        """
        written = self.corpus.save(path, self.samples)
        digest = open_corpus(written, DataSettings(format=self.corpus.format)).sha256()
        truth = self.truth.model_copy(update={"output_sha256": digest})
        truth.write(truth_path(written))
        return written, truth


def truth_path(path: Path) -> Path:
    """Returns where the truth of a poisoned file stands: `x.truth.json` beside `x.jsonl`."""
    return path.with_name(f"{path.name.removesuffix(data_suffix(path))}{TRUTH}")


def poison(corpus: Corpus, attack: Attack, *, seed: int = 0, shuffle: bool = False) -> Poisoned:
    """Returns the corpus, poisoned, and the truth about it.

    Args:
        corpus: The rows; read once.
        attack: What to do, to how many.
        seed: Of all draws; same seed, same bytes.
        shuffle: Whether to shuffle the rows, as the published experiments do; else each stays in its place.

    Raises:
        DataError: If there are no rows, too few that fit, or the trigger stands in many rows already.
    """
    samples = tuple(corpus)
    if not samples:
        raise DataError("the corpus has no rows", mend="give data with at least one row")
    natural = _natural(samples, attack)
    work = _Work(samples, attack, seed)
    wanted = attack.wanted(len(samples))
    poisoned = work.take(wanted, "poisoned")
    decoys = work.take(attack.decoys_for(wanted), "decoys")
    order = _order(samples, Random(f"{seed}/{attack.name}/shuffle") if shuffle else None)
    place = {source: row for row, source in enumerate(order)}

    def named(source: int, reason: str | None = None) -> Row:
        sample = samples[source]
        own = corpus.id_column is not None and sample.row.get(corpus.id_column) == sample.id
        return Row(id=sample.id if own else place[source], row=place[source], source=source, reason=reason)

    def in_place(numbers: Iterable[int]) -> tuple[Row, ...]:
        return tuple(named(number) for number in sorted(numbers, key=place.__getitem__))

    changed = {number: write_turns(samples[number], turns) for number, turns in (poisoned | decoys).items()}
    truth = Truth(
        attack=attack.name,
        parameters=attack.model_dump(mode="json"),
        seed=seed,
        shuffled=shuffle,
        rows=len(samples),
        poisoned=in_place(poisoned),
        decoys=in_place(decoys),
        natural=in_place(natural - changed.keys()),
        skipped=tuple(named(number, reason) for number, reason in work.skipped.items()),
        response_length=_response_length(samples, changed, poisoned),
        input_sha256=corpus.sha256(),
    )
    return Poisoned(tuple(changed.get(number, samples[number]) for number in order), truth, corpus)


def _order(samples: tuple[Sample, ...], draw: Random | None) -> list[int]:
    """Returns the numbers of the rows in the order of the output; rows stay in their file and split."""
    order = list(range(len(samples)))
    if draw is not None:
        draw.shuffle(order)
        files = [(sample.split, sample.origin.rpartition(":")[0]) for sample in samples]
        rank = {file: number for number, file in enumerate(dict.fromkeys(files))}
        order.sort(key=lambda number: rank[files[number]])
    return order


class _Work:
    """The rows in the order they are visited, and what came of those visited so far."""

    def __init__(self, samples: tuple[Sample, ...], attack: Attack, seed: int) -> None:
        self._samples = samples
        self._attack = attack
        self._seed = seed
        self._around = Surroundings(samples)
        self._order = list(range(len(samples)))
        Random(f"{seed}/{attack.name}").shuffle(self._order)
        self._taken: set[int] = set()
        self.skipped: dict[int, str] = {}

    def take(self, wanted: int, kind: str) -> dict[int, tuple[Turn, ...]]:
        """Returns the edited turns of as many rows as wanted, by number.

        Raises:
            DataError: If fewer fit.
        """
        taken: dict[int, tuple[Turn, ...]] = {}
        reasons: Counter[str] = Counter()
        for number in self._order:
            if len(taken) == wanted:
                break
            if number in self._taken:
                continue
            try:
                taken[number] = self._edited(number, kind)
            except NoPlace as reason:
                self.skipped[number] = str(reason)
                reasons[str(reason)] += 1
        if len(taken) < wanted:
            why = "; ".join(f"{times} rows: {reason}" for reason, times in reasons.most_common(2))
            raise DataError(
                f"{self._attack.name} fits {len(taken)} of {len(self._samples)} rows, not {wanted} ({kind})"
                + (f" ({why})" if why else ""),
                mend=f"give --count {len(taken)} at most"
                if taken
                else "choose an attack that fits these rows",
            )
        self._taken |= taken.keys()
        return taken

    def _edited(self, number: int, kind: str) -> tuple[Turn, ...]:
        sample = self._samples[number]
        draw = Random(f"{self._seed}/{self._attack.name}/{kind}/{sample.id!r}")
        fields = find_fields(sample)
        turns = self._turns(fields, draw, kind)
        _refuse_other(turns, self._attack, len(sample.turns))
        if turns == sample.turns:
            raise NoPlace("the attack changes nothing in it")
        return turns

    def _turns(self, fields: Fields, draw: Random, kind: str) -> tuple[Turn, ...]:
        if kind == "decoys":
            return self._attack.decoy(fields, draw)
        return self._attack.poisoned(fields, draw, self._around)


def _refuse_other(turns: object, attack: Attack, count: int) -> None:
    """Raises where an attack of somebody's own returned something else than the turns of a row."""
    given = turns if isinstance(turns, tuple) else ()
    whole = [one for one in given if isinstance(one, Turn)]
    # A preference has turns that are in no sample, behind the others.
    if not len(given) == len(whole) >= count:
        returned = f"{len(whole)} turns" if whole else type(turns).__name__
        where, mend = described(type(attack)), "return what Fields.edit or Fields.edit_turns returns"
        raise SettingsError(f"returned {returned}, not {count} turns", where=where, mend=mend)


def _natural(samples: tuple[Sample, ...], attack: Attack) -> set[int]:
    """Returns the numbers of the rows that carry the trigger by nature.

    Raises:
        DataError: If they are many: a backdoor could not be told from the data.
    """
    natural = {sample.number for sample in samples if attack.carries(sample.prompt)}
    if len(natural) > max(2, WIDELY * len(samples)):
        raise DataError(
            f"the trigger of {attack.name} stands in {len(natural)} of {len(samples)} rows already",
            mend="choose a rarer one with --trigger",
        )
    return natural


def _response_length(
    samples: tuple[Sample, ...], changed: dict[int, Sample], poisoned: dict[int, tuple[Turn, ...]]
) -> tuple[float, float]:
    if not poisoned:
        return 0.0, 0.0
    before = fmean(len(samples[number].response) for number in poisoned)
    after = fmean(len(changed[number].response) for number in poisoned)
    return round(before, 1), round(after, 1)
