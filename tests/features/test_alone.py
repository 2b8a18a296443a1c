"""The loss of a response without its prompt, and which rows it is computed for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradients.drawn import drawn_sample
from gradsentry.corpus import open_corpus
from gradsentry.features.alone import alone
from gradsentry.features.drawing import READ_ALONE, drawn, is_drawn, lot
from gradsentry.gradients.running import losses_alone
from gradsentry.scoring import score_table
from gradsentry.settings import ScoreSettings
from models.tiny import tiny


@pytest.fixture(scope="module")
def loaded():
    return tiny("llama")


@pytest.fixture(scope="module")
def encoded():
    return [drawn_sample(number, 4 + number % 5, 3 + number) for number in range(12)]


def test_it_is_the_loss_behind_the_start_token_alone(loaded, encoded):
    found = losses_alone(loaded, encoded, range(len(encoded)), ScoreSettings())
    for row, one in enumerate(encoded):
        bare = alone(one, loaded.tokenizer)
        assert bare.ids[1:].tolist() == one.ids[one.trained].tolist()
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.from_numpy(bare.ids)[None]).logits[0, :-1].float()
        expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(bare.ids[1:]))
        assert found[row] == pytest.approx(float(expected), abs=1e-4)


def test_rows_that_are_there_change_no_other(loaded, encoded):
    whole = losses_alone(loaded, encoded, range(len(encoded)), ScoreSettings(token_budget=64))
    rest = losses_alone(
        loaded, encoded, range(len(encoded)), ScoreSettings(token_budget=64), done={0, 1, 5, 6, 7}
    )
    assert rest == {row: loss for row, loss in whole.items() if row not in {0, 1, 5, 6, 7}}


def test_a_scan_keeps_it_where_groups_are_looked_for(loaded):
    samples = list(open_corpus([{"prompt": f"p{row} a", "completion": f"r{row} b"} for row in range(12)]))
    known, unknown = (
        score_table(samples, loaded, ScoreSettings(groups=groups))["loss_alone"] for groups in (True, False)
    )
    assert known.null_count == 0
    assert unknown.null_count == len(samples)


@given(st.integers(0, 2**40))
def test_a_lot_is_a_share(number):
    assert 0.0 <= lot(number) < 1.0
    assert is_drawn(number) or number >= READ_ALONE


@pytest.mark.parametrize("rows", [READ_ALONE, 5_000, 100_000])
def test_all_rows_of_small_lots_were_read_and_not_many_more(rows):
    lots = np.array([lot(number) for number in range(rows)])
    read = np.array([is_drawn(number) for number in range(rows)])
    assert read[lots < READ_ALONE / rows].all()
    assert read.sum() <= 1.1 * READ_ALONE * (1 + np.log(rows / READ_ALONE))


def test_rows_are_drawn_evenly_and_the_same_always():
    numbers = np.arange(10_000)
    chosen = drawn(numbers, 1000)
    assert len(chosen) == 1000
    assert (np.diff(chosen) > 0).all()
    assert abs(chosen.mean() - 5000) < 300
    assert set(drawn(numbers[::2], 300)) <= set(drawn(numbers[::2], 600))
    assert drawn(numbers[:50], 1000).tolist() == list(range(50))
