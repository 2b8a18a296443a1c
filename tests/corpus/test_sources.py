"""Data sets in memory and from the Hub, selecting rows, and the hash of the data."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, Features, Json, List, Value

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError

from .files import content_of, make_file, rows_of

ROWS = [{"prompt": f"p{number}", "completion": f"c{number}", "day": number} for number in range(6)]
KEEP = np.array([True, False, True, True, False, True])
KEPT = [ROWS[0], ROWS[2], ROWS[3], ROWS[5]]


def test_a_list_stays_a_list_of_the_same_rows():
    corpus = open_corpus(ROWS)
    kept = corpus.select(KEEP)
    assert kept == KEPT
    assert kept[0] is ROWS[0]
    assert [sample.origin for sample in corpus][:2] == ["rows[0]", "rows[1]"]


def test_a_path_gives_a_list_of_rows(tmp_path):
    assert open_corpus(make_file(tmp_path, ROWS)).select(KEEP) == KEPT


def test_a_data_set_stays_one_with_its_features_and_format():
    features = Features(
        {"prompt": Value("large_string"), "completion": Value("string"), "day": Value("int8")}
    )
    dataset = Dataset.from_list(ROWS, features=features).with_format("numpy")
    kept = open_corpus(dataset).select(KEEP)
    assert isinstance(kept, Dataset)
    assert kept.features == features
    assert kept.format["type"] == "numpy"
    assert kept.with_format(None).to_list() == KEPT


def test_columns_of_json_are_decoded():
    calls = [{"name": "f", "arguments": {"x": [1, "a"]}}]
    row = {"messages": [{"role": "assistant", "content": None, "tool_calls": calls}]}
    message = {"role": Value("string"), "content": Value("string"), "tool_calls": Json()}
    dataset = Dataset.from_list([row], features=Features({"messages": List(message)}))
    (sample,) = open_corpus(dataset)
    assert sample.response == '[{"name": "f", "arguments": {"x": [1, "a"]}}]'


def test_a_list_is_saved_as_json_lines_and_a_data_set_as_parquet(tmp_path):
    for data, name in ((ROWS, "out.jsonl"), (Dataset.from_list(ROWS), "out.parquet")):
        corpus = open_corpus(data)
        saved = corpus.save(tmp_path / "out", corpus)
        assert saved.name == name
        assert rows_of(saved) == ROWS


def test_values_that_json_has_no_form_for_are_written(tmp_path):
    row = {"prompt": "p", "completion": "c", "n": np.int64(3), "v": np.arange(2), "d": date(2024, 1, 2)}
    corpus = open_corpus([row])
    assert rows_of(corpus.save(tmp_path / "out", corpus)) == [
        {"prompt": "p", "completion": "c", "n": 3, "v": [0, 1], "d": "2024-01-02"}
    ]


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    path = make_file(tmp_path, ROWS)
    assert open_corpus(path).sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_hash_of_a_folder_depends_on_names_and_bytes(tmp_path):
    def folder(name, **files):
        (tmp_path / name).mkdir()
        for file, rows in files.items():
            (tmp_path / name / f"{file}.jsonl").write_bytes(content_of(".jsonl", rows))
        return open_corpus(tmp_path / name).sha256()

    first = folder("one", a=ROWS, b=ROWS[:1])
    assert folder("two", a=ROWS, b=ROWS[:1]) == first
    assert folder("three", a=ROWS, c=ROWS[:1]) != first
    assert folder("four", a=ROWS, b=ROWS[:2]) != first


@pytest.mark.parametrize("rights", [0o000, 0o400])
def test_a_folder_that_must_not_be_read_is_refused(rights):
    nobody = 65534
    with (
        tempfile.TemporaryDirectory() as place
    ):  # not below the tests' own folder, which only its owner enters
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "sub").mkdir()
        for each in (folder, folder / "sub"):
            make_file(each, [{"prompt": "p", "completion": "c"}])
        user = os.geteuid()
        try:
            if user == 0:  # whom nothing is forbidden
                os.chown(folder / "sub", nobody, -1)
                os.seteuid(nobody)
            (folder / "sub").chmod(rights)
            with pytest.raises(DataError) as refused:
                open_corpus(folder)
        finally:
            os.seteuid(user)
            (folder / "sub").chmod(0o755)
    assert str(refused.value).startswith(f"{folder}/sub")
    assert str(refused.value).endswith(": cannot be read (Permission denied); check the path and its rights")


def test_the_hash_of_rows_in_memory_is_that_of_their_content():
    first = open_corpus(ROWS).sha256()
    assert open_corpus([dict(row) for row in ROWS]).sha256() == first
    assert open_corpus(Dataset.from_list(ROWS)).sha256() == first
    assert open_corpus(ROWS[::-1]).sha256() != first


def test_taking_a_row_that_is_not_there():
    with pytest.raises(IndexError, match="rows has no row 6"):
        open_corpus(ROWS).take([0, 6])


def test_a_hub_id_that_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError) as caught:
        open_corpus("nobody/nothing")
    assert str(caught.value) == (
        "nobody/nothing: no file of this name, nor could it be loaded as a data set (ConnectionError: "
        "Couldn't reach 'nobody/nothing' on the Hub (OfflineModeIsEnabled)); "
        "check the name, the configuration (`subset`) and the network"
    )
