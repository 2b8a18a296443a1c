"""A verdict that is saved, and a run that is opened again."""

from __future__ import annotations

import datasets
import pytest

from gradsentry import outcome, scorefiles, scoring
from gradsentry.errors import RunError
from gradsentry.opening import open_run
from gradsentry.screening import scan
from gradsentry.settings import DataSettings, ThresholdSettings

from .rows import UNSCORABLE, mixed_rows, qa_rows, read_rows, write_rows

FIFTH = {"deciding": ThresholdSettings(method="quantile", quantile=0.8), "policy": "published"}


def test_a_run_is_opened_again(tmp_path, loaded, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_rows(tmp_path / "here/data.jsonl", mixed_rows())
    verdict = scan("data.jsonl", loaded, out="run", **FIFTH)
    clean = verdict.clean
    monkeypatch.chdir(tmp_path)
    again = open_run("here/run")
    assert again.as_json() == verdict.as_json()
    assert again.scores.table().equals(verdict.scores.table())
    assert again.manifest == verdict.manifest
    assert again.clean == clean


def test_a_folder_of_files(tmp_path, loaded):
    (tmp_path / "data").mkdir()
    for name, seed in (("a", 0), ("b", 100)):
        write_rows(tmp_path / f"data/{name}.jsonl", qa_rows(30, seed=seed))
    verdict = scan(tmp_path / "data", loaded, out=tmp_path / "run", **FIFTH)
    assert open_run(tmp_path / "run").counts == verdict.counts
    kept = [row for name in "ab" for row in read_rows(tmp_path / f"run/clean/{name}.jsonl")]
    assert kept == verdict.clean


def test_a_data_set_repository(tmp_path, loaded):
    place = tmp_path / "repository"
    place.mkdir()
    write_rows(place / "train.jsonl", qa_rows(40))
    write_rows(place / "test.jsonl", qa_rows(5))
    verdict = scan(place, loaded, out=tmp_path / "run", reading=DataSettings(split="train"))
    assert verdict.counts["rows"] == 40
    assert read_rows(tmp_path / "run/clean/train.jsonl") == verdict.clean
    assert not (tmp_path / "run/clean/test.jsonl").exists()
    again = open_run(tmp_path / "run")
    assert again.counts == verdict.counts
    assert again.as_json()["left_out"] == ["the split `test`"]


def test_a_hub_id_is_opened_again_by_its_name(tmp_path, loaded, monkeypatch):
    asked = []

    def load(name, config):
        asked.append((name, config))
        return datasets.DatasetDict(train=datasets.Dataset.from_list(qa_rows(5)))

    monkeypatch.setattr(datasets, "load_dataset", load)
    scan("owner/name:config", loaded, out=tmp_path / "run")
    assert open_run(tmp_path / "run").counts["rows"] == 5
    assert asked == [("owner/name", "config")] * 2


def test_data_in_memory_is_not_taken_for_a_folder_of_its_name(tmp_path, loaded, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").mkdir()
    write_rows(tmp_path / "train/other.jsonl", qa_rows(3))
    splits = datasets.DatasetDict(train=datasets.Dataset.from_list(qa_rows(5)))
    scan(splits, loaded, out="run")
    assert open_run("run").counts["rows"] == 5


@pytest.mark.parametrize("loss", ["changed", "gone", "broken"])
def test_data_that_is_not_what_it_was(tmp_path, loaded, loss):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(5))
    scan(data, loaded, out=tmp_path / "run")
    if loss == "changed":
        write_rows(data, qa_rows(6))
    elif loss == "gone":
        data.unlink()
    else:
        data.write_bytes(b"\0")
    with pytest.raises(RunError) as caught:
        open_run(tmp_path / "run")
    said = {
        "changed": f"its data was changed since the scan ({data}); scan again into another directory",
        "gone": f"its data cannot be read ({data}: no such file or folder; check the path)",
        "broken": f"its data cannot be read ({data}:1: holds a NUL byte; ",
    }
    assert caught.value.line().startswith(f"{tmp_path}/run: {said[loss]}")


@pytest.mark.costly
def test_save_writes_what_a_scan_would(tmp_path, loaded, monkeypatch):
    for module in (scorefiles, outcome):
        monkeypatch.setattr(module, "SHARD_ROWS", 256)
    monkeypatch.setattr(scoring, "WINDOW_ROWS", 128)  # each lies in one shard
    count = 256 + 40
    data = write_rows(tmp_path / "data.jsonl", qa_rows(count))
    scanned = scan(data, loaded, out=tmp_path / "scanned")
    run = scan(data, loaded).save(tmp_path / "saved")
    for name in ("scores/000000.parquet", "scores/000001.parquet", "clean.jsonl", "flagged.jsonl"):
        assert (run.path / name).read_bytes() == (tmp_path / "scanned" / name).read_bytes()
    again = scan(data, loaded, out=run.path)
    assert again.manifest["rows_resumed"] == count
    assert again.counts == scanned.counts
    assert len(again.scores) == count


def test_save_of_rows_in_memory(tmp_path, loaded):
    rows = mixed_rows()
    verdict = scan(rows, loaded, **FIFTH)
    run = verdict.save(tmp_path / "run")
    verdict.save(tmp_path / "run")
    assert read_rows(run.path / "clean.jsonl") == verdict.clean
    assert len(read_rows(run.path / "unscored.jsonl")) == len(UNSCORABLE)
    with pytest.raises(RunError, match="a run of other data"):
        scan(qa_rows(9), loaded).save(tmp_path / "run")


def test_a_run_in_the_folder_of_the_data_is_refused(tmp_path, loaded):
    write_rows(tmp_path / "data.jsonl", qa_rows(5))
    with pytest.raises(RunError) as caught:
        scan(tmp_path, loaded, out=tmp_path / "run")
    assert "lies in the folder of the data" in caught.value.line()
    assert not (tmp_path / "run").exists()
