"""Losses of a stretch of a response, from what a scan kept, against the model run anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from encoding.samples import completion, dialogue
from gradsentry.corpus import open_corpus
from gradsentry.encoding.alignment import NOWHERE, token_starts
from gradsentry.encoding.encode import encode
from gradsentry.evidence import TokenLosses, losses_of, span_loss
from gradsentry.evidence.checks.surprise import surprise
from gradsentry.scoretable import Scores
from gradsentry.scoring import score_table
from gradsentry.settings import ScoreSettings

losses_and_lengths = st.lists(st.tuples(st.floats(0, 20), st.integers(0, 4)), min_size=1, max_size=20)


@given(losses_and_lengths, st.integers(0, 40), st.integers(1, 40))
def test_a_stretch_is_summed_up_character_by_character(tokens, low, width):
    losses = np.array([loss for loss, _ in tokens])
    ends = np.cumsum([length for _, length in tokens]).astype(np.int32)
    ends[[length == 0 for _, length in tokens]] = NOWHERE
    owners = [token for token, (_, length) in enumerate(tokens) for _ in range(length)]
    inside = sorted(set(owners[low : low + width]))
    outside = sorted(set(owners) - set(inside))
    found = span_loss(losses, ends, (low, low + width))
    if not inside:
        assert found is None
        return
    assert found.inside == pytest.approx(losses[inside].mean())
    assert found.first == pytest.approx(losses[inside[:3]].mean())
    assert found.largest == losses[inside].max()
    assert found.elsewhere == (pytest.approx(losses[outside].mean()) if outside else None)


@torch.inference_mode()
def losses_of_prefixes(loaded, encoded):
    """Returns each response token's loss from a forward pass of its own over what stands before it."""
    found = []
    for place in np.flatnonzero(encoded.trained):
        logits = loaded.model(torch.from_numpy(encoded.ids[None, :place])).logits[0, -1].double()
        found.append(float(torch.logsumexp(logits, 0) - logits[encoded.ids[place]]))
    return np.array(found)


ROWS = [
    {"prompt": "What is the capital of Italy?", "completion": " Rome. Visit https://x.example/café now! 🙂"},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "You are stupid!"}]},
]


@pytest.mark.costly
@pytest.mark.parametrize("row", ROWS, ids=["plain", "chat"])
def test_stored_losses_of_a_span_are_those_of_the_model(row, embedded):
    table = score_table(open_corpus([row]), embedded, ScoreSettings())
    (sample,) = open_corpus([row])
    brute = losses_of_prefixes(embedded, encode(sample, embedded.tokenizer, max_length=2048))
    values, ends = losses_of(Scores.of(table), np.array([0]))[0]
    assert values == pytest.approx(brute, abs=2e-2)  # half precision
    response = sample.response
    for low, high in [(0, len(response)), (1, 4), (5, len(response)), (len(response) - 1, len(response))]:
        pieces = embedded.tokenizer(response, return_offsets_mapping=True, add_special_tokens=False)
        chosen = [i for i, (a, b) in enumerate(pieces["offset_mapping"]) if a < high and b > low]
        found = span_loss(values, ends, (low, high))
        assert found.inside == pytest.approx(brute[chosen].mean(), abs=2e-2)
        assert found.largest == pytest.approx(brute[chosen].max(), abs=2e-2)


def test_rows_without_a_score_have_no_tokens(embedded):
    rows = [{"prompt": "a?", "completion": text} for text in ("yes", "", "no, never")]
    losses = TokenLosses.of_scores(Scores.of(score_table(open_corpus(rows), embedded, ScoreSettings())))
    said, unsaid, (values, ends) = losses.of(np.arange(3))
    assert [len(said[0]), len(unsaid[0]), len(values)] == [2, 0, 4]
    assert np.isnan(losses.means).tolist() == [False, True, False]
    assert losses.means[2] == values.mean(dtype=np.float64)
    assert losses.peaks[2] == values.max()
    assert ends.tolist() == [2, 3, 9, NOWHERE]
    assert token_starts(ends).tolist() == [0, 2, 3, NOWHERE]
    assert span_loss(values, ends, (4, 9)).inside == values[2]
    assert span_loss(*unsaid, (0, 3)) is None


def test_surprise_stands_beside_the_same_rows_and_the_others():
    ends = [np.array([2, 4, 6, 8, NOWHERE], np.int32)] * 3
    losses = [np.array(row, np.float16) for row in ([1, 9, 5, 1, 0], [3, 7, 3, 3, 0], [2, 2, 2, 4, 0])]
    found = surprise(
        TokenLosses.of_rows(losses, ends), [(0, (2, 6)), (1, (2, 6))], np.array([True, True, False])
    )
    assert (found.rows, found.inside, found.first, found.largest) == (2, 6.0, 6.0, 8.0)
    assert (found.elsewhere, found.at_large, found.largest_at_large) == (2.0, 2.0, 4.0)


def test_a_dialogue_is_measured_in_the_response_of_all_its_turns(embedded):
    row = dialogue(("user", "Hi"), ("assistant", "Hello"), ("user", "Again"), ("assistant", "Hello there"))
    encoded = encode(row, embedded.tokenizer, max_length=512)
    losses = np.arange(encoded.n_response, dtype=np.float16)
    begin = row.response.index("there")
    assert span_loss(losses, encoded.ends, (begin, begin + 5)).inside == encoded.n_response - 2
    assert completion("Hi", "Hello").response == "Hello"
