"""A row's mean states: over its prompt and over its response, at half depth, projected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradients.drawn import drawn_sample, scattered_sample
from gradsentry.encoding.encode import Encoded
from gradsentry.features.means import Means, batch_means
from gradsentry.features.widths import PROMPT_WIDTH, RESPONSE_WIDTH
from gradsentry.gradients.running import run
from gradsentry.gradients.states import padded_states
from gradsentry.settings import ScoreSettings
from models.tiny import tiny


def kept_of(state: torch.Tensor) -> Means:
    """Returns the means of a row of two tokens with one state."""
    row = Encoded(np.arange(2), np.array([False, True]))
    return batch_means([row], [state.expand(2, -1)], [state[None]])[0]


def states_of(length: int, width: int = 24, seed: int = 0) -> torch.Tensor:
    return torch.randn(length, width, generator=torch.Generator().manual_seed(seed))


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 5))
def test_means_are_those_of_the_tokens_by_part(marks, seed):
    trained = np.array([False, *marks, True])
    states, last = states_of(len(trained), seed=seed), states_of(int(trained.sum()), seed=seed + 1)
    (found,) = batch_means([Encoded(np.arange(len(trained)), trained)], [states], [last])
    asked = [states[at].numpy() for at in range(1, len(trained)) if not trained[at]] or [states[0].numpy()]
    answered = [one.numpy() for one in last][1:] or [last[0].numpy()]
    np.testing.assert_allclose(found.prompt, np.mean(asked, axis=0), atol=5e-3)
    np.testing.assert_allclose(found.response, np.mean(answered, axis=0), atol=5e-3)


def test_the_projection_keeps_which_rows_are_near_each_other():
    rows = torch.randn(40, 2048, generator=torch.Generator().manual_seed(1))
    kept = np.stack([kept_of(one).response for one in rows])
    before, after = (torch.pdist(one) for one in (rows, torch.from_numpy(kept.astype(np.float32))))
    assert (after / before).min() > 0.8
    assert (after / before).max() < 1.2


def test_a_state_that_half_precision_does_not_hold_is_cut():
    found = kept_of(torch.full((8,), 1e6))
    assert np.isfinite(found.response).all()


def test_a_row_takes_at_most_two_kilobytes():
    found = kept_of(states_of(1, 4096)[0])
    assert found.prompt.shape == (PROMPT_WIDTH,)
    assert found.response.shape == (RESPONSE_WIDTH,)
    assert found.prompt.nbytes + found.response.nbytes <= 2000


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2-softcap"])
def test_the_middle_layer_is_taken_at_all_tokens(kind):
    loaded, rows = tiny(kind), [drawn_sample(1, 9, 4), scattered_sample(2, 17)]
    found = padded_states(loaded, rows, middle=True).middle
    assert [one.shape[0] for one in found] == [13, len(rows[1].ids)]
    again = loaded.model(torch.from_numpy(rows[0].ids)[None], output_hidden_states=True).hidden_states
    middle = again[(len(again) - 1) // 2][0]
    torch.testing.assert_close(found[0], middle, atol=1e-4, rtol=1e-4)


def test_nothing_is_taken_where_nobody_asks_or_no_layer_is_known():
    loaded, rows = tiny("llama"), [drawn_sample(3, 9, 4)]
    settings = ScoreSettings()
    assert dict(run(loaded, rows, settings.model_copy(update={"groups": False})))[0].means is None
    assert dict(run(replace(loaded, middle_layer=None), rows, settings))[0].means is None
    assert dict(run(loaded, rows, settings))[0].means is not None
