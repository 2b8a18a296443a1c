"""Runs of rows that lie in no file of the user's: what is kept of them opens the run again."""

from __future__ import annotations

import io
import shutil
import sys

import pandas
import PIL.Image
import polars
import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List

from cli.command import caller
from gradsentry import open_run, scan, screen
from gradsentry.errors import RunError
from gradsentry.settings import DataSettings
from integrations.made import POISONED, ROWS, made_corpus

from .rows import qa_rows

MADE = made_corpus()
ROWS_OF = [{"prompt": one.prompt, "completion": one.response, "kind": one.number % 2} for one in MADE.samples]


def splits():
    """Splits in an order that is not that of their names."""
    whole = Dataset.from_list(ROWS_OF).cast_column("kind", ClassLabel(names=["a", "b"]))
    return DatasetDict(train=whole.select(range(200)), test=whole.select(range(200, ROWS)))


KINDS = {
    "list": lambda: ROWS_OF,
    "pandas": lambda: pandas.DataFrame(ROWS_OF),
    "polars": lambda: polars.DataFrame(ROWS_OF),
    "arrow": lambda: pa.Table.from_pylist(ROWS_OF),
    "dataset": lambda: Dataset.from_list(ROWS_OF).select(range(ROWS)),
    "stream": lambda: Dataset.from_list(ROWS_OF).to_iterable_dataset(),
    "splits": splits,
}


@pytest.fixture
def run(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.mark.costly
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_run_of_rows_in_memory_opens_again(kind, tmp_path):
    verdict = screen(KINDS[kind]())
    verdict.save(tmp_path / "made")
    shutil.move(tmp_path / "made", tmp_path / "run")
    opened = open_run(tmp_path / "run")
    assert opened.counts == verdict.counts
    assert opened.flagged.to_pylist() == verdict.flagged.to_pylist()
    assert [one.row for one in opened.corpus] == [one.row for one in verdict.corpus]
    assert opened.corpus.splits == verdict.corpus.splits
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert len([name for name in before if name.startswith("data")]) == 1
    opened.save(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        (lambda: ROWS_OF, {"limit": 250}),
        (splits, {"split": "test"}),
        (splits, {"limit": 250}),
        (KINDS["stream"], {"limit": 250}),
        (KINDS["pandas"], {"limit": 250}),
    ],
)
def test_rows_are_kept_as_they_were_read(data, reading, tmp_path):
    verdict = screen(data(), out=tmp_path, reading=DataSettings(**reading))
    assert open_run(tmp_path).counts == verdict.counts


def test_the_commands_work_on_what_python_saved(tmp_path, run):
    verdict = screen(ROWS_OF, out=tmp_path / "run")
    first = verdict.flagged["id"][0].as_py()
    assert "flagged" in run("explain", tmp_path / "run", first).out
    assert "vrbx" in run("explain", tmp_path / "run", "F1").out
    assert run("report", tmp_path / "run").code == 0


@pytest.mark.costly
def test_a_scan_of_rows_in_memory_is_explained_and_decided_again(tmp_path, loaded, run):
    scan(Dataset.from_list(qa_rows(40)), loaded, out=tmp_path / "run", progress=False)
    assert "score" in run("explain", tmp_path / "run", "3", "--no-model").out
    assert run("threshold", tmp_path / "run", "--tau", "0.5").code == 0
    assert run("report", tmp_path / "run").code == 0
    assert scan(Dataset.from_list(qa_rows(40)), loaded, out=tmp_path / "run").manifest["rows_resumed"] == 40


def test_what_was_piped_in_is_kept(tmp_path, monkeypatch, run):
    lines = Dataset.from_list(ROWS_OF).to_pandas().to_json(orient="records", lines=True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"\n{lines}\n".encode())))
    run("evidence", "-", "--out", tmp_path / "run")
    assert open_run(tmp_path / "run").counts["flagged"] == POISONED


@pytest.mark.parametrize("loss", ["gone", "changed", "broken"])
@pytest.mark.parametrize("kind", ["list", "pandas", "dataset"])
def test_kept_rows_that_are_not_what_they_were(kind, loss, tmp_path):
    screen(KINDS[kind](), out=tmp_path)
    (kept,) = tmp_path.glob("data*")
    if loss == "gone":
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    for file in kept.rglob("*.arrow") if kept.is_dir() else [kept] if kept.exists() else []:
        file.write_bytes(b"\0" if loss == "broken" else file.read_bytes().replace(b"vrbx", b"VRBX"))
    with pytest.raises(RunError) as caught:
        open_run(tmp_path)
    said = {
        "gone": "its data was in memory, and the rows that were kept in it are gone; bring them back",
        "changed": "its data was changed since the scan",
        "broken": "its data cannot be read",
    }
    assert said[loss] in caught.value.line()


@pytest.mark.costly
@pytest.mark.parametrize("kind", ["path", "bytes", "list", "splits"])
def test_pictures_in_a_data_set_are_kept_as_they_were(kind, tmp_path):
    def picture(number):
        place = tmp_path / f"{number}.png"
        PIL.Image.new("RGB", (2, 2), (number % 256, 0, 0)).save(place)
        return PIL.Image.open(place) if kind == "bytes" else str(place)

    of_rows = [picture(number) for number in range(ROWS)]
    rows = Dataset.from_list(ROWS_OF)
    if kind == "list":
        rows = rows.add_column("seen", [[one] for one in of_rows]).cast_column("seen", List(Image()))
    else:
        features = Features(rows.features | {"seen": Image()})
        rows = Dataset.from_list(
            [row | {"seen": one} for row, one in zip(ROWS_OF, of_rows, strict=True)], features=features
        )
    if kind == "splits":
        rows = DatasetDict(train=rows.select(range(200)), test=rows.select(range(200, ROWS)))
    verdict = screen(rows, out=tmp_path / "run")
    opened = open_run(tmp_path / "run")
    assert opened.counts == verdict.counts
    assert opened.flagged.to_pylist() == verdict.flagged.to_pylist()
    assert [one.row for one in opened.corpus] == [one.row for one in verdict.corpus]
    first = opened.clean["train"] if kind == "splits" else opened.clean
    assert first.features == (rows["train"] if kind == "splits" else rows).features
    seen = first[1]["seen"]
    assert (seen[0] if kind == "list" else seen).size == (2, 2)
    assert screen(rows, out=tmp_path / "run").outcome == verdict.outcome
