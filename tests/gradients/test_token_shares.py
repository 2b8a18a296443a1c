"""Each token's share of the spectrum against autograd's gradient of that token's loss alone."""

from __future__ import annotations

import numpy as np
import pytest

from gradients.drawn import drawn_sample, scattered_sample
from gradsentry.encoding.encode import Encoded
from gradsentry.gradients.head import token_shares
from gradsentry.gradients.reference import reference_gradient
from gradsentry.gradients.states import padded_states
from models.tiny import tiny


def reference_shares(loaded, encoded, *, crop, k):
    """Returns `sum_i u_i^T G_t v_i / sum_i s_i` of each token, G_t from autograd of its loss by T."""
    whole = reference_gradient(loaded, encoded)
    rows, columns = whole.shape[0] // crop, whole.shape[1] // crop
    left, values, right = np.linalg.svd(whole[:rows, :columns].double().numpy())
    k, terms = min(k, len(values)), []
    for place in np.flatnonzero(encoded.trained):
        only = np.zeros_like(encoded.trained)
        only[place] = True
        part = reference_gradient(loaded, Encoded(encoded.ids, only))[:rows, :columns].double().numpy()
        terms.append(np.trace(left[:, :k].T @ part @ right[:k].T) / encoded.trained.sum())
    return np.array(terms) / values[:k].sum()


@pytest.mark.parametrize("kind", ["llama", "llama-tied", "gemma2-softcap", "cohere-scale", "phi-bias"])
@pytest.mark.parametrize(("crop", "k"), [(1, 16), (3, 4)])
def test_shares_are_those_of_single_gradients(kind, crop, k):
    loaded = tiny(kind)
    for encoded in (drawn_sample(0, 4, 1), drawn_sample(1, 5, 12), scattered_sample(4, 30)):
        A = padded_states(loaded, [encoded]).wanted
        for block in (1 << 25, 50):
            shares = token_shares(loaded.head, encoded, A, crop=crop, k=k, block=block)
            assert shares.shape == (encoded.n_response,)
            assert shares == pytest.approx(reference_shares(loaded, encoded, crop=crop, k=k), abs=1e-5)
            assert shares.sum() == pytest.approx(1.0)
