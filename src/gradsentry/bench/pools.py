"""The rows of a data set, clean and poisoned, and the mixes drawn from them.

Each row stands in the pool as it is and, where the attack fits it, poisoned. A mix of n rows at rate r takes
the poisoned version of a share r of them and the clean version of the rest, as an attacker would, so no row
stands beside its own other version. What is computed for the rows serves every mix.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from gradsentry.attacks import Attack
from gradsentry.attacks.base import Surroundings
from gradsentry.attacks.fields import NoPlace, find_fields
from gradsentry.bench.spec import DataSpec, poisoned_of
from gradsentry.corpus import Sample, open_corpus, write_turns
from gradsentry.corpus.qa import QA_SETS, load_qa
from gradsentry.corpus.sample import Turn
from gradsentry.defences.reading import encode_all
from gradsentry.embedded import embedded_data_path
from gradsentry.errors import DataError
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import DataSettings

VERSIONS = ("clean", "poisoned", "decoy")
"""What a row of a pool is, in the order of `Pool.parts`."""


@dataclass(frozen=True)
class Pool:
    """The versions of some rows.

    Attributes:
        clean: The rows as they are.
        poisoned: The poisoned version of each row that the attack fits, by place in `clean`.
        decoys: The version with a part of the trigger of each row that takes one, by place.
    """

    clean: tuple[Sample, ...]
    poisoned: dict[int, Sample]
    decoys: dict[int, Sample]

    @property
    def parts(self) -> tuple[tuple[Sample, ...], ...]:
        """The clean rows, the poisoned ones and the decoys; a mix numbers them in this order."""
        return self.clean, tuple(self.poisoned.values()), tuple(self.decoys.values())

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All versions."""
        return tuple(sample for part in self.parts for sample in part)

    def versions(self, mix: Mix) -> list[str]:
        """Returns which version of it each row of a mix is."""
        of_samples = np.repeat(VERSIONS, [len(part) for part in self.parts])
        versions: list[str] = of_samples[mix.rows].tolist()
        return versions

    def first(self, rows: int) -> Pool:
        """Returns the pool of the first rows alone."""
        return Pool(
            self.clean[:rows],
            {place: sample for place, sample in self.poisoned.items() if place < rows},
            {place: sample for place, sample in self.decoys.items() if place < rows},
        )


@dataclass(frozen=True)
class Mix:
    """Rows of a pool at a poison rate.

    Attributes:
        rows: Their numbers in `Pool.samples`, in a drawn order.
        is_poisoned: The truth.
        decoys: How many of the clean ones carry a part of the trigger.
    """

    rows: NDArray[np.int64]
    is_poisoned: NDArray[np.bool_]
    decoys: int


def load_rows(spec: DataSpec) -> tuple[Sample, ...]:
    """Returns all rows of a data set that have a response, and are no longer than the spec allows.

    Raises:
        DataError: If the data is missing or broken.
    """
    source = spec.source or spec.name
    samples: list[Sample] = []
    for split in spec.splits:
        if source in QA_SETS and spec.root is not None:
            corpus = load_qa(source, split, data_root=spec.root)
        elif source == "embedded":
            corpus = open_corpus(embedded_data_path())
        else:
            of_hub = None if Path(source).exists() else split
            corpus = open_corpus(source, DataSettings(format=spec.format, split=of_hub))
        samples += [sample for sample in corpus if sample.problem is None]
    if not samples:
        raise DataError("no row has a response", where=spec.shown, mend="name other data")
    if spec.characters is not None:
        longest = spec.characters
        samples = [one for one in samples if len(one.prompt) + len(one.response) <= longest]
        if not samples:
            what = f"no row has {longest} characters or fewer"
            raise DataError(what, where=spec.shown, mend="give more characters")
    return _numbered(samples)


def draw_rows(
    samples: Sequence[Sample], rows: int, seed: int, loaded: LoadedModel | None = None
) -> tuple[Sample, ...]:
    """Returns some rows in a drawn order, with a model only those that it can be given.

    The id of each is its place among the samples; its number, its place among those that are returned.
    """
    order = list(range(len(samples)))
    Random(f"{seed}/rows").shuffle(order)
    chosen = [samples[number] for number in order]
    if loaded is not None:
        chosen = [
            sample
            for sample, one in zip(chosen, encode_all(chosen, loaded), strict=True)
            if one.problem is None
        ]
    return tuple(replace(sample, number=place) for place, sample in enumerate(chosen[:rows]))


def build_pool(clean: tuple[Sample, ...], attack: Attack | None, seed: int, limit: int | None = None) -> Pool:
    """Returns the rows with their poisoned versions, and their decoys where the attack has such.

    Args:
        clean: The rows.
        attack: The attack, if any.
        seed: Of its draws.
        limit: Rows that are poisoned at most.

    Raises:
        DataError: If the attack fits none of them.
    """
    if attack is None:
        return Pool(clean, {}, {})
    around = Surroundings(clean)
    poisoned: dict[int, Sample] = {}
    decoys: dict[int, Sample] = {}
    reason = ""
    for place, sample in enumerate(clean):
        if len(poisoned) == limit:
            break
        draw = Random(f"{seed}/{attack.name}/{place}")
        try:
            fields = find_fields(sample)
            poisoned[place] = _edited(sample, attack.poisoned(fields, draw, around))
            if attack.decoys_for(1):
                decoys[place] = _edited(sample, attack.decoy(fields, draw))
        except NoPlace as problem:
            reason = str(problem)
    if not poisoned:
        raise DataError(f"{attack.name} fits no row ({reason})", mend="choose an attack that fits the data")
    return Pool(clean, poisoned, decoys)


def drawn_places(rows: int, seed: int, limit: int | None = None) -> list[int]:
    """Returns the places in a pool of so many rows whose versions a mix takes, at most `limit`, as drawn."""
    drawn: list[int] = np.random.default_rng(seed).permutation(rows).tolist()
    return drawn[:limit]


def draw_mix(pool: Pool, attack: Attack | None, rate: float, seed: int, rows: int | None = None) -> Mix:
    """Returns a mix at a rate in percent; with too few poisoned rows for it, a smaller one.

    Rows poisoned at a rate are poisoned at every higher one.
    """
    order = drawn_places(len(pool.clean), seed, rows)
    wanted = len(order)
    able = [place for place in order if place in pool.poisoned]
    count = poisoned_of(wanted, rate)
    if count > len(able):
        count = len(able)
        wanted = round(count / (rate / 100))
    chosen = able[:count]
    rest = [place for place in order if place not in set(chosen)][: wanted - count]
    decoyed = [place for place in rest if place in pool.decoys]
    decoyed = decoyed[: attack.decoys_for(count) if attack else 0]
    poison_at = {place: len(pool.clean) + i for i, place in enumerate(pool.poisoned)}
    decoy_at = {place: len(pool.clean) + len(poison_at) + i for i, place in enumerate(pool.decoys)}
    plain = set(rest) - set(decoyed)
    numbers = [*sorted(plain), *(poison_at[p] for p in chosen), *(decoy_at[p] for p in decoyed)]
    drawn = np.random.default_rng([seed, count]).permutation(np.array(numbers, np.int64))
    start = len(pool.clean)
    return Mix(drawn, (drawn >= start) & (drawn < start + len(poison_at)), len(decoyed))


def content_hash(samples: Sequence[Sample]) -> str:
    """Returns the SHA-256 of what a model is shown of rows, in their order."""
    digest = hashlib.sha256()
    for sample in samples:
        turns = [(turn.role, turn.text, turn.trained, turn.joins) for turn in sample.turns]
        digest.update(json.dumps([sample.conversational, turns]).encode())
    return digest.hexdigest()


def _edited(sample: Sample, turns: tuple[Turn, ...]) -> Sample:
    if turns == sample.turns:
        raise NoPlace("the attack changes nothing in it")
    edited = write_turns(sample, turns)
    if edited.problem is not None:
        raise NoPlace(edited.problem)
    return edited


def _numbered(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Returns rows that are told apart by their place alone: nothing says what was edited."""
    return tuple(replace(sample, number=i, id=i, raw=None, origin="") for i, sample in enumerate(samples))
