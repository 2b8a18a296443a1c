"""NeMo Curator itself: its batches, its pipeline, its reader and its writer around our stages."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import gradsentry
from gradsentry import screen
from gradsentry.errors import DataError, RunError
from integrations.made import POISONED, ROWS, made_corpus, read_lines, write_lines


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def rows(made):
    return [
        {"id": f"row-{one.number}", "prompt": one.prompt, "completion": one.response} for one in made.samples
    ]


def batch(data):
    from nemo_curator.tasks import DocumentBatch

    return DocumentBatch(dataset_name="mine", data=data)


def kept(rows, made):
    return [row for number, row in enumerate(rows) if number not in made.poisoned]


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table.from_pylist])
def test_a_batch_is_judged_and_keeps_its_type(kind, rows, made):
    from gradsentry.integrations.nemo_curator import ScreenStage

    stage = ScreenStage()
    given = batch(kind(rows))
    assert stage.validate_input(given)
    clean = stage.process(given)
    assert type(clean.data) is type(given.data)
    assert clean.to_pyarrow().to_pylist() == kept(rows, made)
    assert clean.dataset_name == "mine"


def test_a_calibration_of_ones_own_decides(rows, strict):
    from gradsentry.integrations.nemo_curator import ScreenStage

    assert len(ScreenStage(calibration=strict).process(batch(pd.DataFrame(rows))).data) == len(rows)


def test_batches_drop_by_one_run(rows, made, tmp_path):
    from gradsentry.integrations.nemo_curator import RunStage

    screen(write_lines(tmp_path / "rows.jsonl", rows), out=tmp_path / "run")
    stage = RunStage(tmp_path / "run")
    clean = [stage.process(batch(pd.DataFrame(rows[start : start + 100]))) for start in (0, 100, 200)]
    assert [row for one in clean for row in one.to_pyarrow().to_pylist()] == kept(rows, made)
    with pytest.raises(DataError, match="no row has the id 'new'"):
        stage.process(batch(pd.DataFrame([rows[0] | {"id": "new"}])))
    assert not stage.validate_input(batch(pd.DataFrame([{"prompt": "without an id"}])))
    with pytest.raises(RunError):
        RunStage(tmp_path / "none")


@pytest.mark.slow
def test_a_pipeline_reads_drops_and_writes(rows, made, pipelines, tmp_path, monkeypatch):
    """It needs a core to spare: the cluster that it begins gives up where its agents take 15 s."""
    sources = [str(Path(gradsentry.__file__).parents[1]), str(pipelines)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sources))  # of the workers
    from nemo_curator.backends.ray_data import RayDataExecutor
    from nemo_curator.pipeline import Pipeline
    from nemo_curator.stages.text.io.reader import JsonlReader
    from nemo_curator.stages.text.io.writer import JsonlWriter

    from gradsentry.integrations.nemo_curator import RunStage

    for shard in range(2):
        write_lines(tmp_path / "data" / f"{shard}.jsonl", rows[shard::2])
    screen(tmp_path / "data", out=tmp_path / "run")
    pipeline = Pipeline(name="clean")
    pipeline.add_stage(JsonlReader(str(tmp_path / "data"), files_per_partition=1))
    pipeline.add_stage(RunStage(tmp_path / "run"))
    pipeline.add_stage(JsonlWriter(str(tmp_path / "clean")))
    pipeline.run(RayDataExecutor())
    clean = read_lines(*sorted((tmp_path / "clean").glob("*.jsonl")))
    assert sorted(row["id"] for row in clean) == sorted(row["id"] for row in kept(rows, made))
    assert len(clean) == ROWS - POISONED
