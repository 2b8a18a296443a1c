"""What is kept of rows, and what is made anew of each mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from gradsentry.attacks import BadNets
from gradsentry.bench.features import CHUNK, FeatureStore
from gradsentry.bench.pools import Mix, build_pool
from gradsentry.bench.rows import RowFiles
from gradsentry.corpus import Sample, open_corpus
from gradsentry.defences import Extractor, Features, MixExtractor, RowExtractor
from gradsentry.defences.base import Scope
from gradsentry.defences.evidence import SURE
from gradsentry.defences.floors import MeanLoss as Mean
from gradsentry.defences.reading import Reading, read
from gradsentry.defences.rftc import Compared
from gradsentry.defences.scanned import Decided, RowScores
from gradsentry.embedded import embedded_data_path
from gradsentry.encoding.encode import Encoded
from gradsentry.errors import UsageError
from gradsentry.models.loading import LoadedModel
from models.tiny import tiny

READ: list[str] = []
MADE: list[list[str]] = []
LONG = 9


class Lengths(Extractor):
    """How long responses are; says of which rows it was asked."""

    name = "test_lengths"

    @property
    def scope(self) -> Scope:
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        READ.extend(sample.response for sample in samples)
        return {"length": np.array([len(sample.response) for sample in samples])}


class Ranks(MixExtractor):
    """Where a response's length stands in the mix."""

    name = "test_ranks"

    @property
    def of(self) -> Lengths:
        return Lengths()

    def related(self, samples: Sequence[Sample], features: Features) -> Features:
        MADE.append([sample.response for sample in samples])
        return {"rank": features["length"].argsort().argsort()}


def rows(count: int) -> tuple[Sample, ...]:
    return tuple(
        open_corpus([{"prompt": f"w{n}", "completion": "w9 " * (n % 7 + 1)} for n in range(5, 5 + count)])
    )


def test_a_row_is_read_once_for_all_mixes_that_hold_it(tmp_path: Path):
    loaded, samples = tiny("llama"), rows(12)
    store, pool = FeatureStore(tmp_path), build_pool(samples, None, 0)
    READ.clear()
    MADE.clear()
    mixes = [Mix(np.array(which), np.zeros(len(which), bool), 0) for which in ([0, 3, 5], [5, 3], [7, 0])]
    for mix in mixes:
        ranks = store.of_mix(Ranks(), pool, mix, loaded).features["rank"]
        lengths = store.of_mix(Lengths(), pool, mix, loaded).features["length"]
        assert ranks.tolist() == lengths.argsort().argsort().tolist()
        assert lengths.tolist() == [len(samples[row].response) for row in mix.rows]
    # Beside them the twelve rows that the cost is measured on.
    assert len(READ) == 4 + 12
    assert [[samples[row].response for row in mix.rows] for mix in mixes] == MADE


def test_rows_are_kept_as_they_are_read_and_it_is_told_how_far_that_is(tmp_path: Path, monkeypatch):
    loaded, pool, told = tiny("llama"), build_pool(rows(40), None, 0), []
    monkeypatch.setattr("gradsentry.bench.features.CHUNK", 8)
    monkeypatch.setattr("gradsentry.bench.features.COST_ROWS", 1)

    def stopped(done: int, total: int) -> None:
        told.append((done, total))
        if done == 16:
            raise KeyboardInterrupt

    mix = Mix(np.arange(40), np.zeros(40, bool), 0)
    for extractor in (Lengths(), Mean()):
        told.clear()
        with pytest.raises(KeyboardInterrupt):
            FeatureStore(tmp_path).of_mix(extractor, pool, mix, loaded, stopped)
        assert told == [(0, 40), (8, 40), (16, 40)]
        told.clear()
        again = FeatureStore(tmp_path).of_mix(extractor, pool, mix, loaded, lambda *at: told.append(at))
        assert told == [(0, 24), (8, 24), (16, 24)]
        assert all(len(values) == 40 for values in again.features.values())


class Faulty(RowExtractor):
    """What a plugin may do: it raises at a row in the middle."""

    name = "test_faulty"

    def of_reading(self, reading: Reading) -> Features:
        if len(reading.targets) == LONG:
            raise ValueError("a long one")
        return {"length": np.array(len(reading.targets))}


def test_what_fails_for_one_extractor_is_no_harm_to_those_that_are_read_with_it(tmp_path: Path, monkeypatch):
    loaded, passes = tiny("llama"), []
    monkeypatch.setattr("gradsentry.bench.features.CHUNK", 8)
    texts = [*(f"w{n} w9" for n in range(10, 30)), " ".join(["w9"] * (LONG - 1)), "w7", "w8"]
    samples = tuple(open_corpus([{"prompt": f"w{n + 30}", "completion": one} for n, one in enumerate(texts)]))

    def counted(loaded: LoadedModel, encoded: Sequence[Encoded]) -> Iterator[tuple[int, Reading]]:
        passes.append(len(encoded))
        return read(loaded, encoded)

    monkeypatch.setattr("gradsentry.defences.base.read", counted)
    store, pool = FeatureStore(tmp_path), build_pool(samples, None, 0)
    failed = store.prepare([(Faulty(), samples), (Mean(), samples)], loaded)
    assert [(number, str(error)) for number, error in failed.items()] == [(0, "a long one")]
    assert sum(passes) == 8 * 2 + 7 * 3  # the chunk with the long one is read for both, and then for each
    everything = Mix(np.arange(len(samples)), np.zeros(len(samples), bool), 0)
    passes.clear()
    monkeypatch.setattr("gradsentry.bench.features.COST_ROWS", 1)
    assert len(store.of_mix(Mean(), pool, everything, loaded).features["loss"]) == len(samples)
    assert passes == [1]  # nothing but what it costs


def test_numbers_that_are_whole_in_some_rows_alone_are_kept_as_they_are(tmp_path: Path):
    files = RowFiles(tmp_path / "rows")
    files.add(["a", "b"], {"number": np.array([1, 2])})
    files.add(["c"], {"number": np.array([0.5])})
    assert files.gather(["a", "c", "b"])["number"].tolist() == [1.0, 0.5, 2.0]
    files.add(["d"], {"number": np.array([[0.5, 1.0]])})
    with pytest.raises(UsageError, match=r"number has the shapes \(\) and \(2,\); return one shape"):
        files.gather(["a", "d"])


def test_rows_are_read_beside_the_same_others_however_long_they_take_and_after_an_interruption(
    tmp_path: Path, monkeypatch
):
    """What is read beside a row changes its last digits, in bfloat16 more than these."""
    loaded, samples, clock = tiny("llama"), rows(100), iter(range(0, 10**9, 1000))

    def read_into(name: str, on_rows: Callable[[int, int], None] = lambda done, total: None) -> set[str]:
        with suppress(KeyboardInterrupt):
            FeatureStore(tmp_path / name).prepare([(Mean(), samples)], loaded, on_rows)
        return {file.read_text() for file in (tmp_path / name).glob("*/*/rows.json")}

    def interrupted(done: int, total: int) -> None:
        if done == 2 * CHUNK:
            raise KeyboardInterrupt

    at_once = read_into("quick")
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert read_into("slow") == at_once
    assert len(read_into("interrupted", interrupted)) == 2
    assert read_into("interrupted") == at_once


@pytest.mark.costly
def test_what_is_kept_row_by_row_is_what_one_call_gives(tmp_path: Path):
    loaded, attack = tiny("llama"), BadNets()
    samples = tuple(open_corpus(embedded_data_path()))[:60]
    pool = build_pool(samples, attack, 0, limit=12)
    store = FeatureStore(tmp_path)
    for extractor in (RowScores(), Decided(), Compared(max_new_tokens=3)):
        for first in (0, 20):
            which = np.arange(first, first + 45)
            kept = store.of_mix(extractor, pool, Mix(which, which >= 60, 0), loaded).features
            whole = extractor([pool.samples[row] for row in which], loaded)
            assert kept.keys() == whole.keys()
            for name, values in whole.items():
                if name == "carried":  # a tiny model's odd rows lie at the bar of what is odd
                    assert ((kept[name] == SURE) == (values == SURE)).all()
                elif values.dtype.kind == "f":
                    np.testing.assert_allclose(kept[name], values, atol=1e-5)
                else:
                    assert (kept[name] == values).all()
