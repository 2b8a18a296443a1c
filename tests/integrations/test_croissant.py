"""The rows that stay, described in Croissant, as its own library reads that."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import pytest

from cli.command import caller
from integrations.judged_files import digest, write_data


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_data()


def test_croissant_describes_the_rows_that_stay(call):
    ended = call("evidence", "some data.jsonl", "--out", "run", "--croissant", "run/croissant.json", "--json")
    assert ended.code == 0, ended.error
    described = mlcroissant.Dataset(jsonld="run/croissant.json")
    assert not described.metadata.ctx.issues.errors
    (file,) = described.metadata.distribution
    assert (file.content_url, file.sha256) == ("clean.jsonl", digest("run/clean.jsonl"))
    rows = [json.loads(line) for line in Path("run/clean.jsonl").read_text().splitlines()]
    read = list(described.records("rows"))
    assert [one["rows/prompt"].decode() for one in read] == [row["prompt"] for row in rows]
    assert [one["rows/weight"] for one in read] == [row["weight"] for row in rows]
    raw = json.loads(Path("run/croissant.json").read_text())
    assert "Verdict: poisoned." in " ".join(raw["rai:dataPreprocessingProtocol"])
    assert "Of 300 rows 270 stay" in " ".join(described.metadata.data_preprocessing_protocol)
    assert described.metadata.data_limitations


@pytest.mark.costly
def test_croissant_of_several_files_and_of_a_run_that_is_decided_again(call):
    assert call("evidence", "two", "--out", "run", "--json").code == 0
    ended = call(
        "threshold", "run", "--policy", "evidence", "--croissant", "croissant.json", "--in-toto", "s.json"
    )
    assert ended.code == 0, ended.error
    described = mlcroissant.Dataset(jsonld="croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert {file.content_url for file in described.metadata.distribution} == {
        "run/clean/a.jsonl",
        "run/clean/b.jsonl",
    }
    assert len(json.loads(Path("s.json").read_text())["subject"]) == 2


def test_columns_that_are_no_texts_or_numbers_are_left_out(call):
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"ask {n}"},
                {"role": "assistant", "content": f"say {n}"},
            ],
            "a b/c": n,
        }
        for n in range(30)
    ]
    Path("chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = call("evidence", "chat.jsonl", "--out", "run", "--croissant", "croissant.json", "--json")
    assert ended.code == 0, ended.error
    described = mlcroissant.Dataset(jsonld="croissant.json")
    assert not described.metadata.ctx.issues.errors
    (record_set,) = described.metadata.record_sets
    assert [field.name for field in record_set.fields] == ["a b/c"]
