"""Features for the mixes: what a row says by itself is read once, whatever attack, rate or defence asks.

Rows are known by their content. What several defences read off a forward pass is read off one, and rows that
are versions of each other are read together, so that the beginning they share is run once.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradsentry.bench.measuring import Meter
from gradsentry.bench.pools import Mix, Pool, content_hash
from gradsentry.bench.rows import RowFiles
from gradsentry.corpus import Sample
from gradsentry.corpus.streams import replacing
from gradsentry.defences import (
    Extractor,
    Features,
    MixExtractor,
    PoolExtractor,
    RowExtractor,
    read_features,
)
from gradsentry.defences.arrays import as_arrays, unusable
from gradsentry.models.loading import LoadedModel

CHUNK = 32
"""Rows that are read and written together at most: so much a kill costs, and so often is told how far it is.

It is a count and no time, so that a rerun reads each row beside the same others: in bfloat16 these change the
second or third digit of a loss.
"""

COST_ROWS = 32
"""Rows on which the cost of reading is measured, alone and with nothing shared with their other versions."""

OnRows = Callable[[int, int], None]
"""Called with how many rows are read, of how many."""


def _silent(done: int, total: int) -> None:
    pass


def chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields parts of the keys, as many in each as are read together."""
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


@dataclass(frozen=True)
class Extracted:
    """Features and what they cost.

    Attributes:
        features: Arrays with a row for each sample.
        seconds: For a row, mean; wall-clock time.
        cpu_seconds: For a row, mean; time of the cores.
        peak_mb: Most memory of the process.
    """

    features: Features
    seconds: float
    cpu_seconds: float
    peak_mb: float


class FeatureStore:
    """Computes features, or takes them from a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, RowFiles] = {}

    def prepare(
        self,
        wanted: Sequence[tuple[RowExtractor, Sequence[Sample]]],
        loaded: LoadedModel,
        on_rows: OnRows = _silent,
    ) -> dict[int, Exception]:
        """Reads what the extractors want of their rows and the folder does not hold, in one pass a row.

        Args:
            wanted: Extractors and rows; versions of the same row stand together.
            loaded: The model.
            on_rows: Called with how many rows are read, of how many.

        Returns:
            What those failed with that did, by their place: they are read no further, and the others are.
        """
        rows: dict[str, Sample] = {}
        missing: dict[str, list[int]] = {}
        for number, (extractor, samples) in enumerate(wanted):
            known = self._rows(extractor, loaded)
            for sample in samples:
                key = content_hash([sample])
                if key not in known:
                    rows[key] = sample
                    missing.setdefault(key, []).append(number)
        alike: dict[tuple[int, ...], list[str]] = {}
        for key, numbers in missing.items():
            alike.setdefault(tuple(dict.fromkeys(numbers)), []).append(key)
        done = 0
        failed: dict[int, Exception] = {}
        for which, keys in alike.items():
            for chunk in chunks(keys):
                on_rows(done, len(rows))
                going = {number: wanted[number][0] for number in which if number not in failed}
                failed |= self._add(going, {key: rows[key] for key in chunk}, loaded)
                done += len(chunk)
        return failed

    def _add(
        self, extractors: Mapping[int, RowExtractor], rows: Mapping[str, Sample], loaded: LoadedModel
    ) -> dict[int, Exception]:
        """Reads rows for all extractors, in one pass, or where that fails for each; returns what failed."""
        if not extractors:
            return {}
        try:
            found = read_features(list(extractors.values()), anonymous(list(rows.values())), loaded)
        except Exception as error:
            # Whatever somebody's own raises is its own result, and no other's.
            if len(extractors) == 1:
                return dict.fromkeys(extractors, error)
            parts = (self._add({number: one}, rows, loaded) for number, one in extractors.items())
            return {number: raised for part in parts for number, raised in part.items()}
        for extractor, features in zip(extractors.values(), found, strict=True):
            self._rows(extractor, loaded).add(list(rows), features)
        return {}

    def holds(self, extractor: Extractor, samples: Sequence[Sample], loaded: LoadedModel) -> bool:
        """Returns whether the folder has what is read off each of some rows."""
        known = self._rows(extractor, loaded)
        return all(content_hash([sample]) in known for sample in samples)

    def of_mix(
        self, extractor: Extractor, pool: Pool, mix: Mix, loaded: LoadedModel, on_rows: OnRows = _silent
    ) -> Extracted:
        """Returns the features of a mix, its rows in order; see `prepare` for `on_rows`."""
        samples = pool.samples
        chosen = [samples[row] for row in mix.rows]
        if extractor.scope == "row":
            cost = self._cost(extractor, pool, loaded)
            return Extracted(self._read(extractor, chosen, loaded, on_rows), *cost)
        of_mix = extractor.scope == "mix"
        whole = self._kept(extractor, anonymous(chosen if of_mix else samples), loaded, on_rows)
        seconds = np.array([whole.seconds, whole.cpu_seconds, whole.peak_mb])
        if isinstance(extractor, PoolExtractor | MixExtractor):
            reading = np.array(self._cost(extractor.of, pool, loaded))
            seconds = np.append(seconds[:2] + reading[:2], max(seconds[2], reading[2]))
        features = whole.features
        if not of_mix:
            features = {name: rows[mix.rows] for name, rows in features.items()}
        return Extracted(features, *seconds.tolist())

    def of_mix_alone(self, extractor: Extractor, pool: Pool, mix: Mix, loaded: LoadedModel) -> Features:
        """Returns the features of a mix, made of its rows and no others; they are not kept."""
        samples = pool.samples
        return extractor(anonymous([samples[row] for row in mix.rows]), loaded)

    def _read(
        self, extractor: Extractor, samples: Sequence[Sample], loaded: LoadedModel, on_rows: OnRows
    ) -> Features:
        """Returns what depends on each row alone, after computing what the folder does not hold of it."""
        keys = [content_hash([sample]) for sample in samples]
        rows = self._rows(extractor, loaded)
        if isinstance(extractor, RowExtractor):
            if failed := self.prepare([(extractor, samples)], loaded, on_rows):
                raise failed[0]
        else:
            missing = {key: one for key, one in zip(keys, samples, strict=True) if key not in rows}
            done = 0
            for chunk in chunks(list(missing)):
                on_rows(done, len(missing))
                done += len(chunk)
                found = extractor(anonymous([missing[key] for key in chunk]), loaded)
                rows.add(chunk, checked(extractor, found, len(chunk)))
        return rows.gather(keys)

    def _kept(
        self, extractor: Extractor, samples: Sequence[Sample], loaded: LoadedModel, on_rows: OnRows
    ) -> Extracted:
        """Returns features that depend on the rows as a whole."""
        key = hashlib.sha256(f"{_key(extractor, loaded)} {content_hash(samples)}".encode()).hexdigest()
        file = self._folder / f"{key}.npz"
        if file.is_file():
            with np.load(file, allow_pickle=False) as arrays:
                features = {name: arrays[name] for name in arrays.files}
            seconds, cpu_seconds, peak_mb = features.pop("cost").tolist()
            return Extracted(features, seconds, cpu_seconds, peak_mb)
        if isinstance(extractor, PoolExtractor | MixExtractor):
            read = self._read(extractor.of, samples, loaded, on_rows)
            with Meter() as meter:
                features = (
                    extractor.related(read)
                    if isinstance(extractor, PoolExtractor)
                    else extractor.related(samples, read)
                )
        else:
            with Meter() as meter:
                features = extractor(samples, loaded)
        rows = len(samples)
        features = checked(extractor, features, rows)
        cost = (meter.seconds / rows, meter.cpu_seconds / rows, meter.peak_mb)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, cost=np.array(cost), **features)
        with replacing(file) as stream:
            stream.write(buffer.getvalue())
        return Extracted(features, *cost)

    def _cost(self, extractor: Extractor, pool: Pool, loaded: LoadedModel) -> tuple[float, float, float]:
        """Returns seconds and CPU seconds a row, and the peak of memory, of this extractor alone."""
        samples = anonymous(pool.clean[:COST_ROWS])
        file = self._rows(extractor, loaded).folder / f"cost-{content_hash(samples)}.json"
        if file.is_file():
            seconds, cpu_seconds, peak_mb = json.loads(file.read_text(encoding="utf-8"))
            return seconds, cpu_seconds, peak_mb
        with Meter() as meter:
            extractor(samples, loaded)
        cost = (meter.seconds / len(samples), meter.cpu_seconds / len(samples), meter.peak_mb)
        with replacing(file) as stream:
            stream.write(json.dumps(cost).encode())
        return cost

    def _rows(self, extractor: Extractor, loaded: LoadedModel) -> RowFiles:
        key = _key(extractor, loaded)
        if key not in self._files:
            self._files[key] = RowFiles(self._folder / f"{extractor.name}-{key[:16]}")
        return self._files[key]


def checked(extractor: Extractor, given: object, rows: int) -> Features:
    """Returns what an extractor returned, as arrays.

    Raises:
        UsageError: If that are no arrays by name, or where a row's own are kept, none with a row for each.
    """
    features = as_arrays(given, type(extractor))
    for name, one in features.items():
        if extractor.scope != "mix" and one.shape[:1] != (rows,):
            returned = f"{len(one)} values of {name}" if one.ndim else f"one value of {name}"
            raise unusable(type(extractor), returned, f"one for each of {rows} rows")
    return features


def anonymous(samples: Sequence[Sample]) -> list[Sample]:
    """Returns the rows without anything by which a version could be told: a detector sees the turns."""
    return [
        Sample(number=place, id=place, turns=sample.turns, conversational=sample.conversational, row={})
        for place, sample in enumerate(samples)
    ]


def _key(extractor: Extractor, loaded: LoadedModel) -> str:
    parts = [
        extractor.name,
        extractor.version,
        extractor.model_dump(mode="json"),
        loaded.fingerprint,
        str(loaded.dtype),
        *filter(None, [extractor.code]),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
