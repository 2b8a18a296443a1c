"""Single rows: counted where they were planted, and none too many where all are alike."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gradsentry.deciding.singles import LEAST_ROWS, singles, standardised
from gradsentry.scoring import SCHEMA


def scored(rows: int, planted: int = 0, *, told: bool = False, seed: int = 0) -> pa.Table:
    """Returns scores of rows, the last of which are unlikely, and not told by their prompts unless `told`."""
    draw = np.random.default_rng(seed)
    length = draw.integers(5, 100, rows)
    loss = np.exp(draw.normal(0.5, 0.3, rows)) * length**-0.1
    gain = draw.normal(1.0, 0.2, rows)
    loss[rows - planted :] *= 5.0
    gain[rows - planted :] += 0.0 if told else -3.0
    lines = [
        {
            "number": row,
            "id": str(row),
            "status": "scored",
            "reason": "",
            "n_prompt": 9,
            "n_response": int(length[row]),
            "loss": float(loss[row]),
            "loss_alone": float(loss[row] + gain[row]),
        }
        for row in range(rows)
    ]
    return pa.Table.from_pylist(lines, schema=SCHEMA)


def test_planted_rows_are_counted_and_named():
    found = singles(scored(400, 24))
    assert found.too_many == pytest.approx(24, abs=4)
    assert np.mean(np.array(found.rows) >= 376) > 0.8
    assert found.is_unusual


@pytest.mark.parametrize("seed", range(4))
def test_none_is_too_many_among_rows_alike(seed):
    assert singles(scored(400, seed=seed)).too_many <= 3


def test_what_is_unlikely_and_told_is_no_news():
    assert singles(scored(400, 24, told=True)).too_many <= 3


def test_few_rows_tell_no_bulk():
    assert singles(scored(LEAST_ROWS - 1)) is None


def test_rows_that_were_not_read_alone_are_not_looked_at():
    table = scored(400, 24)
    place = table.schema.get_field_index("loss_alone")
    column = pa.array(
        [None if row < 200 else value for row, value in enumerate(table["loss_alone"].to_pylist())]
    )
    found = singles(table.set_column(place, SCHEMA.field("loss_alone"), column.cast(pa.float32())))
    assert found.looked_at == 200
    assert min(found.rows) >= 200


def test_the_bulk_is_not_moved_by_few():
    values = np.random.default_rng(0).normal(3.0, 2.0, 1000)
    values[:50] = 1e6
    assert abs(np.median(standardised(values)[50:])) < 0.1
    assert standardised(values)[50:].std() == pytest.approx(1.0, abs=0.1)
