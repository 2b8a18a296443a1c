"""The page of a run's columns is that of its files, and what it says of them is so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gradsentry.corpus import open_corpus
from gradsentry.deciding.columns import ROW_COLUMNS, SCORE_COLUMNS, kind_of, page
from gradsentry.encoding.encode import encode
from gradsentry.gradients.reference import reference_gradient, reference_spectrum
from gradsentry.gradients.windows import WIDTH
from gradsentry.scoretable import SCHEMA
from gradsentry.screening import scan
from gradsentry.settings import ScoreSettings
from gradsentry.textual import screen

from .rows import qa_rows

CROP, K = 2, 6


@pytest.fixture(scope="module")
def run(loaded, tmp_path_factory):
    """Returns the verdict of a saved scan, and its directory."""
    out = tmp_path_factory.mktemp("columns") / "run"
    return scan(qa_rows(60), loaded, out=out, scoring=ScoreSettings(crop=CROP, k=K), progress=False), out


def test_the_page_is_current_and_the_page_of_the_commands_leads_to_it():
    docs = Path(__file__).parents[2] / "docs"
    said = "run `python -m gradsentry.deciding.columns > docs/columns.md`"
    assert (docs / "columns.md").read_text(encoding="utf-8") == page(), said
    assert "(columns.md)" in (docs / "commands.md").read_text(encoding="utf-8")


def test_every_column_of_the_files_is_on_the_page(run):
    verdict, out = run
    (file,) = out.glob("scores/*.parquet")
    assert list(SCORE_COLUMNS) == SCHEMA.names == pq.read_schema(file).names
    rows = {name: one.kind for name, one in ROW_COLUMNS.items() if name != "split"}
    assert {field.name: kind_of(field) for field in pq.read_schema(out / "rows.parquet")} == rows
    assert list(verdict.to_pandas()) == list(rows)


def test_a_run_of_texts_alone_has_no_scores_and_no_figures_of_a_model(tmp_path):
    screen(qa_rows(60), out=tmp_path / "run")
    assert not [*tmp_path.glob("run/scores/*.parquet")]
    table = pq.read_table(tmp_path / "run/rows.parquet").to_pandas()
    measured = table[["score", "expected", "excess", "deviation", "anomaly", "anomaly_deviation", "window"]]
    assert measured.isna().to_numpy().all()


def test_the_page_reads_the_scores(run, monkeypatch):
    verdict, out = run
    monkeypatch.chdir(out.parent)
    names = {}
    exec(page().partition("```python\n")[2].partition("```")[0], names)
    assert names["scores"]["score"].tolist() == verdict.scores["score"].to_pylist()


def test_what_is_said_of_the_numbers_is_so(run, loaded):
    verdict, _ = run
    table = verdict.scores.table().to_pandas()
    decided, width = verdict.to_pandas(), loaded.head.weight.shape[1]
    for sample, row in zip(open_corpus(qa_rows(60)), table.itertuples(), strict=True):
        gradient = reference_gradient(loaded, encode(sample, loaded.tokenizer, max_length=2048))
        np.testing.assert_allclose(row.spectrum, reference_spectrum(gradient, crop=CROP, k=K), atol=1e-6)
        assert (np.diff(row.spectrum) <= 0).all()
        assert (row.spectrum[row.n_response :] == 0).all()
        shares = np.maximum(row.spectrum, 1e-12) / np.maximum(row.spectrum, 1e-12).sum()
        assert row.score == pytest.approx(-(shares * np.log(shares)).sum() / np.log(K), abs=1e-5)
        assert len(row.token_losses) == len(row.token_ends) == row.n_response
        assert row.loss == pytest.approx(row.token_losses.astype(float).mean(), rel=1e-3)
        first, behind = row.window
        assert behind - first == min(WIDTH, row.n_response)
        assert row.window_loss == pytest.approx(row.token_losses[first:behind].astype(float).mean(), rel=1e-3)
        assert sample.response[slice(*row.window_chars)].split() == sample.response.split()[first:behind]
        assert row.token_ends[-1] == -1  # the end of the sequence
        assert len(row.prompt_mean) == len(row.response_mean) == width
    np.testing.assert_allclose(decided["anomaly"], table.window_loss * table.window_entropy**0.5, rtol=1e-6)
    np.testing.assert_allclose(decided["excess"], decided["score"] - decided["expected"])
    assert table.loss_alone.notna().all()
