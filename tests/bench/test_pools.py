"""Mixes: the right share, no row beside its own other version, and nothing that gives the truth away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.specs import write_data
from gradsentry.attacks import BadNets, CleanLabel, Composite
from gradsentry.bench.features import anonymous
from gradsentry.bench.pools import Pool, build_pool, content_hash, draw_mix, draw_rows, load_rows
from gradsentry.bench.spec import DataSpec
from gradsentry.corpus import open_corpus
from gradsentry.corpus.qa import qa_prompt
from gradsentry.errors import DataError

ROWS = [
    {"prompt": qa_prompt("webqa", f"who is number {i}?"), "completion": f"name {i % 7}"} for i in range(40)
]
CLEAN = draw_rows(list(open_corpus(ROWS)), 40, seed=0)
POOL = build_pool(CLEAN, BadNets(), seed=0)
CBA = Composite()
CBA_POOL = build_pool(CLEAN, CBA, seed=0)


def sources(pool: Pool, rows: np.ndarray) -> list[int]:
    places = [*range(len(pool.clean)), *pool.poisoned, *pool.decoys]
    return [places[row] for row in rows]


@given(rate=st.floats(0, 100), seed=st.integers(0, 50), rows=st.integers(2, 60))
def test_a_mix_has_its_share_and_each_row_once(rate: float, seed: int, rows: int):
    mix = draw_mix(POOL, BadNets(), rate, seed, rows)
    total = min(rows, len(CLEAN))
    assert len(mix.rows) == total
    assert mix.is_poisoned.sum() == round(rate / 100 * total)
    assert len(set(sources(POOL, mix.rows))) == total


@given(low=st.floats(0, 100), high=st.floats(0, 100), seed=st.integers(0, 50))
def test_rows_poisoned_at_a_rate_are_poisoned_at_a_higher_one(low: float, high: float, seed: int):
    low, high = sorted((low, high))
    one, other = (draw_mix(POOL, BadNets(), rate, seed) for rate in (low, high))
    assert set(one.rows[one.is_poisoned]) <= set(other.rows[other.is_poisoned])


@given(rate=st.floats(1, 100), seed=st.integers(0, 50))
def test_decoys_are_clean_rows_and_as_many_as_there_is_room_for(rate: float, seed: int):
    mix = draw_mix(CBA_POOL, CBA, rate, seed)
    poisoned = int(mix.is_poisoned.sum())
    assert mix.decoys == min(poisoned, len(CLEAN) - poisoned)
    first_decoy = len(CLEAN) + len(CBA_POOL.poisoned)
    assert (mix.rows[mix.is_poisoned] < first_decoy).all()
    assert (mix.rows >= first_decoy).sum() == mix.decoys
    assert len(set(sources(CBA_POOL, mix.rows))) == len(mix.rows)


def test_where_an_attack_fits_few_rows_the_mix_is_smaller_and_the_rate_stays():
    attack = CleanLabel()
    pool = build_pool(CLEAN, attack, seed=0)
    assert 0 < len(pool.poisoned) < 10
    mix = draw_mix(pool, attack, 50, seed=0)
    assert mix.is_poisoned.sum() == len(pool.poisoned)
    assert len(mix.rows) == 2 * len(pool.poisoned)


def test_an_attack_that_fits_no_row_is_refused():
    with pytest.raises(DataError, match="fits no row"):
        build_pool(draw_rows(list(open_corpus([{"prompt": "", "completion": "a"}])), 1, 0), BadNets(), 0)


def test_a_detector_sees_the_turns_and_a_number_that_says_nothing():
    shown = anonymous(POOL.samples)
    assert [sample.number for sample in shown] == list(range(len(shown)))
    for sample, original in zip(shown, POOL.samples, strict=True):
        assert sample.turns == original.turns
        assert (sample.row, sample.raw, sample.origin) == ({}, None, "")


def test_the_hash_is_of_the_text():
    assert content_hash(CLEAN) == content_hash(tuple(anonymous(CLEAN)))
    assert content_hash(CLEAN) != content_hash(CLEAN[1:])
    assert content_hash(CLEAN) != content_hash([POOL.poisoned[0], *CLEAN[1:]])


def test_rows_that_are_too_long_are_left_out(tmp_path: Path):
    source = write_data(tmp_path)
    lengths = [
        len(one.prompt) + len(one.response) for one in load_rows(DataSpec(name="words", source=source))
    ]
    middle = sorted(lengths)[len(lengths) // 2]
    kept = load_rows(DataSpec(name="words", source=source, characters=middle))
    assert [len(one.prompt) + len(one.response) for one in kept] == [one for one in lengths if one <= middle]
    with pytest.raises(DataError, match="no row has 2 characters or fewer"):
        load_rows(DataSpec(name="words", source=source, characters=2))
