"""What a benchmark reads off single rows, and whether somebody's own code for that can be used.

That is tried on a few rows before all are read: what fails may be hours away, and features that are said to
be of the row alone and are not would give wrong results without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.bench.features import checked
from gradsentry.bench.pools import drawn_places
from gradsentry.bench.spec import DataSpec, DefenceSpec, Spec
from gradsentry.corpus import Sample
from gradsentry.defences import Extractor, MixExtractor, PoolExtractor, RowExtractor
from gradsentry.models.loading import LoadedModel

ROWS = 8
"""How many rows are tried: clean ones, and poisoned versions of them, which share a payload."""

ROUNDING = 0.05
"""How far a feature of a row alone may lie from the one among others, as a share of the largest: bfloat16 has
three digits, and sums them up in another order; what counts rows is off by far more."""

ZERO = 1e-6
"""What is as good as zero in float32, of which nothing is said."""


@dataclass(frozen=True)
class Use:
    """What a defence wants of what is read off single rows.

    Attributes:
        defence: The defence.
        of_mix: Whether of some rows it takes those that each mix draws, and not the first ones.
    """

    defence: DefenceSpec
    of_mix: bool

    def places(self, rows: int, seeds: Sequence[int]) -> set[int]:
        """Returns which rows of a data set of so many it takes, in the mixes of these seeds."""
        limit = self.defence.rows
        if limit is None or not self.of_mix:
            return set(range(rows)[:limit])
        return {place for seed in seeds for place in drawn_places(rows, seed, limit)}


@dataclass(frozen=True)
class Reader:
    """What reads something off single rows.

    Attributes:
        extractor: What does.
        uses: Which defences' features are made of it, and of which rows.
    """

    extractor: Extractor
    uses: tuple[Use, ...]

    @property
    def key(self) -> str:
        """What tells the extractor from others."""
        return f"{self.extractor.name} {self.extractor.model_dump_json()}"

    @property
    def defences(self) -> tuple[DefenceSpec, ...]:
        """The defences, in the order of the spec."""
        return tuple(use.defence for use in self.uses)

    @property
    def shown(self) -> str:
        """The defences, as they are called in the results."""
        return ", ".join(one.shown for one in self.defences)

    def places(self, rows: int, seeds: Sequence[int]) -> list[int]:
        """Returns which rows of a data set of so many it reads, in the mixes of these seeds."""
        return sorted(set[int]().union(*(use.places(rows, seeds) for use in self.uses)))


def readers(spec: Spec, data: DataSpec) -> list[Reader]:
    """Returns what the defences of a benchmark read off single rows of a data set, each once."""
    found: dict[str, Reader] = {}
    for defence in (*spec.defences, *spec.variants()):
        if defence.data is None or data.shown in defence.data:
            with suppress(Exception):  # of somebody's own code; the cells of the defence say it
                reader = _reader(defence)
                if reader.extractor.scope == "row":
                    others = found[reader.key].uses if reader.key in found else ()
                    found[reader.key] = replace(reader, uses=(*others, *reader.uses))
    return list(found.values())


def _reader(defence: DefenceSpec) -> Reader:
    extractor = defence.build().extractor
    if isinstance(extractor, PoolExtractor | MixExtractor):
        return Reader(extractor.of, (Use(defence, of_mix=False),))
    return Reader(extractor, (Use(defence, of_mix=True),))


def depends_on_others(extractor: Extractor, samples: Sequence[Sample], loaded: LoadedModel) -> bool:
    """Returns whether the features of some rows change with the rows that are beside them.

    Args:
        extractor: One whose scope is the row; whatever it raises of all rows is raised.
        samples: A few rows.
        loaded: The model.
    """
    together = checked(extractor, extractor(samples, loaded), len(samples))
    if isinstance(extractor, RowExtractor):  # which is given one row at a time
        return False
    for row, sample in enumerate(samples):
        try:
            alone = checked(extractor, extractor([sample], loaded), 1)
        except Exception:
            return True
        if alone.keys() != together.keys():
            return True
        if any(not _alike(alone[name][0], values[row], values) for name, values in together.items()):
            return True
    return False


def _alike(one: NDArray[np.generic], other: NDArray[np.generic], of_all: NDArray[np.generic]) -> bool:
    if one.shape != other.shape:
        return False
    if of_all.dtype.kind not in "fiu":
        return bool(np.array_equal(one, other))
    sizes = np.abs(of_all[np.isfinite(of_all)].astype(np.float64))
    allowed = max(ROUNDING * sizes.max(initial=0.0), ZERO)
    return np.allclose(one, other, rtol=0.0, atol=allowed, equal_nan=True)
