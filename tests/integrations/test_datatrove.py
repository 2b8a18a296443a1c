"""datatrove itself: its reader, its executor and its writers around our filters."""

from __future__ import annotations

import pytest

from gradsentry import screen
from gradsentry.errors import DataError, RunError
from integrations.made import INSULT, POISONED, ROWS, made_corpus, read_lines, write_lines


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture(scope="module")
def rows(made):
    return [
        {"id": f"row-{one.number}", "prompt": one.prompt, "completion": one.response} for one in made.samples
    ]


@pytest.fixture
def library(pipelines):
    from types import SimpleNamespace

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    return SimpleNamespace(executor=LocalPipelineExecutor, reader=JsonlReader, writer=JsonlWriter)


def run(library, tmp_path, block, tasks=1):
    """Runs a pipeline over `data`; returns its statistics and the rows that went on."""
    steps = [
        library.reader(str(tmp_path / "data"), text_key="completion"),
        block,
        library.writer(str(tmp_path / "out"), compression=None),
    ]
    executor = library.executor(steps, tasks=tasks, workers=1, logging_dir=str(tmp_path / "logs"))
    stats = executor.run()
    block_stats = next(one for one in stats.stats if "GradSentry" in one.name)
    return block_stats, read_lines(*sorted((tmp_path / "out").glob("*.jsonl")))


def writer(library, tmp_path):
    return library.writer(str(tmp_path / "dropped"), compression=None)


def dropped(tmp_path):
    return read_lines(*sorted((tmp_path / "dropped").glob("*.jsonl")))


def test_a_pipeline_drops_the_flagged_rows_with_a_reason(library, made, rows, tmp_path):
    from gradsentry.integrations.datatrove import ScreenFilter

    write_lines(tmp_path / "data" / "rows.jsonl", rows)
    block = ScreenFilter(text_key="completion", exclusion_writer=writer(library, tmp_path))
    stats, kept = run(library, tmp_path, block)
    poisoned = {f"row-{number}" for number in made.poisoned}
    assert {row["id"] for row in dropped(tmp_path)} == poisoned
    assert {row["id"] for row in kept} == {row["id"] for row in rows} - poisoned
    assert all(
        INSULT in row["metadata"]["filter_reason"] and "vrbx" in row["metadata"]["filter_reason"]
        for row in dropped(tmp_path)
    )
    assert (stats.stats["total"].total, stats.stats["dropped"].total) == (ROWS, POISONED)


def test_a_calibration_of_ones_own_decides(library, rows, strict, tmp_path):
    from gradsentry.integrations.datatrove import ScreenFilter

    write_lines(tmp_path / "data" / "rows.jsonl", rows)
    _, kept = run(library, tmp_path, ScreenFilter(text_key="completion", calibration=strict))
    assert len(kept) == len(rows)


def test_a_row_that_nobody_judged_goes_with_its_reason(library, rows, tmp_path):
    from gradsentry.integrations.datatrove import ScreenFilter

    unread = {"id": "unread", "prompt": {"of": "another kind"}, "completion": "an answer"}
    write_lines(tmp_path / "data" / "rows.jsonl", [*rows, unread])
    block = ScreenFilter(text_key="completion", exclusion_writer=writer(library, tmp_path))
    _, kept = run(library, tmp_path, block)
    (found,) = [row for row in dropped(tmp_path) if row["id"] == "unread"]
    assert found["metadata"]["filter_reason"].startswith("not judged: `prompt` is an object")
    assert "unread" not in {row["id"] for row in kept}


def test_several_tasks_drop_by_one_run(library, made, rows, tmp_path):
    from gradsentry.integrations.datatrove import RunFilter

    for shard in range(3):
        write_lines(tmp_path / "data" / f"{shard}.jsonl", rows[shard::3])
    verdict = screen(tmp_path / "data", out=tmp_path / "run")
    assert verdict.counts["flagged"] == POISONED
    block = RunFilter(tmp_path / "run", exclusion_writer=writer(library, tmp_path))
    stats, kept = run(library, tmp_path, block, tasks=3)
    assert {row["id"] for row in dropped(tmp_path)} == {f"row-{number}" for number in made.poisoned}
    assert len(kept) == ROWS - POISONED
    assert stats.stats["total"].total == ROWS


def test_a_row_that_the_run_does_not_know_is_refused(library, rows, tmp_path):
    from gradsentry.integrations.datatrove import RunFilter

    write_lines(tmp_path / "data" / "rows.jsonl", rows)
    screen(tmp_path / "data", out=tmp_path / "run")
    write_lines(tmp_path / "data" / "rows.jsonl", [*rows, rows[0] | {"id": "new"}])
    with pytest.raises(DataError, match="no row has the id 'new'; judge the data that the pipeline reads"):
        run(library, tmp_path, RunFilter(tmp_path / "run"))
    with pytest.raises(RunError):
        RunFilter(tmp_path / "none")
