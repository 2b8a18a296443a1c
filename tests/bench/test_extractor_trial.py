"""What is tried on a few rows before a benchmark: no alarm of what is a row's own, one of what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from gradsentry.bench.extractor_trial import ROWS, depends_on_others, readers
from gradsentry.bench.spec import Spec
from gradsentry.corpus import Sample, open_corpus
from gradsentry.defences import DETECTORS, Extractor, Features
from gradsentry.defences.base import Scope
from gradsentry.embedded import embedded_data_path
from gradsentry.models.loading import LoadedModel
from models.tiny import tiny

OURS = Spec.read(
    {"data": ["embedded"], "attacks": ["badnets"], "defences": list(DETECTORS), "rates": [10]}, where="test"
)
ON_ROWS = readers(OURS, OURS.data[0])


class Made(Extractor):
    """Features that a function makes of the lengths of responses, in words."""

    name = "test_made"
    made: Callable[[np.ndarray], object]

    @property
    def scope(self) -> Scope:
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        lengths = np.array([len(sample.response.split()) for sample in samples], float)
        return {"made": self.made(lengths)}  # type: ignore[dict-item]


def samples() -> list[Sample]:
    return list(open_corpus(embedded_data_path()))[:ROWS]


def test_what_is_read_off_rows_is_listed_once_with_the_defences_that_use_it():
    shown = {one.extractor.name: one.shown for one in ON_ROWS}
    assert shown["mean_loss"] == "loss"
    assert {"gradsentry", "gradsentry_full"} < set(shown["forward"].split(", "))
    assert "carried" not in shown


@pytest.mark.costly
@pytest.mark.parametrize("reader", ON_ROWS, ids=lambda one: one.extractor.name)
def test_features_of_our_own_do_not_change_with_other_rows(reader):
    assert not depends_on_others(reader.extractor, samples(), tiny("llama"))


@pytest.mark.parametrize(
    "made",
    [
        lambda lengths: lengths / lengths.mean(),
        lambda lengths: lengths - np.median(lengths),
        lambda lengths: lengths.argsort().argsort(),
        lambda lengths: np.array([np.sum(lengths == one) for one in lengths]),
        lambda lengths: (lengths - lengths.mean()) / lengths.std(),
        lambda lengths: np.zeros((len(lengths), int(lengths.max()))),
        lambda lengths: lengths > np.quantile(lengths, 0.9),
        lambda lengths: np.polyval(np.polyfit(lengths[:2], [0, 1], 1), lengths) / (len(lengths) - 1),
    ],
)
def test_a_statistic_over_the_rows_is_told(made):
    assert depends_on_others(Made(made=made), samples(), tiny("llama"))


@pytest.mark.parametrize("made", [np.log1p, list, lambda lengths: np.where(lengths > 2, lengths, np.nan)])
def test_what_is_of_the_row_alone_is_not(made):
    assert not depends_on_others(Made(made=made), samples(), tiny("llama"))
